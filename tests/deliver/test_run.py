from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest

from newsletter.deliver.limits import Meter
from newsletter.deliver.ports import Parcel, Progress
from newsletter.deliver.report import Ending, RunReport
from newsletter.deliver.run import run_send
from newsletter.errors import NotFoundError, RelayUnreachableError, StoreError
from newsletter.models import Claim, DeliveryState, Exchange, Outcome, SendState
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
    fate: Callable[[Parcel], Fate] = lambda parcel: Fate.TAKE
    seconds: float = 0.05
    connections: int = 4
    rates: Sequence[Rate] = ()
    limit: int | None = None
    wait: bool = True
    disk: float = 0.005
    fill: Filler = compose
    at: dict[float, Callable[[Scene], None]] = field(default_factory=dict)
    left: list[Progress] = field(default_factory=list)

    def play(self) -> RunReport:
        async def main(loop: VirtualLoop) -> RunReport:
            self.loop = loop
            self.journal = MemoryJournal(self.people, self.clock)
            self.courier = SimulatedCourier(self.fate, lambda parcel: self.seconds, self.connections)
            self.stop = asyncio.Event()
            for seconds, happening in self.at.items():
                loop.call_later(seconds, happening, self)
            self.task = asyncio.create_task(
                run_send(
                    self.journal,
                    self.fill,
                    self.courier,
                    meter=Meter(self.rates),
                    clock=self.clock,
                    give_up_after=3 * HOUR,
                    stop=self.stop,
                    limit=self.limit,
                    wait=self.wait,
                    progress=self.left.append,
                    executor=LateExecutor(loop, self.disk),
                    jitter=lambda: 0.5,
                )
            )
            try:
                return await self.task
            finally:
                self.ended = loop.now

        return run_virtually(main)

    def clock(self) -> int:
        return START + int(self.loop.now * 1000)

    def count(self, state: str) -> int:
        return self.journal.count(DeliveryState(state))


def only(*deliveries: int, fate: Fate) -> Callable[[Parcel], Fate]:
    return lambda parcel: fate if parcel.delivery in deliveries else Fate.TAKE


def first_time(fate: Fate, *deliveries: int) -> Callable[[Parcel], Fate]:
    return lambda parcel: fate if parcel.delivery in deliveries and not parcel.attempts else Fate.TAKE


def test_everybody_gets_one() -> None:
    scene = Scene(people=300)
    report = scene.play()
    assert (report.ending, report.sent, report.next_due) == (Ending.FINISHED, 300, None)
    assert scene.count("sent") == 300
    assert scene.courier.closed
    assert scene.left[-1] == Progress(sent=300)


def test_an_empty_send_ends_at_once() -> None:
    scene = Scene(people=0)
    assert scene.play().ending is Ending.FINISHED
    assert scene.ended < 1


def test_outcomes_do_not_wait_longer_than_agreed() -> None:
    scene = Scene(people=40, seconds=1.0, connections=8)
    scene.play()
    finished = sorted(START + int((at + 1.0) * 1000) for at, _ in scene.courier.tried)
    writes = [at for at, outcomes, _ in scene.journal.exchanges for _ in range(outcomes)]
    assert len(finished) == len(writes) == 40
    assert all(write - end <= 215 for write, end in zip(sorted(writes), finished, strict=True))


def test_a_fast_relay_is_served_in_large_groups() -> None:
    scene = Scene(people=2000, seconds=0.004, connections=8)
    scene.play()
    assert len(scene.journal.exchanges) < 2000 / 20
    assert scene.journal.most_claimed <= 64
    assert scene.ended < 2000 * 0.004 / 8 * 1.6


def test_a_slow_relay_holds_few_rows() -> None:
    scene = Scene(people=60, seconds=3.0, connections=2)
    scene.play()
    assert scene.journal.most_claimed <= 6


@pytest.mark.parametrize(
    ("state", "ending"), [(SendState.PAUSED, Ending.PAUSED), (SendState.CANCELLED, Ending.CANCELLED)]
)
def test_a_pause_from_another_terminal_acts_within_a_second(state: SendState, ending: Ending) -> None:
    def happen(scene: Scene) -> None:
        scene.journal.state = state

    scene = Scene(people=500, seconds=0.3, at={5.0: happen})
    report = scene.play()
    assert (report.ending, report.reason, report.must_pause) == (ending, "", False)
    assert max(at for at, _ in scene.courier.tried) <= 6.0
    assert scene.count("claimed") == 0
    assert scene.count("sent") == report.sent == len(scene.courier.tried)


def test_a_stop_acts_within_a_second_and_finishes_what_travels() -> None:
    scene = Scene(people=500, seconds=2.0, at={5.0: lambda scene: scene.stop.set()})
    report = scene.play()
    assert report.ending is Ending.STOPPED
    assert max(at for at, _ in scene.courier.tried) <= 6.0
    assert scene.ended <= 8.1
    assert scene.count("sent") == len(scene.courier.tried)
    assert scene.count("planned") == 500 - report.sent


