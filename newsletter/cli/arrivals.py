"""People who come: subscribers import, subscribers add."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from io import BytesIO
from pathlib import Path

import click

from newsletter.addresses import parse_mailbox
from newsletter.audience import arrivals
from newsletter.audience.arrivals import Gathered
from newsletter.cli.app import App, counted, json_option, now_ms, pass_app, put_json
from newsletter.cli.arrived import import_json, show_first, tell_file, tell_import, tell_list, warn_report
from newsletter.cli.progress import counting
from newsletter.cli.returning import way_back
from newsletter.countries import country_code
from newsletter.errors import ListFileError, UsageError
from newsletter.languages import language_tag
from newsletter.listfile import Listing, open_list
from newsletter.lookalikes import meant_domain
from newsletter.models import Profile
from newsletter.store import Store


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--list", "list_name", required=True, metavar="L", help="The list that they join.")
@click.option("--source", default="", help="How they agreed, e.g. 'sign-up sheet, Lyon congress 2026'.")
@json_option
@click.option("--yes", "-y", is_flag=True, help="On a terminal: import at once, without being asked.")
@pass_app
def import_(app: App, file: Path, list_name: str, source: str, as_json: bool, yes: bool) -> None:
    """Take people from a spreadsheet or text file into a list. Nobody is mailed.

    FILE is .xlsx, CSV, TSV, or a plain list of addresses. Columns are found by their headers: email, name,
    language, country; any other is kept as a personal field. Whoever left before, or is suppressed, is not
    brought back.

    \b
    Example:
      newsletter subscribers import dentists.xlsx --list dentists --source "congress sign-up, May 2026"
    """
    app.config  # noqa: B018  a missing project is said before the file is read
    listing = _opened(file)
    with app.store() as store, _gathered(app, store, listing) as found:
        asks = app.interactive and not yes and found.rows > 0
        near = _near_list(app, store, list_name, ask=asks)
        if asks:
            show_first(app, listing, found)
            if not source:
                app.warn("without --source (how they agreed) whoever is new stays pending, and is not mailed")
            app.confirm(f"Import {counted(found.rows, 'row', 'rows')} into '{list_name}'?", yes=False)
        with counting(app, "Importing", found.rows) as advance:
            report = arrivals.import_gathered(
                store,
                found,
                list_name=list_name,
                source=source,
                file_name=file.name,
                now=now_ms(),
                progress=advance,
            )
        number = store.import_log.last()
        if as_json:
            put_json(import_json(report))
        else:
            tell_import(report, list_name)
        if not asks:
            tell_file(app, listing, found)
        if report.list_created:
            tell_list(app, store, list_name, near)
    again = 'Import the file again with --source "how they agreed", if they did.'
    warn_report(app, report, source, again)
    if report.added or report.updated:
        app.say(f"A mistake? Before anybody is mailed: {app.command('imports', 'undo', str(number))}")


def _opened(file: Path) -> Listing:
    """The list in a file; what comes through a pipe, which is read only once, is held in memory."""
    try:
        if file.is_file():
            return open_list(lambda: file.open("rb"), name=file.name)
        data = file.read_bytes()
        return open_list(lambda: BytesIO(data), name=file.name)
    except PermissionError as error:
        raise ListFileError("cannot be opened", where=str(file), hint="close it in other programs") from error


@contextmanager
def _gathered(app: App, store: Store, listing: Listing) -> Iterator[Gathered]:
    with ExitStack() as stack:
        with counting(app, "Reading", None) as advance:
            found = stack.enter_context(arrivals.gathered(store, listing, advance))
        yield found


def _near_list(app: App, store: Store, name: str, *, ask: bool) -> str:
    """The list that may have been meant by a new one's name; at a terminal the person decides."""
    near = "" if store.lists.get(name) else store.lists.near(name)
    if near and ask:
        question = f"There is no list '{name}'; did you mean '{near}'? Make a new one?"
        app.confirm(question, yes=False)
    return near


@click.command("add")
@click.argument("address")
@click.option("--list", "list_name", required=True, metavar="L", help="The list that the person joins.")
@click.option("--name", default="", help="The person's name.")
@click.option("--language", default="", metavar="TAG", help="Like fr or pt-BR.")
@click.option("--country", default="", metavar="CC", help="Two letters, like FR.")
@click.option("--source", default="", help="How the person agreed; without it the person stays pending.")
@click.option("--set", "attributes", multiple=True, metavar="KEY=VALUE", help="An attribute; repeatable.")
@pass_app
def add(
    app: App,
    address: str,
    list_name: str,
    name: str,
    language: str,
    country: str,
    source: str,
    attributes: Sequence[str],
) -> None:
    """Add one person to a list. Who left before is not added: `subscribers invite` asks for their word.

    \b
    Example:
      newsletter subscribers add ana@example.org --list dentists --name "Ana Sample" --source "phone call"
    """
    given_name, parsed = parse_mailbox(address)
    pairs = dict(_pair(text) for text in attributes)
    profile = Profile(
        address=parsed,
        name=name or given_name,
        language=_language(language),
        country=_country(country),
        attributes=pairs,
    )
    meant = meant_domain(parsed.key)
    if meant:
        app.warn(f"{parsed.text} looks misspelt (meant {meant}?); it is taken as it stands")
    with app.store() as store:
        near = _near_list(app, store, list_name, ask=app.interactive)
        report = arrivals.add_person(store, profile, list_name=list_name, source=source, now=now_ms())
        if not report.suppressed:
            app.say(f"{parsed.text} is in '{list_name}'" + (", pending." if report.pending else "."))
        if report.list_created:
            tell_list(app, store, list_name, near)
        if report.suppressed:
            raise way_back(app, store, parsed, list_name)
    agreed = app.command(
        "subscribers", "add", parsed.text, "--list", list_name, "--source", "how they agreed"
    )
    warn_report(app, report, source, f"If they agreed, say how: {agreed}")


def _language(text: str) -> str:
    tag = language_tag(text) if text else ""
    if text and not tag:
        raise UsageError(f"'{text}' is no language", hint="write its tag, like en, fr or pt-BR")
    return tag


def _country(text: str) -> str:
    code = country_code(text) if text else ""
    if text and not code:
        raise UsageError(f"'{text}' is no country", hint="write two letters, like FR")
    return code


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key.isidentifier():
        raise UsageError(f"'{text}' is no KEY=VALUE", hint='write: --set practice="Sample Clinic"')
    return key.casefold(), value
