"""Pause, resume, cancel, a time to begin, and sending without a terminal."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from tests.cli.conftest import Box
from tests.deliver.relay import ScriptedRelay, Step

Named = Callable[[int], Box]
PEOPLE = [f"sample.{n:03d}@example.net" for n in range(120)]


def slowly(step: Step) -> None:
    if step.verb == "END":
        time.sleep(0.06)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def in_utc(seconds: float) -> str:
    moment = datetime.now(UTC) + timedelta(seconds=seconds)
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def test_pause_from_another_terminal_holds_within_a_second_and_resume_goes_on(relayed: Named) -> None:
    with ScriptedRelay(slowly).in_thread() as relay:
        box = relayed(relay.port)
        box.fill(PEOPLE)
        sender = box.start("send", "short", "--to", "dentists", "--yes")
        until(lambda: len(relay.taken) > 5)
        box.run("pause", "short")
        paused = time.monotonic()
        sender.communicate(timeout=20)
        assert time.monotonic() - paused < 2
        assert sender.returncode == 1
        held = box.status()
        assert held["planned"] > 0
        assert held["claimed"] == held["unknown"] == 0
        assert "paused by hand" in box.run("status", "short").stdout
        box.run("run")
        assert box.status() == held
        box.run("resume", "short")
        assert box.status()["sent"] == 120
    assert max(Counter(m.rcpt_to for m in relay.taken).values()) == 1


def test_cancel_ends_it_for_good(relayed: Named) -> None:
    with ScriptedRelay(slowly).in_thread() as relay:
        box = relayed(relay.port)
        box.fill(PEOPLE)
        sender = box.start("send", "short", "--to", "dentists", "--yes")
        until(lambda: len(relay.taken) > 5)
        assert "--yes" in box.run("cancel", "short", exit_code=2).stderr
        box.run("cancel", "short", "--yes")
        sender.communicate(timeout=20)
        found = box.status()
        assert found["skipped"] > 0
        assert found["sent"] + found["skipped"] == 120
        taken = len(relay.taken)
        assert "nothing of this issue" in box.run("resume", "short", exit_code=2).stderr
        box.send()
        assert len(relay.taken) == taken


def test_a_send_waits_for_its_time(relayed: Named) -> None:
    with ScriptedRelay().in_thread() as relay:
        box = relayed(relay.port)
        box.fill(PEOPLE[:3])
        assert "over" in box.send("--at", "2020-01-01 09:00", exit_code=2).stderr
        waiting = box.start("send", "short", "--to", "dentists", "--yes", "--at", in_utc(3600))
        until(lambda: "ready" in box.run("status", "short", exit_code=None).stdout)
        box.run("pause", "short")
        waiting.communicate(timeout=20)
        assert not relay.taken
        box.run("resume", "short")
        assert len(relay.taken) == 3


def test_run_takes_up_what_broke_off_and_what_is_due(relayed: Named) -> None:
    with ScriptedRelay(slowly).in_thread() as relay:
        box = relayed(relay.port)
        box.fill(PEOPLE)
        sender = box.start("send", "short", "--to", "dentists", "--yes")
        until(lambda: len(relay.taken) > 5)
        sender.kill()
        sender.communicate()
        box.run("run")
        found = box.status()
        assert found["sent"] + found["unknown"] == 120
        assert max(Counter(m.rcpt_to for m in relay.taken).values()) == 1
        taken = len(relay.taken)
        box.run("run")
        assert len(relay.taken) == taken


def test_sigterm_finishes_what_is_on_its_way_and_run_goes_on(relayed: Named) -> None:
    with ScriptedRelay(slowly).in_thread() as relay:
        box = relayed(relay.port)
        box.fill(PEOPLE)
        sender = box.start("send", "short", "--to", "dentists", "--yes")
        until(lambda: len(relay.taken) > 5)
        sender.terminate()
        _, told = sender.communicate(timeout=20)
        assert sender.returncode == 1
        assert "Stopping" in told
        held = box.status()
        assert held["unknown"] == held["claimed"] == 0
        assert held["sent"] == len(relay.taken)
        box.run("run")
        assert box.status()["sent"] == 120
