"""Filling and signing: every claim comes back as a parcel or an outcome, whatever happens to the run."""

from __future__ import annotations

import asyncio
import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.deliver.limits import Meter
from newsletter.deliver.orders import Orders
from newsletter.deliver.ports import Draft, Parcel
from newsletter.deliver.press import Press
from newsletter.deliver.report import Ending
from newsletter.deliver.run import run_send
from newsletter.models import Claim, DeliveryState, Outcome
from tests.deliver.relay import Step
from tests.deliver.simulation import (
    START,
    Fate,
    LateExecutor,
    MemoryJournal,
    SimulatedCourier,
    SimulatedSigners,
    VirtualLoop,
    draft,
    is_signed,
    run_virtually,
)
from tests.deliver.test_whole_send import send, send_from

PEOPLE = 120
SKIPPED, BROKEN, UNFINISHED = 5, 7, 11  # every so many claims cannot be filled, raise, raise when signed


class BrokenError(Exception):
    pass


def quiet(step: Step) -> None:
    """A relay that takes everything."""


def claims(count: int) -> list[Claim]:
    journal = MemoryJournal(count, lambda: START)
    return [journal.as_claim(row) for row in journal.rows.values()]


class Composer:
    """Drafts; some cannot be made, and with `faults` some raise."""

    def __init__(self, *faults: int) -> None:
        self.faults = faults

    def __call__(self, claim: Claim) -> Draft | Outcome:
        if claim.delivery % SKIPPED == 0:
            return Outcome(delivery=claim.delivery, state=DeliveryState.SKIPPED, reason="no")
        if BROKEN in self.faults and claim.delivery % BROKEN == 0:
            raise BrokenError
        made = draft(claim)
        if UNFINISHED in self.faults and claim.delivery % UNFINISHED == 0:
            return Draft(digest=made.digest, sign=made.sign, finish=self.unfinished)
        return made

    def unfinished(self, signature: bytes) -> Parcel:
        raise BrokenError


@settings(max_examples=200)
@given(
    seed=st.integers(0, 2**32),
    batches=st.lists(st.tuples(st.integers(0, 30), st.floats(0, 0.1)), max_size=6),
    signers=st.sampled_from(["none", "odd", "never"]),
    faults=st.sets(st.sampled_from([BROKEN, UNFINISHED])),
    leave=st.one_of(st.none(), st.integers(0, 60)),
    cancelled=st.booleans(),
)
def test_every_claim_is_handed_over_exactly_once_whenever_the_press_is_closed(
    seed: int,
    batches: list[tuple[int, float]],
    signers: str,
    faults: set[int],
    leave: int | None,
    cancelled: bool,
) -> None:
    """`leave` closes it in the midst of handing over, as a run does that pauses."""
    waiting, seen = claims(PEOPLE * 2), Counter[int]()
    made = {"none": None, "odd": False, "never": True}[signers]

    async def main(loop: VirtualLoop) -> None:
        signing = None if made is None else SimulatedSigners(random.Random(seed), never=made)
        if signing is not None:
            await signing.open()

        def filled(claim: Claim, what: Parcel | Outcome) -> None:
            assert isinstance(what, Outcome) or is_signed(what)
            seen[claim.delivery] += 1
            if seen.total() == leave:
                seen.update(claim.delivery for claim in press.close())

        press, given_to = Press(Composer(*faults), filled, signing), Counter[int]()
        for count, pause in batches:
            batch = [waiting.pop() for _ in range(count)]
            given_to.update(claim.delivery for claim in batch)
            press.fill(batch)
            await asyncio.sleep(pause)
            for task in asyncio.all_tasks() - {asyncio.current_task()} if cancelled else ():
                task.cancel()
        if signers != "never" and random.Random(seed).random() < 0.5:
            await asyncio.sleep(60)
            assert seen == given_to
        seen.update(claim.delivery for claim in press.close())
        assert seen == given_to
        await asyncio.sleep(60)
        assert seen == given_to, "something was handed over after the end"
        assert press.close() == []
        assert faults or press.error is None

    run_virtually(main)


def test_an_error_ends_the_run_with_nothing_left_claimed() -> None:
    for faults in ([BROKEN], [UNFINISHED]):
        journal = MemoryJournal(PEOPLE, lambda: START)
        with pytest.raises(BrokenError):
            send_from(journal, quiet, fill=Composer(*faults))
        assert journal.count(DeliveryState.CLAIMED) == 0
        assert sum(journal.tally.values()) == PEOPLE
        assert journal.count(DeliveryState.PLANNED) > 0


def test_without_signers_the_sender_signs() -> None:
    report, _, relay = send(quiet, 40, fill=Composer())
    assert (report.ending, report.sent, report.skipped) == (Ending.FINISHED, 32, 8)
    assert all(taken.data.startswith(b"signed ") for taken in relay.taken)


@pytest.mark.parametrize("never", [False, True])
def test_what_waits_to_be_signed_is_given_back_when_somebody_leaves_at_once(never: bool) -> None:
    journal, signers = MemoryJournal(PEOPLE, lambda: START), SimulatedSigners(random.Random(1), never=never)

    async def leave(loop: VirtualLoop) -> None:
        running = asyncio.create_task(
            run_send(
                journal,
                draft,
                SimulatedCourier(lambda parcel: Fate.TAKE),
                Orders(meter=Meter([]), clock=lambda: START, give_up_after=1, stop=asyncio.Event()),
                executor=LateExecutor(loop, 0.001),
                signers=signers,
            )
        )
        await asyncio.sleep(0.0015)
        running.cancel()
        await running

    with pytest.raises(asyncio.CancelledError):
        run_virtually(leave)
    assert signers.closed
    assert journal.count(DeliveryState.CLAIMED) == 0
    assert journal.count(DeliveryState.PLANNED) > PEOPLE / 2


def test_a_pause_does_not_wait_for_signers_that_hang() -> None:
    journal = MemoryJournal(PEOPLE, lambda: START)

    async def main(loop: VirtualLoop) -> float:
        stop = asyncio.Event()
        loop.call_later(1, stop.set)
        report = await run_send(
            journal,
            draft,
            SimulatedCourier(lambda parcel: Fate.TAKE),
            Orders(meter=Meter([]), clock=lambda: START, give_up_after=1, stop=stop),
            executor=LateExecutor(loop, 0.001),
            signers=SimulatedSigners(random.Random(1), never=True),
        )
        assert report.ending is Ending.STOPPED
        return loop.now

    assert run_virtually(main) < 2
    assert journal.count(DeliveryState.CLAIMED) == 0
