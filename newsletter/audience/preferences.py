"""A person's own page: lists, language, and the data that are kept."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime

from msgspec import Struct

from newsletter.addresses import mask
from newsletter.audience.departures import leave, say_goodbye
from newsletter.models import (
    ConsentEvent,
    ConsentKind,
    Delivery,
    ListInfo,
    MembershipState,
    OutboxKind,
    Shown,
    Subscriber,
)
from newsletter.store import Store

SOURCE = "preferences page"


class Preferences(Struct, frozen=True, kw_only=True):
    """What the page shows: no more of the address than its owner needs to know it.

    `lists` are the names of those the person is in; `offered` are those to choose from, these among them;
    `waiting` are those that wait for a confirmation.
    """

    masked: str
    language: str
    lists: tuple[str, ...]
    offered: tuple[ListInfo, ...]
    waiting: frozenset[str]


def preferences(store: Store, subject: bytes) -> Preferences | None:
    """What the person of a verified token may choose; None where nobody is known by it."""
    person = store.people.by_subject(subject)
    if person is None:
        return None
    active = _active(person)
    waiting = {one.list_name for one in store.joinings.of(subject)}
    waiting |= store.requests.lists_of(person.profile.address.key)
    return Preferences(
        masked=mask(person.profile.address),
        language=person.profile.language,
        lists=active,
        offered=tuple(info for info in store.lists.titled() if not info.hidden or info.name in active),
        waiting=frozenset(waiting.difference(active)),
    )


def change(
    store: Store,
    subject: bytes,
    *,
    language: str,
    keep: Collection[str],
    join: Collection[str],
    shown: Shown,
    now: int,
) -> int | None:
    """Leave what is not kept, and set the language, at once; lists to join wait for a confirmation.

    Whoever keeps none leaves everything. Leaving is told by one goodbye mail, and can be undone: -> the event
    that an undo names, None where nothing was left.
    """
    with store.transaction():
        person = store.people.by_subject(subject)
        if person is None:
            return None
        store.people.set_words(subject, language=language, now=now)
        active = _active(person)
        added = [name for name in join if name not in active]
        if added:
            words = language or person.profile.language
            store.requests.add(person.profile.address, added, language=words, shown=shown, now=now)
        left = [name for name in active if name not in keep]
        if not left:
            return None
        if len(left) == len(active) and not added:
            return leave(store, subject, source=SOURCE, page=shown.page, now=now)
        return _leave_some(store, person, left, language=language, page=shown.page, now=now)


def _leave_some(
    store: Store, person: Subscriber, names: Collection[str], *, language: str, page: str, now: int
) -> int:
    subject = person.subject
    events = []
    for name in names:
        event = ConsentEvent(
            subject=subject, kind=ConsentKind.LEFT, at=now, list_name=name, source=SOURCE, page=page
        )
        events.append((name, store.consent.append(event)))
        store.joinings.close(subject, name)
    leaving = store.leavings.take_lists(subject, events, now)
    spoken = language or person.profile.language
    say_goodbye(store, subject, language=spoken, event=leaving, now=now)
    return leaving


def request_data(store: Store, subject: bytes, now: int) -> None:
    """Send a link to the person's data to their own address; at most one an hour."""
    with store.transaction():
        person = store.people.by_subject(subject)
        last = store.outbox.last(subject, OutboxKind.DATA)
        if person is None or (last and (last.waits or last.free_at(now))):
            return
        store.outbox.add(OutboxKind.DATA, subject, language=person.profile.language, now=now)


def person_data(store: Store, subject: bytes, now: int) -> Mapping[str, object]:
    """All that is kept of a person, as JSON may write it; empty where nobody is known. Times are UTC."""
    person = store.people.by_subject(subject)
    if person is None:
        return {}
    profile = person.profile
    return {
        "exported": iso(now),
        "email": profile.address.text,
        "name": profile.name,
        "language": profile.language,
        "country": profile.country,
        "attributes": dict(profile.attributes),
        "state": person.state,
        "first_known": iso(person.created),
        "last_changed": iso(person.updated),
        "lists": {m.list_name: m.state.value for m in person.memberships},
        "memberships": [
            {"list": m.list_name, "state": m.state.value, "since": iso(m.since)} for m in person.memberships
        ],
        "not_mailed_because": [
            {"why": one.kind.value, "since": iso(one.since), "reason": one.reason}
            for one in store.suppressions.of(profile.address.key)
        ],
        "consent": [consent_facts(event) for event in store.consent.of(subject)],
        "deliveries": [_delivery_facts(slug, one) for slug, one in store.sends.deliveries_to(subject)],
    }


def consent_facts(event: ConsentEvent) -> dict[str, str]:
    """One consent event, as JSON may write it."""
    return {
        "what": event.kind.value,
        "when": iso(event.at),
        "list": event.list_name,
        "source": event.source,
        "wording": event.wording,
        "language": event.language,
        "page": event.page,
    }


def iso(milliseconds: int) -> str:
    """A time as ISO 8601 writes it, in UTC."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="seconds")


def _delivery_facts(slug: str, delivery: Delivery) -> dict[str, object]:
    reply = delivery.reply
    return {
        "issue": slug,
        "state": delivery.state.value,
        "when": iso(delivery.updated),
        "attempts": delivery.attempts,
        "answer": f"{reply.code} {reply.enhanced} {reply.text}".strip() if reply else "",
        "reason": delivery.reason,
    }


def _active(person: Subscriber) -> tuple[str, ...]:
    return tuple(m.list_name for m in person.memberships if m.state is MembershipState.ACTIVE)
