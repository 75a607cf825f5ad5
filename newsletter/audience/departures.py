"""People who leave, are erased, or may be mailed again."""

from __future__ import annotations

from newsletter.errors import RefusedError
from newsletter.models import Address, ConsentEvent, ConsentKind, MembershipState, Subscriber, SuppressionKind
from newsletter.store import Store

_LIFTED_BY_COORDINATOR = (SuppressionKind.BOUNCED, SuppressionKind.COMPLAINED)


def unsubscribe_address(store: Store, address: Address, *, source: str, now: int) -> bool:
    """Take an address out of everything -> whether somebody here has it, which no reader may be told.

    The address stays suppressed either way, so that no later import brings it in.
    """
    with store.transaction():
        fresh = store.suppressions.add(address.key, SuppressionKind.UNSUBSCRIBED, source)
        person = store.people.get(address.key)
        if person is not None:
            _leave_all(store, person, fresh=fresh, source=source, now=now)
        return person is not None


def unsubscribe_subject(store: Store, subject: bytes, *, source: str, now: int) -> bool:
    """The same for the person of a verified token -> False for one who was erased or never existed."""
    with store.transaction():
        person = store.people.by_subject(subject)
        if person is None:
            return False
        return unsubscribe_address(store, person.profile.address, source=source, now=now)


def erase_person(store: Store, person: Subscriber, *, now: int, reason: str = "") -> None:
    """Forget a person for ever; only a fingerprint of the address stays, and is never mailed."""
    store.people.erase(person.subject, now=now, reason=reason)


def lift_suppression(store: Store, address: Address, kind: SuppressionKind, *, reason: str, now: int) -> None:
    """Let an address be mailed again that bounced or complained; the coordinator says why.

    Raises RefusedError for any other kind: only the person undoes those, by opting in and confirming anew.
    """
    if kind not in _LIFTED_BY_COORDINATOR:
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


def _leave_all(store: Store, person: Subscriber, *, fresh: bool, source: str, now: int) -> None:
    stays = any(membership.state is not MembershipState.LEFT for membership in person.memberships)
    if not (fresh or stays):
        return
    event = store.consent.append(
        ConsentEvent(subject=person.subject, kind=ConsentKind.UNSUBSCRIBED, at=now, source=source)
    )
    store.people.leave_all(person.subject, event, now)
