"""What every command shares: the project, its database, and how the program talks."""

from __future__ import annotations

import json
import re
import shutil
import sys
import textwrap
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from functools import cache, cached_property
from itertools import islice
from pathlib import Path
from typing import Any

import click
from msgspec import Struct, field
from msgspec.structs import replace
from rich.cells import cell_len, set_cell_size
from rich.console import Console, JustifyMethod
from rich.table import Table

from newsletter import config
from newsletter.config import Config
from newsletter.errors import RefusedError, UsageError
from newsletter.relay import Relay
from newsletter.store import Store, open_store

NARROWEST = 20  # columns; some terminals say that they have none
MOST_ROWS = 1_000
"""Of a table that is laid out as a whole."""

WHOLE, LEAST = "email", 5
"""The column that is never folded, as addresses are copied; columns that others have at least, then."""

COMMAND = re.compile(r'newsletter(?: (?:"[^"]*"|[^\s"`,;()]*[^\s"`,;().:]))+')
HARMFUL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def now_ms() -> int:
    """The clock: UTC in milliseconds."""
    return time.time_ns() // 1_000_000


class Talk(Console):
    """What is said to the person, on stderr. Nothing ends because nobody listens any more."""

    def on_broken_pipe(self) -> None:
        """Be silent from now on; rich would end the program here, in the middle of whatever it does."""
        self.quiet = True


class App(Struct, dict=True):
    """One run of the program. Data goes to stdout, talk to stderr.

    `alone` lets the settings file decide, whatever the environment says.
    """

    project: Path | None = None
    alone: bool = False
    debug: bool = False
    talk: Talk = field(
        default_factory=lambda: Talk(stderr=True, highlight=False, soft_wrap=True, emoji=False)
    )

    @cached_property
    def config(self) -> Config:
        """The project's settings; raises ProjectError where there is no project."""
        root = config.find_root(self.project.resolve() if self.project is not None else Path.cwd())
        return config.load(root, {}) if self.alone else config.load(root)

    def store(self, *, create: bool = True) -> Store:
        """The project's database, made at first use; the caller closes it."""
        store = open_store(self.config.database, now=now_ms, create=create)
        for warning in store.warnings:
            self.warn(warning)
        return store

    @cached_property
    def relay(self) -> Relay:
        """The relay, its password asked for where there is a login without one."""
        relay = self.config.relay
        if relay is None:
            raise UsageError(
                "no mail server is set",
                where=str(self.config.root / config.FILE_NAME),
                hint="fill in [smtp] url there, or set NEWSLETTER_SMTP_URL",
            )
        return self._with_password(relay, "NEWSLETTER_SMTP_PASSWORD")

    @cached_property
    def outbox_relay(self) -> Relay | None:
        """The relay of the mails that `serve` writes by itself; None where none is set."""
        relay = self.config.outbox_relay
        own = relay is not None and relay != self.config.relay
        variable = "NEWSLETTER_OUTBOX_PASSWORD" if own else "NEWSLETTER_SMTP_PASSWORD"
        return self._with_password(relay, variable) if relay else None

    def _with_password(self, relay: Relay, variable: str) -> Relay:
        if not relay.user or relay.password or relay.token_command:
            return relay
        if not self.interactive:
            raise UsageError(
                f"the password of {relay.user} at {relay.host} is missing",
                hint=f"set {variable}, or run this in a terminal to be asked",
            )
        password = click.prompt(
            f"Password of {relay.user} at {relay.host}", hide_input=True, err=True, type=str
        )
        return replace(relay, password=password)

    def command(self, *words: str) -> str:
        """A command to type next, for this project, from where the person is."""
        place = ["--project", str(self.project)] if self.project is not None else []
        return " ".join([program(), *map(typed, [*place, *words])])

    @property
    def interactive(self) -> bool:
        """Whether a person sits at the terminal."""
        return sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()

    def say(self, text: str = "", style: str = "") -> None:
        """One sentence to the person, on stderr; lost where it cannot be written."""
        shown = plain(text)
        if self.talk.is_terminal:
            shown = folded(shown, self.talk.width)
        with suppress(OSError):  # its disk is full, its window is gone
            self.talk.print(shown, style=style or None, markup=False)

    def warn(self, text: str) -> None:
        """A sentence that the person should not miss."""
        self.say(f"Note: {text}", style="yellow")

    def confirm(self, question: str, *, yes: bool) -> None:
        """Ask before something that cannot be undone; raises RefusedError on no."""
        if yes:
            return
        if not self.interactive:
            raise UsageError(
                "this wants a yes, and there is no terminal to ask at", hint="add --yes to answer now"
            )
        if not click.confirm(question, err=True):
            raise RefusedError("nothing was done, as you wished")

    def local_time(self, ms: int) -> str:
        """A moment in the campaign's time zone, as people write it, with the zone's letters."""
        return f"{self.local(ms):%Y-%m-%d %H:%M %Z}"

    def local(self, ms: int) -> datetime:
        """A moment in the campaign's time zone."""
        return datetime.fromtimestamp(ms / 1000, self.config.campaign.zone)


