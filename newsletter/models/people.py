"""People, their memberships, their consent, and the list files that bring them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum

from msgspec import Struct, field


class MembershipState(StrEnum):
    """One subscriber in one list."""

    PENDING = "pending"
    ACTIVE = "active"
    LEFT = "left"


class SuppressionKind(StrEnum):
    """Why an address is not mailed, strongest first."""

    ERASED = "erased"
    COMPLAINED = "complained"
    UNSUBSCRIBED = "unsubscribed"
    BOUNCED = "bounced"


class ConsentKind(StrEnum):
    """What happened to a person's consent."""

    JOINED = "joined"
    CONFIRMED = "confirmed"
    IMPORTED = "imported"
    ADDED = "added"
    LEFT = "left"
    UNSUBSCRIBED = "unsubscribed"
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    RESTORED = "restored"
    ERASED = "erased"


class Address(Struct, frozen=True, kw_only=True):
    """An e-mail address: `text` as it was given, `key` for telling whether two are the same."""

    text: str
    key: str
    needs_smtputf8: bool = False


class Profile(Struct, frozen=True, kw_only=True):
    """What a person is known by, as a form or a list file gives it; empty where unknown."""

    address: Address
    name: str = ""
    language: str = ""
    country: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)


class Membership(Struct, frozen=True, kw_only=True):
    """One subscriber in one list."""

    list_name: str
    state: MembershipState
    since: int


class Subscriber(Struct, frozen=True, kw_only=True):
    """One person; `state` is derived: suppression, else active, else pending, else unsubscribed."""

    subject: bytes
    profile: Profile
    state: str
    memberships: Sequence[Membership] = ()
    created: int = 0
    updated: int = 0


class ConsentEvent(Struct, frozen=True, kw_only=True):
    """One append-only row: which person, what, when, how, which wording."""

    subject: bytes
    kind: ConsentKind
    at: int
    list_name: str = ""
    source: str = ""
    wording: str = ""
    language: str = ""
    page: str = ""


class Suppression(Struct, frozen=True, kw_only=True):
    """Why the address with this HMAC is not mailed."""

    address_mac: bytes
    kind: SuppressionKind
    since: int
    reason: str = ""


class ListInfo(Struct, frozen=True, kw_only=True):
    """A subscription list with its counts of memberships; a hidden one is not offered on any page."""

    name: str
    title: str
    created: int
    active: int = 0
    pending: int = 0
    left: int = 0
    hidden: bool = False


class SegmentInfo(Struct, frozen=True, kw_only=True):
    """A saved question over subscribers."""

    name: str
    expression: str
    created: int


class Key(Struct, frozen=True, kw_only=True):
    """A secret of the project; retired keys still verify, revoked ones do not."""

    id: int
    purpose: str
    secret: bytes
    created: int
    retired: int | None = None
    revoked: int | None = None


class ListRow(Struct, frozen=True, kw_only=True):
    """One good record of a list file; `line` is the record's first line in the file."""

    line: int
    profile: Profile


class RejectedRow(Struct, frozen=True, kw_only=True):
    """One record that was left out, and why."""

    line: int
    reason: str


class ListFile(Struct, frozen=True, kw_only=True):
    """A list file as understood: the good rows, the rejected ones, and what a person should know."""

    rows: Sequence[ListRow]
    rejected: Sequence[RejectedRow]
    warnings: Sequence[str]
    columns: Sequence[str]
    encoding: str
    kind: str


class ImportReport(Struct, frozen=True, kw_only=True):
    """What an import did; counts are persons.

    `activated` are those who were pending until now, `kept` those of whom a damaged value was not taken.
    """

    added: int
    updated: int
    unchanged: int
    suppressed: int
    duplicates: int
    rejected: Sequence[RejectedRow]
    list_created: bool = False
    pending: int = 0
    activated: int = 0
    kept: int = 0
