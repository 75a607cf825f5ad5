"""Design section 8 over random schedules: pause, cancel, stop, faults of relay and journal, crashes."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.deliver.doubt import Trust
from newsletter.deliver.limits import Meter
from newsletter.deliver.orders import Orders
from newsletter.deliver.ports import Parcel
from newsletter.deliver.report import Ending, RunReport
from newsletter.deliver.run import run_send
from newsletter.errors import StoreError
from newsletter.models import DeliveryState, Exchange, Outcome, SendState
from newsletter.relay import Rate
from tests.deliver.simulation import (
    START,
    Fate,
    LateExecutor,
    MemoryJournal,
    SimulatedCourier,
    SimulatedSigners,
    VirtualLoop,
    compose,
    draft,
    is_signed,
    run_virtually,
)

FAULTS = [fate for fate in Fate if fate is not Fate.TAKE]
ENDED = (DeliveryState.SENT, DeliveryState.FAILED, DeliveryState.SKIPPED, DeliveryState.UNKNOWN)


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happens `at` seconds into a run."""

    at: float
    kind: str


@dataclass(frozen=True, kw_only=True)
class Schedule:
    people: int
    seed: int
    faults: float
    connections: int
    slow: float
    disk: float
    rate: int
    limit: int | None
    domains: int
    signing: bool
    runs: Sequence[Sequence[Event]]


events = st.builds(
    Event,
    at=st.floats(0, 6),
    kind=st.sampled_from(
        ["pause", "cancel", "stop", "crash", "interrupt", "disk full", "disk dead", "leave", "deaf", "well"]
    ),
)
schedules = st.builds(
    Schedule,
    people=st.integers(1, 120),
    seed=st.integers(0, 2**32),
    faults=st.sampled_from([0.0, 0.05, 0.3]),
    connections=st.integers(1, 8),
    slow=st.sampled_from([0.001, 0.05, 2.0]),
    disk=st.sampled_from([0.0, 0.005, 0.3]),
    rate=st.sampled_from([0, 5, 500]),
    limit=st.one_of(st.none(), st.integers(1, 60)),
    domains=st.sampled_from([1, 4, 5, 20]),
    signing=st.booleans(),
    runs=st.lists(st.lists(events, max_size=3), max_size=4),
)


class World:
    """The project, which outlives the runs and crashes of one send."""

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule
        self.random = random.Random(schedule.seed)
        self.passed = 0.0
        self.loop: VirtualLoop | None = None
        self.journal = MemoryJournal(schedule.people, self.clock, schedule.domains)
        self.deaf = False  # the relay knows nobody
        self.couriers: list[SimulatedCourier] = []
        self.crashes = 0

    def clock(self) -> int:
        return START + int((self.passed + (self.loop.now if self.loop else 0.0)) * 1000)

    def run(self, events: Sequence[Event], faults: float, limit: int | None) -> RunReport | None:
        async def main(loop: VirtualLoop) -> RunReport | None:
            self.loop = loop
            return await Life(self, loop, events, faults, limit).live()

        try:
            return run_virtually(main)
        finally:
            assert self.loop is not None
            self.passed += self.loop.now + 1
            self.loop = None