@cache
def program() -> str:
    """What to type for this program: its name, or where no shell knows that, the path of what was started."""
    started = Path(sys.argv[0])
    known = started.stem != "newsletter" or shutil.which("newsletter")
    return "newsletter" if known else typed(str(started))


def plain(text: str) -> str:
    """Text that cannot steer a terminal: control and bidi-override characters become '·'."""
    return HARMFUL.sub("·", text)


def folded(text: str, width: int, hanging: int = 0) -> str:
    """Text in lines of at most `width`, broken between words; a command stays whole, to be copied.

    All lines but the first begin `hanging` columns to the right.
    """
    kept = COMMAND.sub(lambda command: command[0].replace(" ", "\0"), text)
    lines = (
        textwrap.fill(
            line,
            max(width, NARROWEST),
            break_long_words=False,
            break_on_hyphens=False,
            subsequent_indent=" " * hanging,
        )
        for line in kept.split("\n")
    )
    return "\n".join(lines).replace("\0", " ")


def typed(argument: str) -> str:
    """An argument as it is typed in any shell: in double quotes where it has more than letters and digits."""
    return argument if re.fullmatch(r"[\w.@+/-]+", argument) else f'"{argument.replace(chr(34), chr(39))}"'


def counted(count: int, one: str, many: str) -> str:
    """`1 row`, `2 rows`."""
    return f"{count:,} {one if count == 1 else many}"


def put(text: str) -> None:
    """A line of data, on stdout."""
    click.echo(plain(text))


def put_words(text: str, *, hanging: int = 0) -> None:
    """Sentences on stdout; in lines that break between words where a person reads them on a terminal."""
    put(folded(text, table_width(), hanging) if _is_terminal() else text)


def put_json(value: Any) -> None:
    """A value as JSON, on stdout."""
    click.echo(_json(value))


def put_json_list(values: Iterable[Any]) -> None:
    """Any number of values as a JSON list, on stdout, each as it comes."""
    before = "["
    for value in values:
        click.echo(f"{before}\n{_json(value)}".replace("\n", "\n  "), nl=False)
        before = ","
    click.echo("[]" if before == "[" else "\n]")


def _json(value: Any) -> str:
    encoding = (getattr(sys.stdout, "encoding", None) or "").lower()
    return json.dumps(value, ensure_ascii=not encoding.startswith("utf"), indent=2)


def put_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, right: Sequence[str] = ()) -> None:
    """A table on stdout; columns named in `right` are aligned there.

    A long one comes in parts, each with its heading and as wide as it needs to be.
    """
    cells = ([plain(str(cell)) for cell in row] for row in rows)
    part, coming = list(islice(cells, MOST_ROWS)), list(islice(cells, MOST_ROWS))
    if not coming:
        _put_table(columns, part, right)
        return
    while part:
        _put_aligned(columns, part, right)
        part, coming = coming, list(islice(cells, MOST_ROWS))


def _put_aligned(columns: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[str]) -> None:
    """Many rows, a hundred times as fast as rich, which would also hold all of them."""
    lines = [columns, *rows]
    widths = [max(map(cell_len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        padded = (
            " " * (width - cell_len(cell)) + cell if name in right else set_cell_size(cell, width)
            for name, cell, width in zip(columns, line, widths, strict=True)
        )
        click.echo("  ".join(padded).rstrip())


def _put_table(columns: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[str]) -> None:
    lines = [columns, *rows]
    whole = sum(max(cell_len(row[n]) for row in lines) for n, name in enumerate(columns) if name == WHOLE)
    width = max(table_width(), whole + LEAST * len(columns)) if whole else table_width()
    table = Table(box=None, pad_edge=False, header_style="bold", show_header=any(columns))
    for column in columns:
        justify: JustifyMethod = "right" if column in right else "left"
        table.add_column(column, justify=justify, overflow="fold", no_wrap=column == WHOLE)
    for row in rows:
        table.add_row(*row)
    Console(highlight=False, markup=False, emoji=False, width=width).print(table)


def table_width() -> int:
    """How wide a table on stdout may be: as the terminal, or wide where nobody looks at it."""
    return Console().width if _is_terminal() else 160


def _is_terminal() -> bool:
    return sys.stdout is not None and sys.stdout.isatty()


pass_app = click.make_pass_decorator(App)

yes_option: Callable[[Any], Any] = click.option(
    "--yes", "-y", is_flag=True, help="Answer yes to the question."
)
json_option: Callable[[Any], Any] = click.option(
    "--json", "as_json", is_flag=True, help="Print the answer as JSON, for programs."
)
