"""Joining through the public pages: asked by anybody, done only by whoever confirms from the mailbox."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from newsletter.addresses import clean_text
from newsletter.errors import UsageError
from newsletter.languages import normalise_tag
from newsletter.links import Purpose, Token, channel_word
from newsletter.models import (
    Address,
    ConsentEvent,
    ConsentKind,
    Joining,
    JoinRequest,
    MembershipState,
    OutboxKind,
    Profile,
    Shown,
    Subscriber,
    SuppressionKind,
)
from newsletter.store import Store
from newsletter.when import DAY

PENDING_FOR = 30 * DAY
FORM = "form"
COMPLAINED_BEFORE = "complained before, and confirmed other lists only"
MOST_NAME = 200  # characters
_BATCH = 20  # requests or people in one transaction
_JOIN_MAILS = (OutboxKind.CONFIRM, OutboxKind.ALREADY)


class Confirmation(Struct, frozen=True, kw_only=True):
    """What a confirmation link is about.

    `state`: `open` it may be confirmed; `done` it was; `expired` it is too old, or the person left since;
    `gone` nobody is known.
    """

    state: str
    list_names: tuple[str, ...] = ()
    language: str = ""


_GONE = Confirmation(state="gone")


def request_join(
    store: Store,
    *,
    address: Address,
    list_names: Sequence[str],
    language: str,
    shown: Shown,
    channel: str,
    issue: str,
    now: int,
) -> None:
    """Note that somebody asks to put an address on lists: the same work whatever the address is.

    `language` is wanted for the mails. Nothing else happens here; settle_requests() looks whose it is. The
    channel is counted without a person.
    """
    with store.transaction():
        store.requests.add(address, list_names, language=language, shown=shown, now=now)
        store.requests.count_channel(issue, channel_word(channel))


# --- settling what was asked


def settle_requests(store: Store, now: int) -> int:
    """Turn what was asked into people who wait for confirmation, and their mails -> how many were settled."""
    total = 0
    while True:
        with store.transaction():
            requests = store.requests.first(_BATCH)
            for request in requests:
                _settle(store, request, now)
                store.requests.done(request.id)
        total += len(requests)
        if len(requests) < _BATCH:
            return total


def _settle(store: Store, request: JoinRequest, now: int) -> None:
    offered = {info.name for info in store.lists.offered()}
    asked = (store.lists.renames.name_now(name, request.at) for name in request.list_names)
    wanted = [name for name in dict.fromkeys(asked) if name in offered]
    if not wanted:
        return
    request = replace(request, language=_tag(request.language))
    person = store.people.get(request.address.key)
    if person is None:
        store.people.put(Profile(address=request.address, language=request.language), now)
        person = store.people.get(request.address.key)
        assert person is not None
    missing = [name for name in wanted if not _is_in(store, person, name)]
    fresh = _wait_for(store, person.subject, missing, request, now)
    kind = OutboxKind.CONFIRM if missing else OutboxKind.ALREADY
    _mail(store, person.subject, kind, request.language, fresh=fresh, now=now)


def _tag(text: str) -> str:
    """The language of a form, which anybody may have written; empty where it is none."""
    try:
        return normalise_tag(text) if text else ""
    except UsageError:
        return ""


def _is_in(store: Store, person: Subscriber, name: str) -> bool:
    active = any(m.list_name == name and m.state is MembershipState.ACTIVE for m in person.memberships)
    return active and not store.suppressions.of(person.profile.address.key)


def _wait_for(store: Store, subject: bytes, names: Sequence[str], request: JoinRequest, now: int) -> bool:
    """Wait for the confirmation of these lists -> whether for one that was not waited for before."""
    waiting: dict[str, Joining] = {joining.list_name: joining for joining in store.joinings.of(subject)}
    fresh = False
    for name in names:
        if name in waiting:
            store.joinings.ask_again(waiting[name].event, language=request.language, now=now)
            continue
        fresh = True
        event = store.consent.append(
            ConsentEvent(
                subject=subject,
                kind=ConsentKind.JOINED,
                at=request.at,
                list_name=name,
                source=FORM,
                wording=request.shown.wording,
                language=request.shown.language,
                page=request.shown.page,
            )
        )
        store.joinings.open(subject, name, event, language=request.language, now=now)
    return fresh


def _mail(store: Store, subject: bytes, kind: OutboxKind, language: str, *, fresh: bool, now: int) -> None:
    """At most one of these mails an hour to an address; one that tells something new waits for its hour."""
    last = store.outbox.last(subject, *_JOIN_MAILS)
    free_at = last.free_at(now) if last else 0
    if last is None or not last.waits:
        if fresh or not free_at:
            store.outbox.add(kind, subject, language=language, now=now, not_before=free_at)
    elif fresh:
        store.outbox.turn_into(kind, subject, *_JOIN_MAILS, language=language)


# --- confirming


def confirmation(store: Store, token: Token, now: int) -> Confirmation:
    """What this link would confirm; nothing is changed."""
    if token.purpose is not Purpose.CONFIRM or store.people.by_subject(token.subject) is None:
        return _GONE
    waiting = _open(store, token, now)
    if waiting:
        return Confirmation(
            state="open",
            list_names=tuple(joining.list_name for joining in waiting),
            language=waiting[-1].language,
        )
    event = store.consent.get(token.about)
    if event is None or event.subject != token.subject:
        return _GONE
    confirmed = store.consent.last(token.subject, ConsentKind.CONFIRMED)
    left = store.consent.last(token.subject, ConsentKind.UNSUBSCRIBED)
    state = "done" if confirmed > token.about and confirmed > left else "expired"
    return Confirmation(state=state, list_names=(event.list_name,), language=event.language)


def confirm(
    store: Store, token: Token, *, name: str, shown: Shown, now: int, source: str = FORM
) -> Confirmation:
    """Do what the link confirms; a second time nothing more happens, nor after a later leaving.

    The language asked for becomes the person's, unless they are on a list already: their choice there stands.
    A suppression is lifted; after a complaint for the confirmed lists only, and the person leaves all others.
    """
    proof = ConsentEvent(
        subject=token.subject,
        kind=ConsentKind.CONFIRMED,
        at=now,
        source=source,
        wording=shown.wording,
        language=shown.language,
        page=shown.page,
    )
    with store.transaction():
        found = confirmation(store, token, now)
        person = store.people.by_subject(token.subject)
        if found.state != "open" or person is None:
            return found
        _enter(store, found.list_names, proof)
        lift, key = store.suppressions.lift, person.profile.address.key
        lifted = [kind for kind in SuppressionKind if lift(key, kind)]
        if SuppressionKind.COMPLAINED in lifted:
            _end_older(store, person, found.list_names, now)
        stays = person.profile.language and person.state == MembershipState.ACTIVE
        language = "" if stays else found.language
        store.people.set_words(token.subject, name=clean_text(name)[:MOST_NAME], language=language, now=now)
        return Confirmation(state="done", list_names=found.list_names, language=found.language)


def _enter(store: Store, names: Sequence[str], proof: ConsentEvent) -> None:
    for name in names:
        event = store.consent.append(replace(proof, list_name=name))
        store.people.join(proof.subject, name, MembershipState.ACTIVE, event, proof.at)
        store.joinings.close(proof.subject, name)


def _end_older(store: Store, person: Subscriber, confirmed: Sequence[str], now: int) -> None:
    """Leave what a complaint stood against and was not confirmed anew; no earlier undo brings it back."""
    for membership in person.memberships:
        if membership.state is MembershipState.ACTIVE and membership.list_name not in confirmed:
            left = ConsentEvent(
                subject=person.subject,
                kind=ConsentKind.LEFT,
                at=now,
                list_name=membership.list_name,
                source=COMPLAINED_BEFORE,
            )
            event = store.consent.append(left)
            store.people.join(person.subject, left.list_name, MembershipState.LEFT, event, now)
    store.leavings.forget_of(person.subject)


def _open(store: Store, token: Token, now: int) -> list[Joining]:
    waiting = store.joinings.of(token.subject, until=token.about)
    return [joining for joining in waiting if joining.asked + PENDING_FOR > now]


def expire_pending(store: Store, now: int) -> int:
    """Forget what nobody confirmed in 30 days, and with it who is known by nothing else -> how many."""
    total = 0
    while count := store.joinings.expire(now - PENDING_FOR, _BATCH):
        total += count
    return total
