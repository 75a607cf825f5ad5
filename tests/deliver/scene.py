"""A run in virtual time, told as a scene: who is there, what the relay does, what happens when."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from newsletter.deliver.doubt import Trust
from newsletter.deliver.limits import Meter
from newsletter.deliver.orders import Orders
from newsletter.deliver.ports import Parcel, Progress
from newsletter.deliver.report import RunReport
from newsletter.deliver.run import run_send
from newsletter.models import Claim, DeliveryState, Outcome
from newsletter.relay import Rate
from tests.deliver.simulation import (
    START,
    Fate,
    LateExecutor,
    MemoryJournal,
    SimulatedCourier,
    VirtualLoop,
    compose,
    run_virtually,
)

HOUR = 3_600_000
Filler = Callable[[Claim], Parcel | Outcome]


@dataclass
class Scene:
    """A run in virtual time; `at` holds what happens after so many seconds."""

    people: int = 10
    domains: int = 1
    fate: Callable[[Parcel], Fate] = lambda parcel: Fate.TAKE
    seconds: float = 0.05
    connections: int = 4
    rates: Sequence[Rate] = ()
    limit: int | None = None
    wait: bool = True
    disk: float = 0.005
    fill: Filler = compose
    courier_of: type[SimulatedCourier] = SimulatedCourier
    at: dict[float, Callable[[Scene], None]] = field(default_factory=dict)
    left: list[Progress] = field(default_factory=list)
    trust: Trust = Trust.ONCE
    since: int = 0  # milliseconds between the first run's begin and this one's

    def play(self) -> RunReport:
        self.journal = MemoryJournal(self.people, self.clock, self.domains, self.rates)
        return self.again()

    def again(self) -> RunReport:
        """Another run over the same journal."""

        async def main(loop: VirtualLoop) -> RunReport:
            self.loop = loop
            self.courier = self.courier_of(self.fate, lambda parcel: self.seconds, self.connections)
            self.stop = asyncio.Event()
            for seconds, happening in self.at.items():
                loop.call_later(seconds, happening, self)
            self.task = asyncio.create_task(
                run_send(
                    self.journal,
                    self.fill,
                    self.courier,
                    Orders(
                        meter=Meter(self.rates),
                        clock=self.clock,
                        give_up_after=3 * HOUR,
                        stop=self.stop,
                        limit=self.limit,
                        wait=self.wait,
                        progress=self.left.append,
                        jitter=lambda: 0.5,
                        trust=self.trust,
                    ),
                    executor=LateExecutor(loop, self.disk),
                )
            )
            try:
                return await self.task
            finally:
                self.ended = loop.now

        return run_virtually(main)

    def clock(self) -> int:
        return START + self.since + int(self.loop.now * 1000)

    def count(self, state: str) -> int:
        return self.journal.count(DeliveryState(state))


def only(*deliveries: int, fate: Fate) -> Callable[[Parcel], Fate]:
    return lambda parcel: fate if parcel.delivery in deliveries else Fate.TAKE


def interrupt(scene: Scene) -> None:
    scene.task.cancel()


def first_time(fate: Fate, *deliveries: int) -> Callable[[Parcel], Fate]:
    left = set(deliveries)

    def decide(parcel: Parcel) -> Fate:
        if parcel.delivery not in left:
            return Fate.TAKE
        left.remove(parcel.delivery)
        return fate

    return decide
