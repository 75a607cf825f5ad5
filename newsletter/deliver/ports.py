"""What passes between the journal, the run and a courier, and the Protocols they meet at."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Protocol

from msgspec import Struct

from newsletter.models import Claim, DeliveryState, Exchange, Outcome, Reply


class Parcel(Struct, frozen=True, kw_only=True):
    """One filled message with its envelope.

    `pieces` make up the whole message, in CRLF lines, ending in CRLF: what is the same for everybody is never
    copied on its way to the system. Lines that begin with a dot are stuffed by the client (RFC 5321 4.5.2);
    `dotless` says that there are none, as a stencil writes such a dot as `=2E`, and saves looking: that would
    cost as much as writing the message does.
    `smtputf8` is set where an address needs RFC 6531.
    `envelope_id` comes back with a delivery status notification where the relay can do that (RFC 3461):
    printable ASCII without blanks, `+` and `=`, at most 100 characters; empty for none.
    """

    delivery: int
    mail_from: str
    rcpt_to: str
    pieces: Sequence[bytes]
    smtputf8: bool = False
    dotless: bool = False
    envelope_id: str = ""

    @property
    def size(self) -> int:
        """Octets of the message."""
        return sum(map(len, self.pieces))


class Draft(Struct, frozen=True, kw_only=True):
    """A parcel that lacks the signature of `digest`; `sign` makes it here, as signers do elsewhere."""

    digest: bytes
    sign: Callable[[bytes], bytes]
    finish: Callable[[bytes], Parcel]


class Stage(StrEnum):
    """How far a transaction came; `END` means that the final dot may have reached the relay."""

    CONNECT = "connect"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    END = "end"


class Attempt(Struct, frozen=True, kw_only=True):
    """What the wire told of one parcel: raw facts, no judgement.

    `reply` is the relay's answer at `stage`, None where none came; then `error` says what happened instead.
    At CONNECT the parcel never left: an empty `error` means that it was recalled, any other that the relay
    is lost. `unfit` says why this relay can never take this parcel. `accepted` is a 2xx to the final dot.
    """

    delivery: int
    stage: Stage
    reply: Reply | None = None
    error: str = ""
    unfit: str = ""
    accepted: bool = False


def given_back(delivery: int) -> Outcome:
    """The outcome of a row that was not touched."""
    return Outcome(delivery=delivery, state=DeliveryState.PLANNED)


HandBack = Callable[[Attempt | BaseException], None]


class Journal(Protocol):
    """The one writer of deliveries, as a run sees it; called from one thread, never twice at once."""

    def exchange(self, outcomes: Sequence[Outcome], room: int) -> Exchange:
        """Write `outcomes` and claim up to `room` due rows, in one durable transaction.

        `room` 0 only writes and reads the state. Fewer claims than `room` means that nothing more is due, or,
        where `next_due` is now, that a ceiling of the relay leaves no more room.
        Raises StoreError, having done nothing.
        """
        ...


class Composer(Protocol):
    """Fills the stencil of a claim; an Outcome instead where there is nothing to send (say, `skipped`)."""

    def __call__(self, claim: Claim, /) -> Parcel | Draft | Outcome:
        """The parcel for this claim."""
        ...


class Signers(Protocol):
    """Sign elsewhere, so that this process fills and sends meanwhile. What becomes of them is no error."""

    async def open(self) -> None:
        """Begin to be ready."""
        ...

    def sign(self, digests: Sequence[bytes]) -> asyncio.Future[Sequence[bytes]] | None:
        """The signatures in order, later, or none at all; None where nobody is there to sign."""
        ...

    async def close(self) -> None:
        """End; what is not signed yet comes back without signatures."""
        ...


class Courier(Protocol):
    """Carries parcels to the relay, here or on another machine: parcels in, attempts out.

    Every parcel that was put is handed back as exactly one Attempt, whatever happens to the relay.
    """

    @property
    def connections(self) -> int:
        """How many connections there are at most; each may have a second parcel behind the first."""
        ...

    @property
    def away(self) -> bool:
        """Whether the relay did not answer at all when a connection was tried last."""
        ...

    async def open(self, hand_back: HandBack) -> None:
        """Connect and log in once, so that a relay that cannot be used raises RelayError before any claim.

        `hand_back` is called in the loop's thread, with an exception where the courier itself is broken.
        """
        ...

    def put(self, parcel: Parcel) -> None:
        """Take a parcel over."""
        ...

    def recall(self) -> None:
        """Begin nothing more, and hand back every parcel that the relay cannot have."""
        ...

    async def close(self) -> None:
        """Leave the relay; what still travels is broken off."""
        ...


class Stop(Protocol):
    """Asks a run to finish what is in flight and end; an asyncio.Event does, too."""

    def is_set(self) -> bool:
        """Whether to stop."""
        ...


class Progress(Struct, frozen=True, kw_only=True):
    """How far a run is. `deferred` counts whoever waits for another try, of earlier runs as well.

    `waiting_until` (UTC ms) is set while nothing may leave: a limit is reached, or only deferred rows remain.
    `leaving` is set while the run has ended but for what is in flight, `connecting` until the relay can be
    used for the first time, `away` while it is away; `trouble` says why the journal cannot be written.
    """

    sent: int = 0
    deferred: int = 0
    failed: int = 0
    skipped: int = 0
    unknown: int = 0
    in_flight: int = 0
    waiting_until: int | None = None
    leaving: bool = False
    connecting: bool = False
    away: bool = False
    trouble: str = ""


ProgressCallback = Callable[[Progress], None]
