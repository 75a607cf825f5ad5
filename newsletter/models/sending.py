"""Sends, deliveries, and what passes between the journal and the couriers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum

from msgspec import Struct, field

from newsletter.models.people import Profile
from newsletter.when import MINUTE

LONGEST_WAIT = 288 * MINUTE  # that one who says "later" waits for the next try, at most


class SendState(StrEnum):
    """One issue going to one audience."""

    PLANNING = "planning"
    READY = "ready"
    RUNNING = "running"
    PAUSED = "paused"
    DONE = "done"
    CANCELLED = "cancelled"


class DeliveryState(StrEnum):
    """One subscriber and one issue, once for ever."""

    PLANNED = "planned"
    CLAIMED = "claimed"
    SENT = "sent"
    DEFERRED = "deferred"
    FAILED = "failed"
    SKIPPED = "skipped"
    UNKNOWN = "unknown"


class Send(Struct, frozen=True, kw_only=True):
    """One issue going to one audience.

    `seed` makes its Message-IDs, `reason` says why it is paused, `scheduled` is when it may begin; None once
    it has begun, or where it may at once.
    `conditions` are the `::: only` expressions of each edition as approved: what a variant's bits mean.
    """

    id: int
    slug: str
    audience: str
    state: SendState
    seed: bytes
    created: int
    started: int | None = None
    finished: int | None = None
    scheduled: int | None = None
    conditions: Mapping[str, Sequence[str]] = field(default_factory=dict)
    reason: str = ""
    sender: str = ""


class Reply(Struct, frozen=True, kw_only=True):
    """What a relay answered: `code` 0 where there was no reply, `enhanced` as RFC 3463 writes it."""

    code: int
    enhanced: str = ""
    text: str = ""


class Claim(Struct, frozen=True, kw_only=True):
    """A delivery that was claimed, with the person's values read at the claim.

    `refused` says that the last answer to it was one for good (5xx), which is doubted since.
    """

    delivery: int
    stencil: bytes
    subject: bytes
    profile: Profile
    attempts: int
    first_claimed: int
    refused: bool = False


class Outcome(Struct, frozen=True, kw_only=True):
    """What became of a claimed delivery.

    `not_before` is set for `deferred`; `bounced` where the address itself is at fault; `reason` says in words
    what no `reply` tells. An outcome of `planned` gives the row back untouched; one of `deferred` that was
    not `tried` only makes it wait. A `revised` one says of a row that was written as `deferred` that it has
    `failed` after all; where that row has been claimed since, it says nothing.
    """

    delivery: int
    state: DeliveryState
    reply: Reply | None = None
    not_before: int = 0
    bounced: bool = False
    reason: str = ""
    tried: bool = True
    revised: bool = False


class Exchange(Struct, frozen=True, kw_only=True):
    """What one exchange with the journal gave.

    `claims` may leave now. `skipped` counts the rows that left the audience and were written as skipped
    instead of claimed. `next_due` is when the next row is due, now for planned ones without room; None where
    none waits. `state` is the send's state as the database has it now: another terminal may have paused or
    cancelled it.
    `free_at` (UTC ms) is when the ceilings of the relay let the next mail leave, 0 where one may at once.
    `elsewhere` counts what others sent through the same relay since the last exchange, `put_off` whoever is
    deferred by now (each 0 where it is not told).
    """

    claims: Sequence[Claim]
    skipped: int
    next_due: int | None
    state: SendState
    free_at: int = 0
    elsewhere: int = 0
    put_off: int = 0


class Tally(Struct, frozen=True, kw_only=True):
    """Deliveries by state; the seven add up to the total, always."""

    planned: int = 0
    claimed: int = 0
    sent: int = 0
    deferred: int = 0
    failed: int = 0
    skipped: int = 0
    unknown: int = 0

    @property
    def total(self) -> int:
        """All deliveries."""
        return (
            self.planned
            + self.claimed
            + self.sent
            + self.deferred
            + self.failed
            + self.skipped
            + self.unknown
        )

    @property
    def waiting(self) -> int:
        """Whoever is still to be sent to: never tried yet, or put off."""
        return self.planned + self.deferred

    @property
    def unfinished(self) -> int:
        """Whoever waits, or is on the way."""
        return self.waiting + self.claimed

    @property
    def settled(self) -> bool:
        """Whether everybody has the issue, or was left out for a reason."""
        return self.total == self.sent + self.skipped


class Delivery(Struct, frozen=True, kw_only=True):
    """One row of the journal as people read it; `address` is empty where the person was erased."""

    id: int
    send: int
    subject: bytes
    address: str
    language: str
    country: str
    state: DeliveryState
    attempts: int
    reply: Reply | None
    reason: str
    not_before: int
    first_claimed: int | None
    updated: int


class Group(Struct, frozen=True, kw_only=True):
    """People of an audience who get the same stencil: their language and the mask of conditions.

    `beyond_ascii` of them have an address that only a relay with SMTPUTF8 can reach.
    """

    language: str
    mask: int
    count: int
    beyond_ascii: int = 0


class Missing(Struct, frozen=True, kw_only=True):
    """People of a group for whom a field is empty: how many, and a few of their addresses."""

    count: int
    examples: Sequence[str]


class Trouble(Struct, frozen=True, kw_only=True):
    """So many who did not get an issue for the same reason; the reply's words are those of one of them."""

    state: DeliveryState
    reply: Reply | None
    reason: str
    count: int


class Summary(Struct, frozen=True, kw_only=True):
    """What became of an issue: who got it, by stencil and country ("" where unknown), and who did not.

    `presumed` are those of whom a person decided that they have it.
    """

    first: int | None
    last: int | None
    stencils: Mapping[bytes, int]
    countries: Mapping[str, int]
    presumed: int
    troubles: Sequence[Trouble]