def test_a_stop_while_waiting_for_tomorrow_acts_within_a_second() -> None:
    scene = Scene(
        people=5,
        rates=[Rate(count=3, seconds=86_400)],
        at={3600.0: lambda scene: scene.stop.set()},
    )
    report = scene.play()
    assert (report.ending, report.sent) == (Ending.STOPPED, 3)
    assert scene.ended <= 3601


def test_deferred_ones_are_waited_for() -> None:
    scene = Scene(people=10, fate=first_time(Fate.LATER, 3, 4))
    report = scene.play()
    assert (report.ending, report.sent, report.deferred) == (Ending.FINISHED, 10, 2)
    assert 300 <= scene.ended < 303
    waiting = [progress.waiting_until for progress in scene.left if progress.waiting_until]
    assert waiting
    assert set(waiting) == {scene.journal.rows[3].outcomes[0].not_before}


def test_without_waiting_the_deferred_ones_are_left() -> None:
    scene = Scene(people=10, fate=first_time(Fate.LATER, 3, 4), wait=False)
    report = scene.play()
    assert (report.ending, report.sent) == (Ending.WAITING, 8)
    assert report.next_due == scene.journal.rows[3].not_before
    assert scene.ended < 2


def test_who_never_takes_it_is_given_up() -> None:
    scene = Scene(people=3, fate=only(2, fate=Fate.LATER))
    report = scene.play()
    assert (report.ending, report.sent, report.failed) == (Ending.FINISHED, 2, 1)
    assert 3 * 3600 < scene.ended < 3.1 * 3600
    assert scene.journal.rows[2].attempts >= 6


def test_the_limit_of_a_run() -> None:
    scene = Scene(people=100, limit=7, connections=8)
    report = scene.play()
    assert (report.ending, report.sent) == (Ending.LIMITED, 7)
    assert scene.count("planned") == 93


def test_a_limit_waits_for_its_deferred_ones() -> None:
    scene = Scene(people=20, limit=5, fate=first_time(Fate.LATER, 2))
    report = scene.play()
    assert (report.ending, report.sent, report.deferred) == (Ending.LIMITED, 5, 1)


def test_a_limit_without_waiting_ends() -> None:
    scene = Scene(people=20, limit=5, fate=first_time(Fate.LATER, 2), wait=False)
    report = scene.play()
    assert (report.ending, report.sent, report.deferred) == (Ending.LIMITED, 4, 1)


def test_a_rate_is_kept() -> None:
    scene = Scene(people=50, rates=[Rate(count=10, seconds=1)], connections=8)
    scene.play()
    times = [at for at, _ in scene.courier.tried]
    assert max(sum(start <= at < start + 1 for at in times) for start in times) <= 10
    assert 4 < scene.ended < 6


def test_a_used_up_ceiling_is_waited_for_or_told() -> None:
    scene = Scene(people=25, rates=[Rate(count=20, seconds=3_600)])
    assert scene.play().ending is Ending.FINISHED
    assert 3_600 < scene.ended < 3_660
    scene = Scene(people=25, rates=[Rate(count=20, seconds=3_600)], wait=False)
    report = scene.play()
    assert (report.ending, report.sent) == (Ending.WAITING, 20)
    assert report.next_due is not None
    assert report.next_due > START + 3_600_000


def test_a_used_up_quota_pauses_and_marks_nobody() -> None:
    scene = Scene(people=100, fate=lambda parcel: Fate.QUOTA if parcel.delivery > 20 else Fate.TAKE)
    report = scene.play()
    assert (report.ending, report.sent, report.failed) == (Ending.PAUSED, 20, 0)
    assert report.must_pause
    assert "Daily limit exceeded" in report.reason
    assert scene.count("planned") == 80


def test_three_refusals_in_a_row_pause_and_no_more_are_marked() -> None:
    scene = Scene(people=100, fate=lambda parcel: Fate.UNWANTED, connections=8)
    report = scene.play()
    assert (report.ending, report.failed) == (Ending.PAUSED, 3)
    assert scene.count("planned") == 97


def test_a_dead_address_marks_only_itself() -> None:
    scene = Scene(people=50, fate=only(*range(10, 20), fate=Fate.NO_SUCH_USER))
    report = scene.play()
    assert (report.ending, report.sent, report.failed) == (Ending.FINISHED, 40, 10)
    assert all(scene.journal.rows[n].outcomes[0].bounced for n in range(10, 20))


