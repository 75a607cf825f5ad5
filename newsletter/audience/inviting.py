"""People who left and ask by mail to be let in again: the coordinator asks for their word, and notes it."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from newsletter.audience import joining
from newsletter.audience.departures import LIFTED_BY_COORDINATOR
from newsletter.audience.joining import Confirmation
from newsletter.errors import RefusedError
from newsletter.links import Token
from newsletter.models import (
    Address,
    ConsentEvent,
    ConsentKind,
    MembershipState,
    Profile,
    Shown,
)
from newsletter.store import Store

BY_MAIL = "answered the coordinator's mail"


class Invited(Struct, frozen=True, kw_only=True):
    """What a person's answer would confirm: `about` is what a CONFIRM token for `subject` names."""

    subject: bytes
    about: int
    list_names: Sequence[str]


def invite(store: Store, address: Address, list_name: str, *, source: str, now: int) -> Invited:
    """Wait for a person to confirm a list anew; nothing that stands against the address is lifted by that.

    `source` is how they asked. Raises NotFoundError for the list, RefusedError for who gets it already.
    """
    with store.transaction():
        found = store.lists.get(list_name)
        if found is None:
            raise store.lists.missing(list_name)
        subject = store.people.put(Profile(address=address), now)
        person = store.people.by_subject(subject)
        if person is not None and not store.suppressions.of(address.key):
            for membership in person.memberships:
                if membership.list_name == found.name and membership.state is MembershipState.ACTIVE:
                    raise RefusedError(f"is in '{found.name}' already", where=address.text)
        waiting = {one.list_name: one.event for one in store.joinings.of(subject)}
        if found.name in waiting:
            store.joinings.ask_again(waiting[found.name], language="", now=now)
        else:
            asked = ConsentEvent(
                subject=subject, kind=ConsentKind.JOINED, at=now, list_name=found.name, source=source
            )
            store.joinings.open(subject, found.name, store.consent.append(asked), language="", now=now)
        all_waiting = store.joinings.of(subject)
        return Invited(
            subject=subject,
            about=all_waiting[-1].event,
            list_names=[one.list_name for one in all_waiting],
        )


def confirm_by_mail(store: Store, token: Token, now: int) -> Confirmation:
    """Do what the code in a person's answer confirms, as their own button on the pages would."""
    shown = Shown(wording="", language="", page="")
    return joining.confirm(store, token, name="", shown=shown, source=BY_MAIL, now=now)


def only_theirs(store: Store, address: Address, list_name: str) -> bool:
    """Whether somebody who was not added can be let in by themselves alone, and not by the coordinator."""
    if any(one.kind not in LIFTED_BY_COORDINATOR for one in store.suppressions.of(address.key)):
        return True
    person = store.people.get(address.key)
    found = store.lists.get(list_name)
    return person is not None and any(
        m.state is MembershipState.LEFT and found is not None and m.list_name == found.name
        for m in person.memberships
    )
