"""What is read out of the people: segments, and tables that are safe in a spreadsheet."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

from newsletter.models import ConsentEvent, MembershipState, Subscriber
from newsletter.segments import Segment, parse
from newsletter.store import Store

EXPORT_COLUMNS = ("email", "name", "language", "country", "state", "lists", "attributes")
CONSENT_COLUMNS = ("email", "person", "what", "when", "list", "source", "wording", "language", "page")

_FORMULA = re.compile(r"'*[=+\-@\t\r\n]")
_MAY_BEGIN_FORMULA = "'=+-@\t\r\n"


def parse_segment(store: Store, text: str) -> Segment:
    """A list, saved segment or expression of this project."""
    return parse(
        text,
        lists=store.lists.names(),
        segments=store.segments.expressions(),
        attributes=store.attributes,
    )


def export_table(
    store: Store, people: Iterable[Subscriber]
) -> tuple[tuple[str, ...], Iterator[tuple[str, ...]]]:
    """A heading and rows that are safe to open in a spreadsheet; each attribute has a column of its own.

    `lists` names those in which the person is active or pending; `attributes` is all of them as JSON.
    """
    taken = set(EXPORT_COLUMNS)
    extra = tuple(name for name in sorted(store.attributes) if name not in taken)
    heading = tuple(map(spreadsheet_safe, (*EXPORT_COLUMNS, *extra)))
    return heading, (_export_row(person, extra) for person in people)


def consent_table(
    store: Store, people: Iterable[Subscriber]
) -> tuple[tuple[str, ...], Iterator[tuple[str, ...]]]:
    """A heading and the consent events of these people, oldest first for each; times are UTC, ISO 8601."""
    return CONSENT_COLUMNS, (
        _consent_row(person, event) for person in people for event in store.consent.of(person.subject)
    )


def spreadsheet_safe(text: str) -> str:
    """A cell that no spreadsheet takes for a formula: one with `'` before it is shown as it is."""
    return f"'{text}" if text[:1] in _MAY_BEGIN_FORMULA and _FORMULA.match(text) else text


def _export_row(person: Subscriber, extra: Sequence[str]) -> tuple[str, ...]:
    profile = person.profile
    attributes = dict(sorted(profile.attributes.items()))
    lists = [m.list_name for m in person.memberships if m.state is not MembershipState.LEFT]
    cells = (
        profile.address.text,
        profile.name,
        profile.language,
        profile.country,
        person.state,
        ",".join(lists),
        json.dumps(attributes, ensure_ascii=False) if attributes else "",
        *(attributes.get(name, "") for name in extra),
    )
    return tuple(map(spreadsheet_safe, cells))


def _consent_row(person: Subscriber, event: ConsentEvent) -> tuple[str, ...]:
    when = datetime.fromtimestamp(event.at / 1000, UTC).isoformat(timespec="milliseconds")
    cells = (
        person.profile.address.text,
        event.subject.hex(),
        event.kind.value,
        when,
        event.list_name,
        event.source,
        event.wording,
        event.language,
        event.page,
    )
    return tuple(map(spreadsheet_safe, cells))