def test_a_lost_relay_gives_everything_back() -> None:
    scene = Scene(people=100, fate=lambda parcel: Fate.RELAY_GONE if parcel.delivery > 30 else Fate.TAKE)
    report = scene.play()
    assert (report.ending, report.sent) == (Ending.RELAY_LOST, 30)
    assert report.must_pause
    assert scene.count("planned") == 70


def test_unknown_ones_are_shown_and_do_not_stop_the_rest() -> None:
    scene = Scene(people=50, fate=only(7, 8, fate=Fate.TAKE_AND_VANISH))
    report = scene.play()
    assert (report.ending, report.sent, report.unknown) == (Ending.FINISHED, 48, 2)


def test_a_composer_may_skip() -> None:
    def fill(claim: Claim) -> Parcel | Outcome:
        if claim.delivery == 3:
            return Outcome(delivery=3, state=DeliveryState.SKIPPED, reason="no name")
        return compose(claim)

    scene = Scene(people=5, fill=fill)
    report = scene.play()
    assert (report.ending, report.sent, report.skipped) == (Ending.FINISHED, 4, 1)


def test_who_left_is_skipped_by_the_journal() -> None:
    def leave(scene: Scene) -> None:
        for row in scene.journal.rows.values():
            row.left = row.delivery > 90

    scene = Scene(people=100, at={0.0: leave}, limit=90)
    report = scene.play()
    assert report.sent == 90
    scene = Scene(people=100, at={0.0: leave}, rates=[Rate(count=100, seconds=1)])
    report = scene.play()
    assert (report.ending, report.sent, report.skipped) == (Ending.FINISHED, 90, 10)


def test_an_error_while_filling_loses_nothing() -> None:
    def fill(claim: Claim) -> Parcel | Outcome:
        if claim.delivery == 5:
            raise NotFoundError("the stencil is gone")
        return compose(claim)

    scene = Scene(people=20, fill=fill)
    with pytest.raises(NotFoundError):
        scene.play()
    assert scene.count("sent") == len(scene.courier.tried) <= 4
    assert scene.count("planned") == 20 - scene.count("sent")
    assert scene.courier.closed


def test_a_journal_in_trouble_for_a_while() -> None:
    def trouble(scene: Scene) -> None:
        scene.journal.broken = 3

    scene = Scene(people=200, at={1.0: trouble})
    report = scene.play()
    assert (report.ending, report.sent) == (Ending.FINISHED, 200)


def test_a_journal_that_is_gone_is_told_and_what_travelled_is_not_sent_again() -> None:
    def trouble(scene: Scene) -> None:
        scene.journal.broken = 1000

    scene = Scene(people=200, at={1.0: trouble})
    with pytest.raises(StoreError):
        scene.play()
    assert scene.ended > 30
    lost = scene.journal.recover()
    assert 0 < lost <= 64
    assert scene.count("sent") + lost >= len(scene.courier.tried)


def test_leaving_at_once_still_writes_what_is_known() -> None:
    def interrupt(scene: Scene) -> None:
        scene.task.cancel()

    scene = Scene(people=200, seconds=1.5, at={5.3: interrupt})
    with pytest.raises(asyncio.CancelledError):
        scene.play()
    assert scene.ended < 5.6
    assert scene.count("claimed") <= scene.courier.connections
    assert scene.count("sent") == sum(scene.courier.accepted.values())


def test_a_relay_that_cannot_be_used_claims_nothing() -> None:
    class Closed(SimulatedCourier):
        async def open(self) -> None:
            raise RelayUnreachableError("nothing answers")

    async def main(loop: VirtualLoop) -> MemoryJournal:
        journal = MemoryJournal(3, lambda: START)
        with pytest.raises(RelayUnreachableError):
            await run_send(
                journal,
                compose,
                Closed(lambda parcel: Fate.TAKE),
                meter=Meter([]),
                clock=lambda: START,
                give_up_after=HOUR,
                stop=asyncio.Event(),
                executor=LateExecutor(loop, 0.0),
            )
        return journal

    assert run_virtually(main).exchanges == []


def test_with_a_thread_of_its_own_in_real_time() -> None:
    async def main() -> RunReport:
        return await run_send(
            Threaded(),
            compose,
            SimulatedCourier(lambda parcel: Fate.TAKE, lambda parcel: 0.001),
            meter=Meter([]),
            clock=lambda: START,
            give_up_after=HOUR,
            stop=asyncio.Event(),
        )

    class Threaded:
        def __init__(self) -> None:
            self.inner = MemoryJournal(100, lambda: START)
            self.threads: set[int] = set()

        def exchange(self, outcomes: Sequence[Outcome], room: int) -> Exchange:
            self.threads.add(threading.get_ident())
            assert threading.current_thread() is not threading.main_thread()
            assert len(self.threads) == 1
            return self.inner.exchange(outcomes, room)

    assert asyncio.run(main()).sent == 100
