"""What is said of people who come: before the question, and after they were taken in."""

from __future__ import annotations

from collections.abc import Sequence

from newsletter.audience.arrivals import Gathered
from newsletter.cli.app import App, counted, put, put_table
from newsletter.listfile import Listing
from newsletter.models import ImportReport, RejectedRow
from newsletter.store import Store

CORE = frozenset({"email", "name", "language", "country"})
MOST_SHOWN = 5  # rows that cannot be used, before the question


def show_first(app: App, listing: Listing, found: Gathered) -> None:
    """The first rows, what cannot be used, and what to know of the file: before the question."""
    rows = counted(found.rows + len(found.rejected), "row was", "rows were")
    app.say(f"{rows} read ({_kind(listing)}); the first of them:")
    columns = ("line", "email", "name", "language", "country")
    put_table(
        columns,
        (
            (r.line, r.profile.address.text, r.profile.name, r.profile.language, r.profile.country)
            for r in found.first
        ),
    )
    if found.rejected:
        app.say(f"{counted(len(found.rejected), 'row', 'rows')} cannot be used and will be left out:")
        _put_rejected(found.rejected[:MOST_SHOWN])
        if len(found.rejected) > MOST_SHOWN:
            put(f"  and {len(found.rejected) - MOST_SHOWN:,} more")
    tell_file(app, listing, found)


def tell_file(app: App, listing: Listing, found: Gathered) -> None:
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


def import_json(report: ImportReport) -> dict[str, object]:
    """What an import did, for programs."""
    return {
        "added": report.added,
        "updated": report.updated,
        "unchanged": report.unchanged,
        "suppressed": report.suppressed,
        "duplicates": report.duplicates,
        "rejected": [{"line": r.line, "reason": r.reason} for r in report.rejected],
    }


def tell_import(report: ImportReport, list_name: str) -> None:
    """What an import did, for people; the counts last, as a long list of rejected rows would hide them."""
    if report.rejected:
        put("Rejected:")
        _put_rejected(report.rejected)
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
    if report.activated:
        who = counted(report.activated, "person", "people")
        put(f"Pending until now, and mailed from now on: {who}")


def _put_rejected(rejected: Sequence[RejectedRow]) -> None:
    for row in rejected:
        put(f"  line {row.line}: {row.reason}")


def tell_list(app: App, store: Store, list_name: str, near: str) -> None:
    """That a list is new, and who may join it."""
    if near:
        app.warn(f"The list '{list_name}' is new and was made; there is also '{near}'.")
    else:
        app.say(f"The list '{list_name}' is new and was made.")
    tell_public(app, store, list_name)


def tell_public(app: App, store: Store, list_name: str) -> None:
    """Whether anybody may join a list that was made, and how to change that."""
    found = store.lists.get(list_name)
    if found is None:
        return
    if found.hidden:
        offer = app.command("lists", "offer", found.name)
        app.say(f"It is hidden: nobody joins it on the public pages. To offer it there: {offer}")
        return
    pages = "the public pages" if app.config.web.base_url else "the public pages, once you have them"
    app.say(
        f"Anybody may join it on {pages}, where it is called '{found.title or found.name}'. "
        f"If it is not for everybody: {app.command('lists', 'hide', found.name)}"
    )
    if not found.title:
        app.say(f"To call it otherwise there: {app.command('lists', 'title', found.name, 'TITLE')}")


def warn_report(app: App, report: ImportReport, source: str, again: str) -> None:
    """What to look at after people were taken in; `again` is what to do for those who are pending."""
    if report.kept:
        app.warn(
            f"Damaged names did not replace good ones: {counted(report.kept, 'person', 'people')} kept the "
            "name or field that was known."
        )
    if report.pending and not source:
        who = counted(report.pending, "person is", "people are")
        app.warn(f"{who} pending, and will not be mailed yet. {again}")
