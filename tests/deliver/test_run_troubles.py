"""Runs that meet trouble: refusals, a lost relay, a journal that fails, an interruption."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

import pytest

from newsletter.deliver.doubt import Trust
from newsletter.deliver.limits import Meter
from newsletter.deliver.orders import Orders
from newsletter.deliver.ports import HandBack, Parcel
from newsletter.deliver.report import Ending, RunReport
from newsletter.deliver.run import run_send
from newsletter.errors import NotFoundError, RelayUnreachableError, StoreError
from newsletter.models import Claim, DeliveryState, Exchange, Outcome
from newsletter.relay import Rate
from tests.deliver.scene import HOUR, Scene, interrupt, only
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


def test_a_used_up_quota_pauses_and_marks_nobody() -> None:
    scene = Scene(people=100, fate=lambda parcel: Fate.QUOTA if parcel.delivery > 20 else Fate.TAKE)
    report = scene.play()
    assert (report.ending, report.sent, report.failed) == (Ending.PAUSED, 20, 0)
    assert report.must_pause
    assert "Daily limit exceeded" in report.reason
    assert scene.count("planned") == 80


@pytest.mark.parametrize("people", [3, 100])
def test_three_refusals_in_a_row_pause_and_nobody_has_failed(people: int) -> None:
    broken = {"now": True}
    scene = Scene(people=people, fate=lambda parcel: Fate.UNWANTED if broken["now"] else Fate.TAKE)
    report = scene.play()
    assert (report.ending, report.failed, scene.count("failed")) == (Ending.PAUSED, 0, 0)
    assert (scene.count("deferred"), scene.count("planned")) == (3, people - 3)
    broken["now"] = False
    assert scene.again().ending is Ending.FINISHED
    assert scene.count("sent") == people


def test_readers_whose_servers_refuse_the_content_hold_a_send_once_and_not_for_ever() -> None:
    scene = Scene(people=60, fate=only(7, 8, 9, 10, fate=Fate.UNWANTED), connections=1)
    assert [scene.play().ending, scene.again().ending] == [Ending.PAUSED, Ending.FINISHED]
    assert (scene.count("sent"), scene.count("failed"), bounced(scene)) == (56, 4, set())


GAPS = [0, 6 * 60_000, 24 * HOUR]  # between one run and the next


def to_the_end(scene: Scene, gap: int) -> list[Ending]:
    """The endings of run after run, until nothing is left to do."""
    endings = [scene.play().ending]
    while endings[-1] is not Ending.FINISHED:
        assert len(endings) < 20, "a reader holds it up for ever"
        scene.since += gap
        endings.append(scene.again().ending)
    return endings


@pytest.mark.parametrize("gap", GAPS)
@pytest.mark.parametrize("connections", [1, 4])
@pytest.mark.parametrize("trust", [Trust.NONE, Trust.ONCE])
@pytest.mark.parametrize("who", [{1}, {6}, {60}, {1, 2}, {6, 7, 8}, {1, 20, 60}, {58, 59, 60}])
def test_readers_whose_servers_refuse_by_policy_never_hold_a_send_up(
    who: set[int], trust: Trust, connections: int, gap: int
) -> None:
    scene = Scene(people=60, fate=only(*who, fate=Fate.POLICY), connections=connections, trust=trust)
    assert to_the_end(scene, gap) == [Ending.FINISHED]
    assert (scene.count("sent"), scene.count("failed"), bounced(scene)) == (60 - len(who), len(who), set())


@pytest.mark.parametrize("gap", GAPS)
def test_readers_of_three_domains_in_a_row_hold_it_once(gap: int) -> None:
    scene = Scene(people=60, domains=7, fate=only(6, 7, 8, fate=Fate.POLICY), connections=1)
    assert to_the_end(scene, gap) == [Ending.PAUSED, Ending.FINISHED]
    assert (scene.count("sent"), scene.count("failed")) == (57, 3)


@pytest.mark.parametrize("connections", [1, 4])
def test_an_institution_that_refuses_by_policy_holds_it_a_few_times(connections: int) -> None:
    scene = Scene(people=200, fate=only(*range(51, 81), fate=Fate.POLICY), connections=connections)
    endings = to_the_end(scene, 6 * 60_000)
    assert endings.count(Ending.PAUSED) <= 3
    assert (scene.count("sent"), scene.count("failed")) == (170, 30)


@pytest.mark.parametrize("trust", Trust)
@pytest.mark.parametrize(("people", "taken"), [(1, 0), (5, 0), (100, 0), (100, 30)])
def test_a_relay_that_refuses_everybody_by_policy_loses_nobody(trust: Trust, people: int, taken: int) -> None:
    broken = {"now": True}
    scene = Scene(
        people=people,
        domains=7,
        trust=trust,
        fate=lambda parcel: Fate.POLICY if broken["now"] and parcel.delivery > taken else Fate.TAKE,
    )
    assert scene.play().ending is Ending.PAUSED
    for _ in range(3):
        scene.since += 24 * HOUR
        assert scene.again().ending is Ending.PAUSED
        assert scene.count("failed") == 0
    broken["now"] = False
    scene.since += 24 * HOUR
    assert scene.again().ending is Ending.FINISHED
    assert scene.count("sent") == people


@pytest.mark.parametrize("fate", [Fate.POLICY, Fate.UNWANTED])
def test_who_was_put_off_before_is_not_lost_where_the_relay_refuses_everybody(fate: Fate) -> None:
    answer = {"now": Fate.LATER}
    scene = Scene(people=300, domains=4, fate=lambda parcel: answer["now"], wait=False)
    scene.play()
    for _ in range(2):
        scene.since += HOUR
        scene.again()
    answer["now"] = fate
    scene.since += HOUR
    assert scene.again().ending is Ending.PAUSED
    assert scene.count("failed") == 0


def test_a_dead_address_marks_only_itself() -> None:
    scene = Scene(people=50, fate=only(*range(10, 20), fate=Fate.NO_SUCH_USER))
    report = scene.play()
    assert (report.ending, report.sent, report.failed) == (Ending.FINISHED, 40, 10)
    assert bounced(scene) == set(range(10, 20))


def bounced(scene: Scene) -> set[int]:
    return {row.delivery for row in scene.journal.rows.values() if row.bounced}


def test_a_relay_that_refuses_everybody_marks_nobody_and_nobody_has_failed() -> None:
    broken = {"now": True}

    def fate(parcel: Parcel) -> Fate:
        return Fate.NO_SUCH_USER if broken["now"] and parcel.delivery > 30 else Fate.TAKE

    scene = Scene(people=100, domains=10, fate=fate)
    report = scene.play()
    assert (report.ending, report.sent, report.failed) == (Ending.PAUSED, 30, 0)
    assert "20 recipients of 10 domains in a row could not be reached" in report.reason
    assert (scene.count("sent"), scene.count("deferred") + scene.count("planned")) == (30, 70)
    assert scene.count("deferred") >= 20
    for _ in range(6):
        scene.since += 24 * HOUR
        assert scene.again().ending is Ending.PAUSED, "however often it is resumed in vain"
        assert (scene.count("failed"), bounced(scene)) == (0, set())
    broken["now"] = False
    scene.since += 24 * HOUR
    assert scene.again().ending is Ending.FINISHED
    assert scene.count("sent") == 100


@pytest.mark.parametrize("limit", [None, 13])
def test_who_was_refused_before_a_run_was_left_is_tried_again(limit: int | None) -> None:
    broken = {"now": True}

    def fate(parcel: Parcel) -> Fate:
        if broken["now"] and len(scene.courier.tried) == 13:
            scene.stop.set()
        return Fate.NO_SUCH_USER if broken["now"] else Fate.TAKE

    scene = Scene(people=100, domains=10, fate=fate, limit=limit, connections=1)
    scene.play()
    assert (scene.count("failed"), scene.count("sent"), bounced(scene)) == (0, 0, set())
    assert scene.count("deferred") >= 13
    broken["now"] = False
    scene.limit = None
    assert scene.again().ending is Ending.FINISHED
    assert scene.count("sent") == 100


def test_who_was_refused_in_vain_is_marked_once_the_relay_takes_mail_again() -> None:
    scene = Scene(people=40, domains=10, fate=only(*range(1, 16), fate=Fate.NO_SUCH_USER), connections=1)
    report = scene.play()
    assert (report.ending, report.sent, report.failed) == (Ending.FINISHED, 25, 15)
    assert bounced(scene) == set(range(1, 16))


def test_the_last_ones_of_a_send_are_marked_at_its_end() -> None:
    scene = Scene(people=40, domains=10, fate=only(*range(36, 41), fate=Fate.NO_SUCH_USER), connections=1)
    assert scene.play().failed == 5
    assert bounced(scene) == set(range(36, 41))


def test_a_relay_that_took_nothing_marks_nobody() -> None:
    scene = Scene(people=15, domains=10, fate=lambda parcel: Fate.NO_SUCH_USER)
    report = scene.play()
    assert (report.ending, report.failed) == (Ending.FINISHED, 15)
    assert bounced(scene) == set()


def test_twenty_dead_addresses_in_a_row_hold_a_send_once_and_not_for_ever() -> None:
    scene = Scene(people=100, domains=10, fate=only(*range(1, 31), fate=Fate.NO_SUCH_USER), connections=1)
    endings = [scene.play().ending]
    while endings[-1] is not Ending.FINISHED:
        endings.append(scene.again().ending)
    assert endings == [Ending.PAUSED, Ending.FINISHED]
    assert (scene.count("sent"), scene.count("failed")) == (70, 30)
    assert bounced(scene) == set(range(1, 31))


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
    told = [step.trouble for step in scene.left]
    assert sum(map(bool, told)) == 3
    assert told[0] == told[-1] == ""


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
    scene = Scene(people=200, seconds=1.5, at={5.3: interrupt})
    with pytest.raises(asyncio.CancelledError):
        scene.play()
    assert scene.ended < 5.6
    assert scene.count("claimed") <= scene.courier.connections
    assert scene.count("sent") == sum(scene.courier.accepted.values())


def test_leaving_in_the_middle_of_an_exchange_gives_its_claims_back() -> None:
    scene = Scene(people=200, disk=0.3, at={0.1: interrupt})
    with pytest.raises(asyncio.CancelledError):
        scene.play()
    assert scene.courier.tried == []
    assert scene.count("planned") == 200


def test_what_is_claimed_while_a_pause_is_found_does_not_leave() -> None:
    def fate(parcel: Parcel) -> Fate:
        return Fate.QUOTA if parcel.delivery > 20 else Fate.TAKE

    scene = Scene(people=200, fate=fate, disk=0.4, seconds=0.3)
    report = scene.play()
    refused = min(at for at, delivery in scene.courier.tried if delivery > 20) + 0.3
    assert report.ending is Ending.PAUSED
    assert max(at for at, _ in scene.courier.tried) <= refused
    assert scene.count("planned") == 180


def test_a_relay_that_cannot_be_used_claims_nothing() -> None:
    class Closed(SimulatedCourier):
        async def open(self, hand_back: HandBack) -> None:
            raise RelayUnreachableError("nothing answers")

    async def main(loop: VirtualLoop) -> MemoryJournal:
        journal = MemoryJournal(3, lambda: START)
        with pytest.raises(RelayUnreachableError):
            await run_send(
                journal,
                compose,
                Closed(lambda parcel: Fate.TAKE),
                Orders(meter=Meter([]), clock=lambda: START, give_up_after=HOUR, stop=asyncio.Event()),
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
            Orders(meter=Meter([]), clock=lambda: START, give_up_after=HOUR, stop=asyncio.Event()),
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


def test_who_is_held_back_uses_up_no_limit() -> None:
    """The relay puts one of two domains off: its other people are held, and nothing leaves for them."""
    scene = Scene(
        people=100,
        domains=2,
        fate=lambda parcel: Fate.LATER if parcel.delivery % 2 else Fate.TAKE,
        rates=(Rate(count=70, seconds=86_400),),
        wait=False,
    )
    report = scene.play()
    assert (report.sent, scene.count("planned")) == (50, 0)


def test_a_parcel_that_the_courier_breaks_at_is_lost_alone() -> None:
    class Broken(SimulatedCourier):
        def put(self, parcel: Parcel) -> None:
            if parcel.delivery == 5:
                raise RuntimeError("broken")
            super().put(parcel)

    scene = Scene(people=10, courier_of=Broken)
    with pytest.raises(RuntimeError, match="broken"):
        scene.play()
    assert scene.count("claimed") == 1
    assert scene.count("planned") + scene.count("sent") == 9


@pytest.mark.parametrize("fails", [6, 7])
def test_a_stop_is_heard_while_the_journal_is_in_trouble(fails: int) -> None:
    begun: list[float] = []

    def fate(parcel: Parcel) -> Fate:
        begun.append(scene.loop.now)
        return Fate.TAKE

    def trouble(running: Scene) -> None:
        running.journal.broken = fails

    scene = Scene(
        people=500, at={1.0: trouble, 1.2: lambda running: running.stop.set()}, fate=fate, seconds=4
    )
    if fails > 6:
        with pytest.raises(StoreError):
            scene.play()
    else:
        assert scene.play().ending is Ending.STOPPED
    assert begun
    assert max(begun) < 2.2
    assert scene.count("planned") > 400
