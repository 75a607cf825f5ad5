"""Filling in threads: every claim comes back as a parcel or an outcome, whatever happens to the run."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from newsletter.deliver.limits import Meter
from newsletter.deliver.ports import Parcel
from newsletter.deliver.report import Ending
from newsletter.deliver.run import run_send
from newsletter.models import Claim, DeliveryState, Outcome
from tests.deliver.relay import Step
from tests.deliver.simulation import START, Fate, MemoryJournal, SimulatedCourier, compose
from tests.deliver.test_whole_send import send, send_from


def quiet(step: Step) -> None:
    """A relay that takes everything."""


def slowly(claim: Claim) -> Parcel | Outcome:
    time.sleep(0.002)
    return compose(claim)


def test_several_threads_fill_at_the_same_time_and_everybody_gets_one_copy() -> None:
    seen: set[str] = set()

    def fill(claim: Claim) -> Parcel | Outcome:
        seen.add(threading.current_thread().name)
        return slowly(claim)

    report, _, relay = send(quiet, 200, fill=fill, threads=3)
    assert (report.ending, report.sent) == (Ending.FINISHED, 200)
    assert len(relay.recipients) == len(set(relay.recipients)) == 200
    assert len(seen) > 1


def test_what_cannot_be_filled_is_skipped() -> None:
    def fill(claim: Claim) -> Parcel | Outcome:
        if claim.delivery % 2:
            return Outcome(delivery=claim.delivery, state=DeliveryState.SKIPPED, reason="no")
        return slowly(claim)

    report, _, relay = send(quiet, 40, fill=fill, threads=2)
    assert (report.sent, report.skipped, len(relay.recipients)) == (20, 20, 20)


@pytest.mark.parametrize("threads", [0, 2])
def test_an_error_in_filling_ends_the_run_with_nothing_left_claimed(threads: int) -> None:
    def fill(claim: Claim) -> Parcel | Outcome:
        if claim.delivery == 30:
            raise ZeroDivisionError
        return slowly(claim)

    journal = MemoryJournal(200, lambda: START)
    with pytest.raises(ZeroDivisionError):
        send_from(journal, quiet, fill=fill, threads=threads)
    assert journal.count(DeliveryState.CLAIMED) == 0
    assert journal.count(DeliveryState.PLANNED) + journal.count(DeliveryState.SENT) == 200
    assert journal.count(DeliveryState.PLANNED) > 0


def test_what_waits_to_be_filled_is_given_back_when_somebody_leaves_at_once() -> None:
    journal = MemoryJournal(100, lambda: START)
    begun = threading.Event()

    def fill(claim: Claim) -> Parcel | Outcome:
        begun.set()
        time.sleep(0.05)
        return compose(claim)

    async def leave() -> None:
        running = asyncio.create_task(
            run_send(
                journal,
                fill,
                SimulatedCourier(lambda parcel: Fate.TAKE),
                meter=Meter([]),
                clock=lambda: START,
                give_up_after=1,
                stop=asyncio.Event(),
                threads=1,
            )
        )
        await asyncio.to_thread(begun.wait, 10)
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        await running

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(leave())
    assert journal.count(DeliveryState.PLANNED) == 100
