"""Virtual time, a journal in memory that keeps the rules, and a relay that decides fates by a script."""

from __future__ import annotations

import asyncio
import hashlib
import random
import selectors
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypeVar

from msgspec.structs import replace

from newsletter.deliver.ports import Attempt, Draft, HandBack, Parcel, Stage
from newsletter.errors import StoreError
from newsletter.models import (
    Address,
    Claim,
    DeliveryState,
    Exchange,
    Outcome,
    Profile,
    Reply,
    SendState,
)
from newsletter.relay import Rate

T = TypeVar("T")
START = 1_800_000_000_000


class _Jump(selectors.DefaultSelector):
    """Never waits: it moves the clock instead."""

    loop: VirtualLoop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout:
            self.loop.now += timeout
        assert timeout is not None, "nothing will ever happen again: the run hangs"
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop on which hours pass in no time."""

    def __init__(self) -> None:
        self.now = 0.0
        selector = _Jump()
        selector.loop = self
        super().__init__(selector)

    def time(self) -> float:
        return self.now


def run_virtually(main: Callable[[VirtualLoop], Coroutine[Any, Any, T]]) -> T:
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(main(loop))
    finally:
        pending = asyncio.all_tasks(loop)
        for task in pending:
            task.cancel()
        if pending:
            loop.run_until_complete(asyncio.wait(pending))
        loop.close()


class LateExecutor(Executor):
    """Runs a call at once and tells of it `delay` virtual seconds later, as a thread with a disk does."""

    def __init__(self, loop: VirtualLoop, delay: float) -> None:
        self._loop = loop
        self._delay = delay

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            result, error = fn(*args, **kwargs), None
        except StoreError as trouble:
            result, error = None, trouble

        def tell() -> None:
            if not future.cancelled():
                if error is None:
                    future.set_result(result)
                else:
                    future.set_exception(error)

        self._loop.call_later(self._delay, tell)
        return future


def domain_of(delivery: int, domains: int) -> str:
    return f"d{delivery % domains}.example.org" if domains > 1 else "example.org"


@dataclass
class Row:
    delivery: int
    state: DeliveryState = DeliveryState.PLANNED
    attempts: int = 0
    not_before: int = 0
    first_claimed: int = 0
    left: bool = False
    bounced: bool = False
    refused: bool = False
    outcomes: list[Outcome] = field(default_factory=list)


class MemoryJournal:
    """The rules of the journal, asserted: at most 64 claimed, outcomes only for claimed rows."""

    def __init__(
        self, people: int, clock: Callable[[], int], domains: int = 1, rates: Sequence[Rate] = ()
    ) -> None:
        self.rows = {n: Row(n) for n in range(1, people + 1)}
        self.domains = domains
        self.clock = clock
        self.state = SendState.RUNNING
        self.broken = 0  # how many of the next exchanges fail
        self.exchanges: list[tuple[int, int, int]] = []
        self.most_claimed = 0
        self.elsewhere = 0  # what others sent since the last exchange
        self.ceilings = [rate for rate in rates if rate.is_ceiling]
        self.used: list[int] = []  # when each mail was claimed that counts

    def exchange(self, outcomes: Sequence[Outcome], room: int) -> Exchange:
        assert 0 <= room <= 64
        if self.broken:
            self.broken -= 1
            raise StoreError("the disk is full")
        for outcome in sorted(outcomes, key=lambda outcome: outcome.revised):
            if outcome.revised:
                self.revise(outcome)
            else:
                self.write(outcome)
        for outcome in outcomes:
            if not outcome.revised and outcome.state not in (DeliveryState.SENT, DeliveryState.UNKNOWN):
                self.used.pop()
        self.used += [self.clock()] * self.elsewhere
        asked, room = room, min([room, *map(self.left, self.ceilings)])
        claims, skipped = self.claim(room) if self.state is SendState.RUNNING else ([], 0)
        self.used += [self.clock()] * len(claims)
        due = [row.not_before for row in self.rows.values() if row.state is DeliveryState.DEFERRED]
        if room < max(asked, 1) and self.count(DeliveryState.PLANNED):
            due.append(self.clock())
        claimed = self.count(DeliveryState.CLAIMED)
        self.most_claimed = max(self.most_claimed, claimed)
        assert claimed <= 64
        self.exchanges.append((self.clock(), len(outcomes), len(claims)))
        elsewhere, self.elsewhere = self.elsewhere, 0
        return Exchange(
            claims=claims,
            skipped=skipped,
            next_due=min(due) if due else None,
            state=self.state,
            elsewhere=elsewhere,
            free_at=max((self.free_at(rate) for rate in self.ceilings), default=0),
            put_off=self.count(DeliveryState.DEFERRED),
        )

    def left(self, rate: Rate) -> int:
        since = self.clock() - rate.seconds * 1000
        return max(0, rate.count - sum(at > since for at in self.used))

    def free_at(self, rate: Rate) -> int:
        return 0 if self.left(rate) else sorted(self.used)[-rate.count] + rate.seconds * 1000

    def write(self, outcome: Outcome) -> None:
        row = self.rows[outcome.delivery]
        assert row.state is DeliveryState.CLAIMED, f"{outcome} for a row that is {row.state}"
        row.state = outcome.state
        if outcome.tried:
            row.outcomes.append(outcome)
        else:
            assert outcome.state is DeliveryState.DEFERRED
        if outcome.state is DeliveryState.DEFERRED:
            assert outcome.not_before > self.clock() - 60_000
            row.not_before = outcome.not_before
        if outcome.tried and outcome.state is not DeliveryState.PLANNED:
            row.attempts += 1
            row.refused = outcome.reply is not None and outcome.reply.code >= 500
        row.bounced = row.bounced or outcome.bounced

    def revise(self, outcome: Outcome) -> None:
        row = self.rows[outcome.delivery]
        assert outcome.state is DeliveryState.FAILED
        if row.state is DeliveryState.DEFERRED:
            row.state = DeliveryState.FAILED
            row.bounced = row.bounced or outcome.bounced

    def claim(self, room: int) -> tuple[list[Claim], int]:
        claims: list[Claim] = []
        skipped = 0
        for row in sorted(self.rows.values(), key=lambda row: (row.not_before == 0, row.not_before)):
            if len(claims) == room:
                break
            due = row.state is DeliveryState.DEFERRED and row.not_before <= self.clock()
            if row.state is not DeliveryState.PLANNED and not due:
                continue
            if row.left:
                row.state, skipped = DeliveryState.SKIPPED, skipped + 1
                continue
            row.state = DeliveryState.CLAIMED
            row.first_claimed = row.first_claimed or self.clock()
            claims.append(self.as_claim(row))
        return claims, skipped

    def as_claim(self, row: Row) -> Claim:
        address = f"p{row.delivery}@{domain_of(row.delivery, self.domains)}"
        return Claim(
            delivery=row.delivery,
            stencil=b"",
            subject=row.delivery.to_bytes(12, "big"),
            profile=Profile(address=Address(text=address, key=address)),
            attempts=row.attempts,
            first_claimed=row.first_claimed,
            refused=row.refused,
        )

    def recover(self) -> int:
        """What a resume does: claimed rows are unknown; how many there were."""
        lost = [row for row in self.rows.values() if row.state is DeliveryState.CLAIMED]
        for row in lost:
            row.state = DeliveryState.UNKNOWN
        return len(lost)

    def count(self, state: DeliveryState) -> int:
        return sum(row.state is state for row in self.rows.values())

    @property
    def tally(self) -> Counter[DeliveryState]:
        return Counter(row.state for row in self.rows.values())


class Fate(Enum):
    """What becomes of one transaction."""

    TAKE = "take"
    TAKE_AND_VANISH = "taken, and the connection is lost before the reply"
    VANISH_AFTER = "not taken, and the connection is lost after the dot"
    VANISH_BEFORE = "the connection is lost before the dot"
    LATER = "451"
    LATER_AT_END = "452 to the dot"
    NO_SUCH_USER = "550 5.1.1"
    UNWANTED = "554 to the dot"
    POLICY = "550 5.7.1"
    QUOTA = "550 5.4.5"
    RELAY_GONE = "no connection any more"


ENDS: dict[Fate, tuple[Stage, Reply | None]] = {
    Fate.TAKE: (Stage.END, Reply(code=250, enhanced="2.0.0", text="queued")),
    Fate.TAKE_AND_VANISH: (Stage.END, None),
    Fate.VANISH_AFTER: (Stage.END, None),
    Fate.VANISH_BEFORE: (Stage.DATA, None),
    Fate.LATER: (Stage.RCPT, Reply(code=451, enhanced="4.3.0", text="later")),
    Fate.LATER_AT_END: (Stage.END, Reply(code=452, enhanced="4.3.1", text="later")),
    Fate.NO_SUCH_USER: (Stage.RCPT, Reply(code=550, enhanced="5.1.1", text="no such user")),
    Fate.UNWANTED: (Stage.END, Reply(code=554, enhanced="5.6.0", text="no")),
    Fate.POLICY: (Stage.RCPT, Reply(code=550, enhanced="5.7.1", text="refused by local policy")),
    Fate.QUOTA: (Stage.RCPT, Reply(code=550, enhanced="5.4.5", text="Daily limit exceeded")),
    Fate.RELAY_GONE: (Stage.CONNECT, None),
}


class SimulatedCourier:
    """Carries `connections` parcels at a time; `fate` decides each, `seconds` how long it takes."""

    def __init__(
        self,
        fate: Callable[[Parcel], Fate],
        seconds: Callable[[Parcel], float] = lambda parcel: 0.05,
        connections: int = 4,
    ) -> None:
        self.connections = connections
        self.away = False
        self.received: Counter[int] = Counter()
        self.accepted: Counter[int] = Counter()
        self.vanished = 0
        self.tried: list[tuple[float, int]] = []
        self.told: list[tuple[int, Fate]] = []  # in the order of the answers
        self.closed = False
        self._fate = fate
        self._seconds = seconds
        self._queue: asyncio.Queue[Parcel] = asyncio.Queue()
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self, hand_back: HandBack) -> None:
        self._hand_back = hand_back
        self._tasks = [asyncio.create_task(self._carry()) for _ in range(self.connections)]

    def put(self, parcel: Parcel) -> None:
        assert not self.closed
        self._queue.put_nowait(parcel)

    def recall(self) -> None:
        while not self._queue.empty():
            self._hand_back(Attempt(delivery=self._queue.get_nowait().delivery, stage=Stage.CONNECT))

    async def close(self) -> None:
        self.closed = True
        for task in self._tasks:
            task.cancel()

    async def _carry(self) -> None:
        while True:
            parcel = await self._queue.get()
            fate = self._fate(parcel)
            stage, reply = ENDS[fate]
            self.tried.append((asyncio.get_running_loop().time(), parcel.delivery))
            await asyncio.sleep(self._seconds(parcel))
            if fate in (Fate.TAKE, Fate.TAKE_AND_VANISH):
                self.received[parcel.delivery] += 1
            self.accepted[parcel.delivery] += fate is Fate.TAKE
            self.told.append((parcel.delivery, fate))
            self.vanished += stage is Stage.END and reply is None
            self._hand_back(
                Attempt(
                    delivery=parcel.delivery,
                    stage=stage,
                    reply=reply,
                    error="" if reply else fate.value,
                    accepted=fate is Fate.TAKE,
                )
            )


def compose(claim: Claim) -> Parcel:
    return Parcel(
        delivery=claim.delivery,
        mail_from="news@example.org",
        rcpt_to=claim.profile.address.text,
        pieces=(b"Subject: x\r\n\r\nx\r\n",),
    )


def sign(digest: bytes) -> bytes:
    return b"signed " + digest


def draft(claim: Claim) -> Draft:
    """The parcel of `compose` with its signature, which `SimulatedCourier` looks at."""
    parcel = compose(claim)
    digest = hashlib.sha256(parcel.rcpt_to.encode()).digest()
    return Draft(
        digest=digest, sign=sign, finish=lambda signature: replace(parcel, pieces=(signature, *parcel.pieces))
    )


def is_signed(parcel: Parcel) -> bool:
    return parcel.pieces[0] == sign(hashlib.sha256(parcel.rcpt_to.encode()).digest())


class SimulatedSigners:
    """Sign after a while, or give back all or some unsigned, or never; and sometimes nobody is there."""

    def __init__(self, chance: random.Random, never: bool = False) -> None:
        self.opened = self.closed = False
        self._chance, self._never = chance, never

    async def open(self) -> None:
        self.opened = True

    def sign(self, digests: Sequence[bytes]) -> asyncio.Future[Sequence[bytes]] | None:
        assert self.opened and not self.closed and digests
        if self._chance.random() < 0.2:
            return None
        loop = asyncio.get_running_loop()
        job: asyncio.Future[Sequence[bytes]] = loop.create_future()
        if not self._never:
            count = self._chance.choice(
                (len(digests), len(digests), 0, self._chance.randint(0, len(digests)))
            )
            seconds = self._chance.choice((0.0, 0.001, 0.3))
            loop.call_later(seconds, self._tell, job, [sign(digest) for digest in digests[:count]])
        return job

    def _tell(self, job: asyncio.Future[Sequence[bytes]], signatures: Sequence[bytes]) -> None:
        if not job.done():
            job.set_result(signatures)

    async def close(self) -> None:
        self.closed = True
