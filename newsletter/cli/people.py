"""Looking at people: subscribers show, find, list, export."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path

import click

from newsletter import links, private
from newsletter.addresses import parse_address
from newsletter.audience import reading
from newsletter.audience.preferences import person_data
from newsletter.audience.reading import parse_segment
from newsletter.cli.app import App, counted, json_option, now_ms, pass_app, put, put_json, put_table
from newsletter.errors import NotFoundError, UsageError
from newsletter.models import Subscriber
from newsletter.segments import Segment
from newsletter.store import Store

COLUMNS = ("email", "name", "language", "country", "state", "lists")
MOST_FOUND = 50


@click.command("show")
@click.argument("who", metavar="ADDRESS")
@json_option
@pass_app
def show(app: App, who: str, as_json: bool) -> None:
    """Everything that is known of one person (by address, or by a link's token).

    With --json it is the copy of their data to which people have a right.

    \b
    Examples:
      newsletter subscribers show ana@example.org
      newsletter subscribers show ana@example.org --json
    """
    with app.store(create=False) as store:
        person = find_person(store, who)
        facts = person_data(store, person.subject, now_ms())
        events = store.consent.of(person.subject)
        suppressions = store.suppressions.of(person.profile.address.key)
        deliveries = store.sends.deliveries_to(person.subject)
    if as_json:
        put_json(facts)
        return
    shown = ("email", "name", "language", "country", "state")
    put_table(("", ""), [(key, facts[key]) for key in shown])
    _put_some(
        ("list", "state", "since"),
        [(m.list_name, m.state.value, app.local_time(m.since)) for m in person.memberships],
    )
    _put_some(("attribute", "value"), list(person.profile.attributes.items()))
    _put_some(
        ("not mailed because", "since", "reason"),
        [(one.kind.value, app.local_time(one.since), one.reason) for one in suppressions],
    )
    _put_some(
        ("issue", "state", "when"),
        [(slug, one.state.value, app.local_time(one.updated)) for slug, one in deliveries],
    )
    _put_some(
        ("when", "what happened", "list", "source"),
        [(app.local_time(e.at), e.kind.value, e.list_name, e.source) for e in events],
    )


def _put_some(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A table behind a blank line, where there is anything in it."""
    if rows:
        put("")
        put_table(columns, rows)


def find_person(store: Store, who: str) -> Subscriber:
    """A person by address or token; raises NotFoundError."""
    person = None
    if "@" in who:
        person = store.people.get(parse_address(who).key)
    elif links.find_tokens(who):
        token = links.verify(store.keys.all(links.KEY_PURPOSE), links.find_tokens(who)[0])
        person = store.people.by_subject(token.subject)
    if person is None:
        raise nobody(who)
    return person


def nobody(who: str) -> NotFoundError:
    """That nobody has this address, and how to look for them."""
    return NotFoundError(
        "nobody here has this address",
        where=who,
        hint="find somebody by a part of a name or address: newsletter subscribers find TEXT",
    )


def _read_segment(store: Store, text: str | None) -> Segment | None:
    return parse_segment(store, text) if text is not None else None


segment_option = click.option("--segment", help="Only this list, segment or expression.")
state_option = click.option(
    "--state",
    type=click.Choice(
        ["active", "pending", "unsubscribed", "bounced", "complained", "erased"], case_sensitive=False
    ),
    help="Only people in this state.",
)


@click.command("find")
@click.argument("text")
@pass_app
def find(app: App, text: str) -> None:
    """People by a part of their name or address; accents and capitals do not matter.

    \b
    Example:
      newsletter subscribers find muller
    """
    if not any(map(str.isalnum, text)):
        raise UsageError("say a part of a name or address")
    with app.store(create=False) as store:
        found = list(islice(store.people.find(text), MOST_FOUND + 1))
    if not found:
        app.say(f"Nobody here has “{text}” in the name or address.")
        return
    put_table(COLUMNS, map(_cells, found[:MOST_FOUND]))
    if len(found) > MOST_FOUND:
        app.say("and more: say a longer part")


@click.command("list")
@segment_option
@state_option
@click.option("--limit", default=50, show_default=True, help="How many rows at most; 0 for all.")
@pass_app
def list_(app: App, segment: str | None, state: str | None, limit: int) -> None:
    """A table of subscribers.

    \b
    Example:
      newsletter subscribers list --segment "country:FR" --state active
    """
    with app.store(create=False) as store:
        parsed = _read_segment(store, segment)
        put_table(COLUMNS, map(_cells, islice(store.people.select(parsed, state), limit or None)))
        more = store.people.count(parsed, state) - limit if limit else 0
    if more > 0:
        app.say(f"and {more:,} more: show all with --limit 0")


def _cells(person: Subscriber) -> Sequence[str]:
    profile = person.profile
    lists = ", ".join(m.list_name for m in person.memberships if m.state == "active")
    return (profile.address.text, profile.name, profile.language, profile.country, person.state, lists)


@click.command("export")
@segment_option
@state_option
@click.option("--consent", is_flag=True, help="The consent events instead of the people.")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="A file instead of stdout.")
@pass_app
def export(app: App, segment: str | None, state: str | None, consent: bool, output: Path | None) -> None:
    """CSV of subscribers that is safe to open in a spreadsheet.

    \b
    Example:
      newsletter subscribers export --output subscribers.csv
    """
    if output is not None and output.exists():
        raise UsageError("exists already", where=str(output), hint="choose another name")
    with app.store(create=False) as store:
        people = store.people.select(_read_segment(store, segment), state)
        header, rows = (
            reading.consent_table(store, people) if consent else reading.export_table(store, people)
        )
        if output is None:
            text = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8", newline="", write_through=True)
            count = _write_csv(text, header, rows)
            text.detach()
        else:
            with open(output, "w", encoding="utf-8-sig", newline="", opener=private.opener) as file:
                count = _write_csv(file, header, rows)
    app.say(counted(count, "row", "rows") + (f" written to {output}" if output else ""))


def _write_csv(file: io.TextIOBase, header: Sequence[str], rows: Iterable[Sequence[str]]) -> int:
    writer = csv.writer(file)
    writer.writerow(header)
    count = 0
    for row in rows:
        writer.writerow(row)
        count += 1
    return count