class Life:
    """One start of the program, until it ends or dies."""

    def __init__(
        self, world: World, loop: VirtualLoop, events: Sequence[Event], faults: float, limit: int | None
    ) -> None:
        self.world = world
        self.loop = loop
        self.events = events
        self.faults = faults
        self.limit = limit
        self.dead = False
        self.stop = asyncio.Event()
        self.died = asyncio.Event()
        self.courier = SimulatedCourier(self.fate, self.seconds, world.schedule.connections)
        world.couriers.append(self.courier)

    def exchange(self, outcomes: Sequence[Outcome], room: int) -> Exchange:
        if self.dead:
            raise StoreError("a dead program writes nothing")
        return self.world.journal.exchange(outcomes, room)

    def fate(self, parcel: Parcel) -> Fate:
        assert not self.world.schedule.signing or is_signed(parcel)
        chance = self.world.random
        if self.world.deaf:
            return Fate.NO_SUCH_USER
        return chance.choice(FAULTS) if chance.random() < self.faults else Fate.TAKE

    def seconds(self, parcel: Parcel) -> float:
        return self.world.random.uniform(0.2, 2) * self.world.schedule.slow

    async def live(self) -> RunReport | None:
        schedule = self.world.schedule
        rates = [Rate(count=schedule.rate, seconds=1)] if schedule.rate else []
        sending = asyncio.create_task(
            run_send(
                self,
                draft if schedule.signing else compose,
                self.courier,
                Orders(
                    meter=Meter(rates),
                    clock=self.world.clock,
                    give_up_after=48 * 3_600_000,
                    stop=self.stop,
                    limit=self.limit,
                    jitter=self.world.random.random,
                    trust=Trust.ONCE if self.world.journal.count(DeliveryState.SENT) else Trust.NONE,
                ),
                signers=SimulatedSigners(self.world.random) if schedule.signing else None,
                executor=LateExecutor(self.loop, schedule.disk),
            )
        )
        for event in self.events:
            self.loop.call_later(event.at, self.happen, event.kind, sending)
        dying = asyncio.create_task(self.died.wait())
        await asyncio.wait({sending, dying}, return_when=asyncio.FIRST_COMPLETED)
        dying.cancel()
        if self.dead:
            return None
        try:
            return await sending
        except (StoreError, asyncio.CancelledError):
            return None

    def happen(self, kind: str, sending: asyncio.Task[RunReport]) -> None:
        journal = self.world.journal
        if kind == "pause":
            journal.state = SendState.PAUSED
        elif kind == "cancel":
            journal.state = SendState.CANCELLED
        elif kind == "stop":
            self.stop.set()
        elif kind == "interrupt":
            sending.cancel()
        elif kind == "crash":
            self.dead = True
            self.died.set()
        elif kind in ("deaf", "well"):
            self.world.deaf = kind == "deaf"
        elif kind == "leave":
            for row in journal.rows.values():
                row.left = row.left or self.world.random.random() < 0.1
        else:
            journal.broken = 2 if kind == "disk full" else 50


def check(world: World, recovered: int) -> None:
    journal = world.journal
    assert sum(journal.tally.values()) == world.schedule.people
    vanished = sum(courier.vanished for courier in world.couriers)
    for delivery, row in journal.rows.items():
        received = sum(courier.received[delivery] for courier in world.couriers)
        accepted = sum(courier.accepted[delivery] for courier in world.couriers)
        assert received <= 1, "twice"
        if row.state is DeliveryState.SENT:
            assert accepted == 1, "sent without a 2xx"
        if received:
            assert row.state in (DeliveryState.SENT, DeliveryState.UNKNOWN, DeliveryState.CLAIMED)
        if accepted:
            assert row.state is not DeliveryState.PLANNED
    assert journal.count(DeliveryState.UNKNOWN) <= recovered + vanished
    marked = {delivery for delivery, row in journal.rows.items() if row.bounced}
    for courier in world.couriers:
        marked -= marked_rightly(courier)
    assert not marked, "marked as bounced, and the relay took no mail after it"


def marked_rightly(courier: SimulatedCourier) -> set[int]:
    """Who was refused in a run that the relay took mail in."""
    took = any(fate is Fate.TAKE for _, fate in courier.told)
    return {delivery for delivery, fate in courier.told if took and fate is Fate.NO_SUCH_USER}


def check_streak(world: World, report: RunReport, before: set[int]) -> None:
    """Where the relay refused everybody, nobody of that streak is marked, or failed at once."""
    if report.ending is not Ending.PAUSED or "could not be reached" not in report.reason:
        return
    told = world.couriers[-1].told
    last = max((n for n, (_, fate) in enumerate(told) if fate is Fate.TAKE), default=-1)
    streak = {delivery for delivery, fate in told[last + 1 :] if fate is Fate.NO_SUCH_USER}
    rows = [world.journal.rows[delivery] for delivery in streak]
    assert not [row for row in rows if row.bounced and row.delivery not in before]
    assert not [row for row in rows if row.state is DeliveryState.FAILED and row.attempts < 2]


@settings(max_examples=250, deadline=None)
@given(schedule=schedules)
def test_never_twice_never_nobody(schedule: Schedule) -> None:
    world, recovered = World(schedule), 0
    for events in schedule.runs:
        before = {row.delivery for row in world.journal.rows.values() if row.bounced}
        report = world.run(events, schedule.faults, schedule.limit)
        check(world, recovered + 64)
        lost = world.journal.recover()
        assert lost <= 64
        if report is not None:
            check_streak(world, report, before)
            assert lost == 0, "an orderly end leaves nothing claimed"
            assert report.sent <= (schedule.limit or schedule.people)
        recovered += lost
        check(world, recovered)
        world.journal.state, world.journal.broken = SendState.RUNNING, 0
    world.deaf = False
    last = world.run([], 0.0, None)
    assert last is not None
    check(world, recovered)
    assert all(row.state in ENDED for row in world.journal.rows.values())
