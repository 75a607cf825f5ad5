"""A domain that puts mail off is approached more slowly, and the others are not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.deliver.approach import HOLDS, PATIENCE, PROBE, Approach
from newsletter.deliver.limits import Meter
from newsletter.deliver.orders import Orders
from newsletter.deliver.ports import Attempt, Parcel, Stage
from newsletter.deliver.report import Ending, RunReport
from newsletter.deliver.run import run_send
from newsletter.models import DeliveryState, Reply
from tests.deliver.simulation import (
    START,
    Fate,
    LateExecutor,
    MemoryJournal,
    SimulatedCourier,
    VirtualLoop,
    compose,
    domain_of,
    run_virtually,
)

NOW = 1_800_000_000_000
HOUR = 3_600_000
SENT = Attempt(delivery=1, stage=Stage.END, reply=Reply(code=250), accepted=True)


def later(
    code: int = 451, enhanced: str = "4.7.0", text: str = "slow down", stage: Stage = Stage.RCPT
) -> Attempt:
    return Attempt(delivery=1, stage=stage, reply=Reply(code=code, enhanced=enhanced, text=text))


def holding(now: int = NOW) -> Approach:
    approach = Approach()
    for _ in range(PATIENCE):
        approach.note("slow.example", later(), now)
    return approach


def test_a_few_deferrals_hold_nobody() -> None:
    approach = Approach()
    for _ in range(PATIENCE - 1):
        approach.note("slow.example", later(), NOW)
    assert approach.wait_until("slow.example", NOW) == 0


def test_then_its_people_wait_and_those_of_other_domains_do_not() -> None:
    approach = holding()
    assert approach.wait_until("slow.example", NOW + 1) == NOW + HOLDS[0]
    assert approach.wait_until("other.example", NOW + 1) == 0


def test_after_the_wait_one_is_tried_and_the_others_wait_for_what_it_tells() -> None:
    approach, then = holding(), NOW + HOLDS[0]
    assert approach.wait_until("slow.example", then) == 0
    assert approach.wait_until("slow.example", then) == then + PROBE
    approach.note("slow.example", SENT, then + 1)
    assert approach.wait_until("slow.example", then + 2) == 0


def test_the_wait_grows_with_every_one_that_is_tried_in_vain() -> None:
    approach, now, waits = holding(), NOW, []
    for _ in range(len(HOLDS) + 2):
        until = approach.wait_until("slow.example", now)
        waits.append(until - now)
        now = until
        assert approach.wait_until("slow.example", now) == 0
        approach.note("slow.example", later(), now)
    assert waits == [*HOLDS, HOLDS[-1], HOLDS[-1]]


def test_what_was_on_its_way_when_the_wait_began_does_not_make_it_longer() -> None:
    approach = holding()
    for _ in range(60):
        approach.note("slow.example", later(), NOW + 5)
    assert approach.wait_until("slow.example", NOW + 6) == NOW + HOLDS[0]


def test_a_clock_that_stepped_back_holds_nobody_for_longer_than_the_longest_wait() -> None:
    approach = holding(NOW + 24 * HOUR)
    assert approach.wait_until("slow.example", NOW) == 0


@pytest.mark.parametrize(
    "attempt",
    [
        later(452, "4.2.2", "mailbox full"),
        later(450, "4.2.1", "disabled for now"),
        later(450, "4.7.1", "Greylisted, see you in 5 minutes"),
        later(550, "5.1.1", "no such user"),
        later(452, "4.3.1", "out of space", stage=Stage.END),
        Attempt(delivery=1, stage=Stage.RCPT, error="the relay hung up"),
    ],
)
def test_what_says_nothing_about_the_domain_holds_nobody(attempt: Attempt) -> None:
    approach = Approach()
    for _ in range(50):
        approach.note("slow.example", attempt, NOW)
    assert approach.wait_until("slow.example", NOW) == 0


class Scene:
    """A run in virtual time over people of several domains."""

    def __init__(self, people: int, domains: int, fate: Callable[[Parcel, float], Fate]) -> None:
        self.people, self.domains, self.fate = people, domains, fate

    def play(self, give_up_after: int = 48 * HOUR) -> RunReport:
        async def main(loop: VirtualLoop) -> RunReport:
            self.journal = MemoryJournal(self.people, lambda: START + int(loop.now * 1000), self.domains)
            self.courier = SimulatedCourier(lambda parcel: self.fate(parcel, loop.now))
            return await run_send(
                self.journal,
                compose,
                self.courier,
                Orders(
                    meter=Meter([]),
                    clock=self.journal.clock,
                    give_up_after=give_up_after,
                    stop=asyncio.Event(),
                    jitter=lambda: 0.5,
                ),
                executor=LateExecutor(loop, 0.005),
            )

        return run_virtually(main)

    def tries(self, domain: str) -> list[float]:
        return [at for at, delivery in self.courier.tried if domain_of(delivery, self.domains) == domain]


def slow_domain(until: float) -> Callable[[Parcel, float], Fate]:
    """The first of the domains puts everybody off until so many seconds have passed."""
    slow = f"@{domain_of(0, 2)}"
    return lambda parcel, now: Fate.LATER if parcel.rcpt_to.endswith(slow) and now < until else Fate.TAKE


def test_a_domain_that_puts_off_is_tried_a_few_times_while_the_others_get_theirs() -> None:
    scene = Scene(400, 2, slow_domain(until=1_000))
    report = scene.play()
    assert (report.ending, report.sent) == (Ending.FINISHED, 400)
    slow, quick = scene.tries(domain_of(0, 2)), scene.tries(domain_of(1, 2))
    assert max(quick) < 60
    at_first = [at for at in slow if at < 1_000]
    assert len(at_first) < 20, "without the wait 200 people would be tried several times each"
    assert report.deferred == len(at_first), "who only waits counts as no deferral"
    assert {row.attempts for row in scene.journal.rows.values()} <= set(range(1, 10))
    assert sum(row.attempts for row in scene.journal.rows.values()) == len(scene.courier.tried)


def test_nobody_is_given_up_without_a_try() -> None:
    scene = Scene(100, 2, slow_domain(until=1e9))
    scene.play(give_up_after=HOUR)
    failed = [row for row in scene.journal.rows.values() if row.state is DeliveryState.FAILED]
    assert len(failed) == 50
    assert all(row.attempts for row in failed)


def test_a_relay_that_puts_everybody_off_pauses_the_send_instead_of_deferring_all() -> None:
    scene = Scene(5_000, 50, lambda parcel, now: Fate.LATER)
    report = scene.play()
    assert report.ending is Ending.PAUSED
    assert "20 recipients of 20 domains" in report.reason
    assert len(scene.courier.tried) <= 20 + 64
    assert scene.journal.count(DeliveryState.PLANNED) > 4_900


@settings(max_examples=25, deadline=None)
@given(
    people=st.integers(1, 120),
    domains=st.integers(1, 6),
    slow=st.integers(0, 6),
    until=st.floats(0, 400),
    rate=st.floats(0, 0.9),
    seed=st.integers(0, 1_000),
)
def test_everybody_gets_it_once_whatever_a_domain_does(
    people: int, domains: int, slow: int, until: float, rate: float, seed: int
) -> None:
    random = Random(seed)

    def fate(parcel: Parcel, now: float) -> Fate:
        theirs = parcel.rcpt_to.endswith(f"@{domain_of(slow, domains)}")
        return Fate.LATER if theirs and now < until and random.random() < rate else Fate.TAKE

    scene = Scene(people, domains, fate)
    report = scene.play()
    assert (report.ending, report.sent) == (Ending.FINISHED, people)
    assert set(scene.courier.received.values()) == {1}
    held = [at for at in scene.tries(domain_of(slow, domains)) if at < until]
    assert len(held) <= 2 * people + 64
