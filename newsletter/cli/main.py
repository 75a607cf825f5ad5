"""The `newsletter` command, and the one place where an error becomes a line."""

from __future__ import annotations

import errno
import io
import os
import re
import shutil
import sys
import traceback
from contextlib import suppress
from pathlib import Path

import click

from newsletter import __version__
from newsletter.cli.app import App, folded, plain
from newsletter.cli.groups import HOMES, Program
from newsletter.errors import IssueError, NewsletterError


@click.group(cls=Program, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--project",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="The project folder, if you are not in it.",
)
@click.option("--debug", is_flag=True, help="Show the program's own trace when something fails.")
@click.version_option(__version__, prog_name="newsletter")
@click.pass_context
def cli(context: click.Context, project: Path | None, debug: bool) -> None:
    """Write issues in markdown, keep lists of subscribers, and send each issue to each person once.

    \b
    Start here:
      newsletter demo             see all of it work on this machine, in a minute
      newsletter init my-news     make a project of your own
    """
    app = context.ensure_object(App)
    app.project, app.debug = project, debug


def run() -> None:
    """Entry point: every NewsletterError becomes one line on stderr and its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    app, debug = App(), "--debug" in sys.argv[1:]
    try:
        code = cli.main(prog_name="newsletter", standalone_mode=False, obj=app)
        sys.exit(code if isinstance(code, int) else 0)
    except IssueError as error:
        *before, last = error, *error.further
        for one in before:
            _tell(_to_type(app, str(one)))
        _fail(_to_type(app, str(last)), error.exit_code, debug)
    except NewsletterError as error:
        _fail(_to_type(app, str(error)), error.exit_code, debug)
    except click.exceptions.Abort:
        _fail("stopped", 1, debug)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        sys.exit(error.exit_code)
    except click.ClickException as error:
        _fail(_misuse(error), error.exit_code, debug)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    except OSError as error:
        _fail(_from_system(error), 2, debug)


def _to_type(app: App, text: str) -> str:
    """An error's next command as it works from where the person is: those who raise it do not know that."""
    bare = rf"(?<![\w/.\\-])newsletter (?=(?:{'|'.join(HOMES)})\b)"
    return re.sub(bare, lambda found: f"{app.command()} ", text)


def _misuse(error: click.ClickException) -> str:
    context = error.ctx if isinstance(error, click.UsageError) else None
    hint = f" (see: {context.command_path} --help)" if context else ""
    told = " ".join(error.format_message().split())
    told = re.sub(r"is not a valid integer(?: range)?\.", "is no whole number.", told)
    return re.sub(r"(\S+) is not in the range x>=(\d+)\.", r"\1 is too small: at least \2.", told) + hint


def _from_system(error: OSError) -> str:
    """What the system refused: of a file that could not be made, its folder is named."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        what = "the disk is full (free some space, then run the same command again)"
    elif isinstance(error, PermissionError) or error.errno == errno.EROFS:
        what = (
            "permission was refused (look whether you may read and write here, and whether another program "
            "has it open)"
        )
    else:
        what = str(error.strerror or error)
    if not isinstance(error.filename, str | bytes) or not error.filename:
        return what
    path = Path(os.fsdecode(error.filename))
    missing = isinstance(error, PermissionError) and not os.path.lexists(path)
    return f"{path.absolute().parent if missing else path}: {what}"


def _fail(line: str, code: int, debug: bool) -> None:
    if debug:
        traceback.print_exc()
    _tell(line)
    sys.exit(code)


def _tell(line: str) -> None:
    told = f"newsletter: {plain(line)}"
    if sys.stderr is not None and sys.stderr.isatty():
        told = folded(told, shutil.get_terminal_size().columns)
    with suppress(OSError):  # nobody listens: the exit code says it
        click.secho(told, fg="red", err=True)
