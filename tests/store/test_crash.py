"""Real processes, killed at any moment: what was said to be so is so, and nothing else happened."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from newsletter.models import DeliveryState, SendState
from newsletter.store import MOST_IN_FLIGHT, Store, open_store
from tests.store.samples import START, Clock, planned, profile, take_in
from tests.store.victim import PEOPLE

ROOT = Path(__file__).parents[2]


def killed(what: str, path: Path, after: float) -> list[str]:
    """Run the victim, kill it so many seconds after it began its work -> the lines it printed."""
    run = subprocess.Popen(
        [sys.executable, "-m", "tests.store.victim", what, str(path)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert run.stdout is not None
    assert run.stdout.readline() == "ready\n"
    timer = threading.Timer(after, run.kill)
    timer.start()
    lines = run.stdout.read().split("\n")[:-1]
    run.wait()
    timer.cancel()
    run.stdout.close()
    return lines


def sound(store: Store) -> None:
    assert store._connection.value("PRAGMA integrity_check") == "ok"
    assert store._connection.rows("PRAGMA foreign_key_check") == []


MOMENTS = [random.Random(seed).uniform(0.0, 0.12) for seed in range(4)]


@pytest.mark.parametrize("after", MOMENTS)
def test_an_import_that_is_killed_is_finished_by_running_it_again(
    path: Path, clock: Clock, after: float
) -> None:
    lines = killed("import", path, after)
    with open_store(path, now=clock) as store:
        sound(store)
        there = store.people.count()
        assert store.people.audience_count(_dentists(store)) == there if there else True
        report = take_in(store, *(profile(f"p{n:05}", name="x" * 200) for n in range(PEOPLE)))
        assert (report.added, report.unchanged) == (PEOPLE - there, there)
        assert "done" not in lines or there == PEOPLE
        events = Counter(event.subject for event in store.consent.all())
        assert len(events) == PEOPLE
        assert set(events.values()) == {1}


@pytest.mark.parametrize("after", MOMENTS)
def test_an_undo_that_is_killed_is_finished_by_running_it_again(
    path: Path, clock: Clock, after: float
) -> None:
    with open_store(path, now=clock) as store:
        take_in(store, *(profile(f"p{n:05}") for n in range(0, PEOPLE, 3)), source="")
        take_in(store, *(profile(f"p{n:05}") for n in range(PEOPLE)))
    lines = killed("undo", path, after)
    again = PEOPLE // 3
    with open_store(path, now=clock) as store:
        sound(store)
        info, there = store.import_log.get(2), store.people.count()
        assert (info.undone is not None) == ("done" in lines)
        if info.undone is None:
            active = store.people.audience_count(_dentists(store))
            left = store.import_log.preview(2)
            assert (left.removed + left.pending, left.removed) == (active, there - again)
            assert store.import_log.undo(2, START) == left
        assert not store.import_log.get(2).undoing
        assert store.people.count() == again
        assert store.people.audience_count(_dentists(store)) == 0
        kinds = Counter(event.kind.value for event in store.consent.all())
        assert kinds == {"imported": again + PEOPLE, "left": PEOPLE}


@pytest.mark.parametrize("after", MOMENTS)
def test_a_plan_that_is_killed_is_thrown_away_or_whole(path: Path, clock: Clock, after: float) -> None:
    with open_store(path, now=clock) as store:
        take_in(store, *(profile(f"p{n:05}") for n in range(PEOPLE)))
    killed("plan", path, after)
    with open_store(path, now=clock) as store:
        sound(store)
        sends = store.sends.of_issue("issue-1")
        ready = [send for send in sends if send.state is SendState.READY]
        if ready:
            assert store.sends.tally("issue-1").planned == PEOPLE
        else:
            assert store.sends.discard_plans("issue-1") == len(sends)
            assert store.sends.tally("issue-1").total == 0
            assert store.sends.tally_of(planned(store).id).planned == PEOPLE


@pytest.mark.parametrize("after", MOMENTS)
def test_an_exchange_that_is_killed_never_mails_twice_and_forgets_nobody(
    path: Path, clock: Clock, after: float
) -> None:
    with open_store(path, now=clock) as store:
        take_in(store, *(profile(f"p{n:05}") for n in range(800)))
        send = planned(store, run=False)
    mailed: list[str] = []
    for _ in range(3):
        mailed += [line for line in killed("exchange", path, after) if "@" in line]
        with open_store(path, now=clock) as store:
            sound(store)
            tally = store.sends.tally("issue-1")
            assert tally.total == 800
            assert store.sends.unknown_from_crash(send.id) == tally.claimed <= MOST_IN_FLIGHT
            state = {one.address: one.state for one in store.sends.deliveries("issue-1")}
            assert {state[who] for who in mailed} <= {DeliveryState.SENT, DeliveryState.UNKNOWN}
            assert {who for who in state if state[who] is DeliveryState.SENT} <= set(mailed)
            assert len(mailed) == len(set(mailed))


def test_two_programs_write_at_once_and_none_is_turned_away(path: Path, clock: Clock) -> None:
    """A web page takes people in while an import runs; each waits for the other only a moment."""
    open_store(path, now=clock).close()
    run = subprocess.Popen(
        [sys.executable, "-m", "tests.store.victim", "import", str(path)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert run.stdout is not None
    assert run.stdout.readline() == "ready\n"
    count = 0
    with open_store(path, now=clock) as store:
        while run.poll() is None:
            store.people.put(profile(f"walk-in-{count}"), START)
            count += 1
            time.sleep(0.002)
        assert run.stdout.read() == "done\n"
        assert store.people.count() == PEOPLE + count
        sound(store)
    run.stdout.close()
    assert count > 3


def _dentists(store: Store):  # type: ignore[no-untyped-def]
    from tests.store.samples import segment

    return segment(store, "dentists")
