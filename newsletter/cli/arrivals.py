"""People who come: subscribers import, subscribers add."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from newsletter import audience
from newsletter.addresses import parse_mailbox
from newsletter.cli.app import App, json_option, now_ms, pass_app, put, put_json, put_table, yes_option
from newsletter.cli.progress import counting
from newsletter.countries import country_code
from newsletter.errors import ListFileError, UsageError
from newsletter.languages import normalise_tag
from newsletter.listfile import read_list
from newsletter.models import ImportReport, ListFile, Profile

SHOWN = 5


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--list", "list_name", required=True, metavar="L", help="The list that they join.")
@click.option("--source", default="", help="How they agreed, e.g. 'sign-up sheet, Lyon congress 2026'.")
@json_option
@yes_option
@pass_app
def import_(app: App, file: Path, list_name: str, source: str, as_json: bool, yes: bool) -> None:
    """Take people from a spreadsheet or text file into a list. Nobody is mailed.

    FILE is .xlsx, CSV, TSV, or addresses line by line. Columns are found by their headers: email, name,
    language, country; any other becomes an attribute. Whoever left before, or is suppressed, is not brought
    back.

    \b
    Example:
      newsletter subscribers import dentists.xlsx --list dentists --source "congress sign-up, May 2026"
    """
    app.config  # noqa: B018  a missing project is said before the file is read
    try:
        found = read_list(file.read_bytes(), name=file.name)
    except PermissionError as error:
        raise ListFileError("cannot be opened", where=str(file), hint="close it in other programs") from error
    with app.store() as store:
        if app.interactive and not yes and found.rows:
            _show_first(app, found, list_name)
            app.confirm(f"Import {len(found.rows):,} rows into '{list_name}'?", yes=False)
        with counting(app, "Importing", len(found.rows)) as advance:
            report = audience.import_people(
                store,
                found,
                list_name=list_name,
                source=source,
                file_name=file.name,
                now=now_ms(),
                progress=advance,
            )
    if as_json:
        put_json(_import_json(report))
    else:
        _tell_import(app, report, list_name)
    _warn_import(app, report, list_name, source)


def _show_first(app: App, found: ListFile, list_name: str) -> None:
    app.say(f"{len(found.rows):,} rows were read ({_kind(found)}); the first of them:")
    columns = ("line", "email", "name", "language", "country")
    put_table(
        columns,
        (
            (r.line, r.profile.address.text, r.profile.name, r.profile.language, r.profile.country)
            for r in found.rows[:SHOWN]
        ),
    )
    if found.rejected:
        app.say(f"{len(found.rejected):,} rows cannot be used and will be left out.")


def _kind(found: ListFile) -> str:
    return f"{found.kind}, {found.encoding}" if found.encoding else found.kind


def _import_json(report: ImportReport) -> dict[str, object]:
    return {
        "added": report.added,
        "updated": report.updated,
        "unchanged": report.unchanged,
        "suppressed": report.suppressed,
        "duplicates": report.duplicates,
        "rejected": [{"line": r.line, "reason": r.reason} for r in report.rejected],
    }


def _tell_import(app: App, report: ImportReport, list_name: str) -> None:
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


def _warn_import(app: App, report: ImportReport, list_name: str, source: str) -> None:
    if report.list_created:
        app.say(f"The list '{list_name}' is new and was made.")
    for warning in report.warnings:
        app.warn(warning)
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
    """Add one person to a list.

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
        report = audience.add_person(store, profile, list_name=list_name, source=source, now=now_ms())
    if report.suppressed:
        app.warn(f"{parsed.text} left before or must not be mailed, and was not added.")
    else:
        app.say(f"{parsed.text} is in '{list_name}'" + ("." if source else ", pending."))
    _warn_import(app, report, list_name, source)


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
