"""People who leave, come back by undoing that, are erased, or may be mailed again."""

from __future__ import annotations

from newsletter.errors import RefusedError
from newsletter.links import Purpose, Token
from newsletter.models import (
    Address,
    ConsentEvent,
    ConsentKind,
    Leaving,
    MembershipState,
    OutboxKind,
    Subscriber,
    SuppressionKind,
)
from newsletter.store import Store
from newsletter.when import DAY, HOUR

UNDO_FOR = 30 * DAY
_UNDO_FOR = {Purpose.UNDO: UNDO_FOR, Purpose.UNDO_ON_PAGE: HOUR}
LIFTED_BY_COORDINATOR = (SuppressionKind.BOUNCED, SuppressionKind.COMPLAINED)


# --- leaving


def leave(store: Store, subject: bytes, *, source: str, page: str, now: int) -> int | None:
    """Take the person of a verified token out of everything; one goodbye mail where that changed something.

    -> the event that an undo names, None where there was nothing to leave.

    Somebody who was erased, has left already or never existed is nothing to tell apart: nothing happens, but
    that the undo on the page of an earlier leaving is over.
    """
    with store.transaction():
        person = store.people.by_subject(subject)
        if person is None:
            return None
        event = _leave_all(store, person, source=source, page=page, now=now)
        if event is None:
            store.leavings.mark_anew(subject)
        else:
            say_goodbye(store, subject, language=person.profile.language, event=event, now=now)
        return event


def say_goodbye(store: Store, subject: bytes, *, language: str, event: int, now: int) -> None:
    """Tell the person of a leaving by mail; a further one within the hour waits for its hour.

    A leaving that is undone by then is not told: whoever leaves and undoes it for somebody again and again
    floods nobody.
    """
    last = store.outbox.last(subject, OutboxKind.GOODBYE)
    not_before = last.free_at(now) if last else 0
    store.outbox.add(
        OutboxKind.GOODBYE, subject, language=language, about=event, now=now, not_before=not_before
    )


def unsubscribe_address(store: Store, address: Address, *, source: str, now: int) -> bool:
    """Take an address out of everything -> whether somebody here has it, which no reader may be told.

    The address stays suppressed either way, so that no later import brings it in. The coordinator does this
    for people who asked: no mail goes out, and no earlier leaving can be undone any more.
    """
    with store.transaction():
        person = store.people.get(address.key)
        if person is None:
            store.suppressions.add(address.key, SuppressionKind.UNSUBSCRIBED, source)
            return False
        event = _leave_all(store, person, source=source, page="", now=now)
        if store.leavings.forget_of(person.subject) and event is None:
            _note(store, person, source=source, page="", now=now)
        return True


def leave_list(store: Store, subject: bytes, list_name: str, *, source: str, now: int) -> bool:
    """Take a person out of one list, and of nothing else -> whether they were in it, or waited for it.

    The coordinator does this for people who asked: no mail goes out. No import brings them in there again.
    """
    with store.transaction():
        person = store.people.by_subject(subject)
        memberships = person.memberships if person is not None else ()
        member = any(m.list_name == list_name and m.state is not MembershipState.LEFT for m in memberships)
        if not member and list_name not in {joining.list_name for joining in store.joinings.of(subject)}:
            return False
        event = store.consent.append(
            ConsentEvent(subject=subject, kind=ConsentKind.LEFT, at=now, list_name=list_name, source=source)
        )
        store.people.join(subject, list_name, MembershipState.LEFT, event, now)
        store.joinings.close(subject, list_name)
        return True


def unsubscribe_subject(store: Store, subject: bytes, *, source: str, now: int) -> bool:
    """The same for the person of a verified token, with the goodbye mail -> False where there is none."""
    with store.transaction():
        known = store.people.by_subject(subject) is not None
        leave(store, subject, source=source, page="", now=now)
        return known


def _leave_all(store: Store, person: Subscriber, *, source: str, page: str, now: int) -> int | None:
    fresh = store.suppressions.add(person.profile.address.key, SuppressionKind.UNSUBSCRIBED, source)
    waited = store.joinings.of(person.subject)
    stays = any(membership.state is not MembershipState.LEFT for membership in person.memberships)
    if not (fresh or stays or waited):
        return None
    event = _note(store, person, source=source, page=page, now=now)
    store.leavings.take_all(person.subject, event, suppressed=fresh, now=now)
    store.joinings.close(person.subject)
    return event


def _note(store: Store, person: Subscriber, *, source: str, page: str, now: int) -> int:
    return store.consent.append(
        ConsentEvent(subject=person.subject, kind=ConsentKind.UNSUBSCRIBED, at=now, source=source, page=page)
    )


# --- undoing


def can_undo(store: Store, token: Token, now: int) -> bool:
    """Whether this link still gives back what a leaving took; nothing is changed."""
    return _leaving(store, token, now) is not None


def undo(store: Store, token: Token, *, page: str, now: int) -> bool:
    """Give back exactly what that leaving took -> whether it did. Nothing comes back of the erased."""
    with store.transaction():
        leaving = _leaving(store, token, now)
        person = store.people.by_subject(token.subject)
        if leaving is None or person is None:
            return False
        store.consent.append(
            ConsentEvent(
                subject=token.subject,
                kind=ConsentKind.RESTORED,
                at=now,
                source="the person undid the leaving",
                page=page,
            )
        )
        if store.leavings.give_back(leaving, now):
            store.suppressions.lift(person.profile.address.key, SuppressionKind.UNSUBSCRIBED)
        return True


def _leaving(store: Store, token: Token, now: int) -> Leaving | None:
    """The leaving that a link may undo.

    Anybody with a forwarded mail may have the page of a leaving: its undo is good for an hour, and not where
    the person left anew. The mailed one is the person's own, and no second leaving by somebody else ends it.
    """
    leaving = store.leavings.get(token.about) if token.purpose in _UNDO_FOR else None
    if leaving is None or leaving.subject != token.subject or leaving.at + _UNDO_FOR[token.purpose] <= now:
        return None
    if leaving.anew and token.purpose is Purpose.UNDO_ON_PAGE:
        return None
    return leaving if store.leavings.is_last(leaving) else None


def forget_leavings(store: Store, now: int) -> int:
    """Forget what leavings took once they cannot be undone any more -> how many."""
    return store.leavings.forget(now - UNDO_FOR)


# --- erasing, and being mailed again


def erase_person(store: Store, person: Subscriber, *, now: int, reason: str = "") -> None:
    """Forget a person for ever; only a fingerprint of the address stays, and is never mailed."""
    store.people.erase(person.subject, now=now, reason=reason)


def lift_suppression(store: Store, address: Address, kind: SuppressionKind, *, reason: str, now: int) -> None:
    """Let an address be mailed again that bounced or complained; the coordinator says why.

    Raises RefusedError for any other kind: only the person undoes those, by opting in and confirming anew.
    """
    if kind not in LIFTED_BY_COORDINATOR:
        raise RefusedError(
            f"'{kind.value}' is only lifted by the person, who may subscribe again", where=address.text
        )
    if not reason.strip():
        raise RefusedError("say why the address may be mailed again", where=address.text)
    with store.transaction():
        if not store.suppressions.lift(address.key, kind):
            raise RefusedError(f"this address is not marked as '{kind.value}'", where=address.text)
        person = store.people.get(address.key)
        if person is not None:
            store.consent.append(
                ConsentEvent(
                    subject=person.subject,
                    kind=ConsentKind.RESTORED,
                    at=now,
                    source=f"{kind.value} lifted: {reason.strip()}",
                )
            )
