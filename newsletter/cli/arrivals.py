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
from newsletter.cli.app import App, json_option, now_ms, pass_app, put, put_json, put_table
from newsletter.cli.progress import counting
from newsletter.cli.returning import way_back
from newsletter.cli.tell import people
from newsletter.countries import country_code
from newsletter.errors import ListFileError, UsageError
from newsletter.languages import normalise_tag
from newsletter.listfile import Listing, open_list
from newsletter.models import ImportReport, Profile
from newsletter.store import Store

CORE = frozenset({"email", "name", "language", "country"})


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
            _show_first(app, listing, found)
            app.confirm(f"Import {found.rows:,} rows into '{list_name}'?", yes=False)
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
        put_json(_import_json(report))
    else:
        _tell_import(report, list_name)
    if not asks:
        _tell_file(app, listing, found)
    _warn_import(app, report, list_name, source, near)
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


def _show_first(app: App, listing: Listing, found: Gathered) -> None:
    app.say(f"{found.rows:,} rows were read ({_kind(listing)}); the first of them:")
    columns = ("line", "email", "name", "language", "country")
    put_table(
        columns,
        (
            (r.line, r.profile.address.text, r.profile.name, r.profile.language, r.profile.country)
            for r in found.first
        ),
    )
    if found.rejected:
        app.say(f"{len(found.rejected):,} rows cannot be used and will be left out.")
    _tell_file(app, listing, found)


def _tell_file(app: App, listing: Listing, found: Gathered) -> None:
    """What a person should know of the file: before the question, where one is asked."""
    if listing.kind == "empty":
        app.warn("the file is empty")
    elif not found.rows and not found.rejected:
        app.warn("there is nobody in the file")
    fields = [column for column in listing.columns if column not in CORE]
    if fields:
        app.say(f"Also kept, as personal fields: {', '.join(fields)}")
    for warning in listing.warnings:
        app.warn(warning)


def _kind(listing: Listing) -> str:
    return f"{listing.kind}, {listing.encoding}" if listing.encoding else listing.kind


def _import_json(report: ImportReport) -> dict[str, object]:
    return {
        "added": report.added,
        "updated": report.updated,
        "unchanged": report.unchanged,
        "suppressed": report.suppressed,
        "duplicates": report.duplicates,
        "rejected": [{"line": r.line, "reason": r.reason} for r in report.rejected],
    }


def _tell_import(report: ImportReport, list_name: str) -> None:
    rows = [
        (report.added, "added"),
        (report.updated, "known already, updated"),
        (report.unchanged, "known already, unchanged"),
        (report.suppressed, "left out: they left before, or must not be mailed"),
        (report.duplicates, "repeats within the file"),
        (len(report.rejected), "rejected"),
    ]
    put(f"Imported into '{list_name}':")
    for count, what in rows:
        if count or what == "added":
            put(f"{count:>9,}  {what}")
    for row in report.rejected:
        put(f"  line {row.line}: {row.reason}")


def _warn_import(app: App, report: ImportReport, list_name: str, source: str, near: str) -> None:
    if report.list_created and near:
        app.warn(f"The list '{list_name}' is new and was made; there is also '{near}'.")
    elif report.list_created:
        app.say(f"The list '{list_name}' is new and was made.")
    if report.kept:
        app.warn(
            f"Damaged names did not replace good ones: {people(report.kept)} kept the name or field that was "
            "known."
        )
    if report.pending and not source:
        app.warn(
            f"{report.pending:,} of them are pending: none of these will be mailed yet. "
            'Import the file again with --source "how they agreed", if they did.'
        )


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
        language=normalise_tag(language) if language else "",
        country=_country(country),
        attributes=pairs,
    )
    with app.store() as store:
        near = _near_list(app, store, list_name, ask=app.interactive)
        report = arrivals.add_person(store, profile, list_name=list_name, source=source, now=now_ms())
        refused = way_back(app, store, parsed, list_name) if report.suppressed else None
    if refused is not None:
        raise refused
    app.say(f"{parsed.text} is in '{list_name}'" + ("." if source else ", pending."))
    _warn_import(app, report, list_name, source, near)


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
