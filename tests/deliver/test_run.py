"""Runs that go well: groups, limits, waiting, pause and stop."""

from __future__ import annotations

import pytest

from newsletter.deliver.ports import Progress
from newsletter.deliver.report import Ending
from newsletter.models import SendState
from newsletter.relay import Rate
from tests.deliver.scene import Scene, first_time, only
from tests.deliver.simulation import START, Fate


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
    assert 3_600 <= scene.ended < 3_660
    scene = Scene(people=25, rates=[Rate(count=20, seconds=3_600)], wait=False)
    report = scene.play()
    assert (report.ending, report.sent) == (Ending.WAITING, 20)
    assert report.next_due is not None
    assert report.next_due >= START + 3_600_000


def test_what_the_relay_puts_off_uses_up_no_ceiling() -> None:
    a_day = Rate(count=10, seconds=86_400)
    scene = Scene(people=10, rates=[a_day], fate=first_time(Fate.LATER, 1, 2, 3, 4))
    assert (scene.play().sent, scene.ended < 400) == (10, True)
    scene = Scene(people=10, rates=[a_day], fate=first_time(Fate.LATER, 1, 2, 3, 4), wait=False)
    report = scene.play()
    assert (report.ending, report.sent, report.used_up_until) == (Ending.WAITING, 6, None)


def test_a_ceiling_that_is_used_up_by_the_last_one_is_not_waited_for() -> None:
    scene = Scene(people=5, rates=[Rate(count=5, seconds=86_400)])
    report = scene.play()
    assert (report.ending, report.sent) == (Ending.FINISHED, 5)
    assert scene.ended < 10


def test_what_others_send_through_the_relay_uses_up_a_ceiling_too() -> None:
    def happen(scene: Scene) -> None:
        scene.journal.elsewhere = 15

    a_day = Rate(count=40, seconds=86_400)
    scene = Scene(people=50, seconds=1.0, rates=[a_day], at={2.2: happen}, wait=False)
    report = scene.play()
    assert (report.ending, report.sent) == (Ending.WAITING, 25)
    scene = Scene(people=50, rates=[Rate(count=10, seconds=1)], at={2.2: happen})
    scene.play()
    assert scene.ended < 6, "short rates are paced for each connection by itself"


def test_while_it_waits_for_what_travels_it_says_so() -> None:
    scene = Scene(people=300, seconds=5.0, connections=4, at={12.0: lambda scene: scene.stop.set()})
    assert scene.play().ending is Ending.STOPPED
    leaving = [now for now in scene.left if now.leaving]
    assert leaving[-1].in_flight == 4
    assert not any(now.leaving for now in scene.left if now.in_flight == 0)
