"""Pause, resume, cancel, a time to begin, and sending without a terminal."""

from __future__ import annotations

import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from tests.cli.conftest import PEOPLE, Box, Gate, half_sent, until
from tests.deliver.relay import ScriptedRelay

Named = Callable[[int], Box]


def in_utc(seconds: float) -> str:
    moment = datetime.now(UTC) + timedelta(seconds=seconds)
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def test_pause_from_another_terminal_holds_within_a_second_and_resume_goes_on(relayed: Named) -> None:
    with half_sent(relayed) as (box, relay, gate, sender):
        box.run("pause", "short")
        gate.opened.set()
        paused = time.monotonic()
        sender.communicate(timeout=20)
        assert time.monotonic() - paused < 2
        assert sender.returncode == 1
        held = box.status()
        assert held["planned"] > 0
        assert held["claimed"] == held["unknown"] == 0
        assert "paused: by hand" in box.run("status", "short").stdout
        box.run("run")
        assert box.status() == held
        box.run("resume", "short")
        assert box.status()["sent"] == 120
    assert max(Counter(m.rcpt_to for m in relay.taken).values()) == 1


def test_cancel_ends_it_for_good(relayed: Named) -> None:
    with half_sent(relayed) as (box, relay, gate, sender):
        assert "--yes" in box.run("cancel", "short", exit_code=2).stderr
        box.run("cancel", "short", "--yes")
        gate.opened.set()
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
        until(lambda: "planned for" in box.run("status", "short", exit_code=None).stdout)
        assert "Its time is still" in box.run("pause", "short").stderr
        waiting.communicate(timeout=20)
        assert "Its time is still" in box.run("status", "short").stderr
        resumed = box.start("resume", "short")
        until(lambda: "planned for" in box.run("status", "short").stdout)
        resumed.send_signal(signal.SIGINT)
        assert "--now" in resumed.communicate(timeout=20)[1]
        assert not relay.taken
        box.run("resume", "short", "--now")
        assert len(relay.taken) == 3


def test_run_takes_up_what_broke_off_and_what_is_due(relayed: Named) -> None:
    with half_sent(relayed) as (box, relay, gate, sender):
        sender.kill()
        sender.communicate()
        gate.opened.set()
        told = box.run("run", exit_code=None)
        found = box.status()
        assert found["sent"] + found["unknown"] == 120
        assert told.returncode == (1 if found["unknown"] else 0)
        assert max(Counter(m.rcpt_to for m in relay.taken).values()) == 1
        taken = len(relay.taken)
        box.run("run")
        assert len(relay.taken) == taken


def test_sigterm_finishes_what_is_on_its_way_and_run_goes_on(relayed: Named) -> None:
    with half_sent(relayed) as (box, relay, gate, sender):
        sender.terminate()
        gate.opened.set()
        _, told = sender.communicate(timeout=20)
        assert sender.returncode == 1
        assert "Stopping" in told
        held = box.status()
        assert held["unknown"] == held["claimed"] == 0
        assert held["sent"] == len(relay.taken)
        box.run("run")
        assert box.status()["sent"] == 120


def test_run_leaves_alone_what_a_person_stopped(relayed: Named) -> None:
    gate = Gate()
    with ScriptedRelay(gate).in_thread() as relay:
        box = relayed(relay.port)
        box.fill(PEOPLE[:60])
        box.send("--limit", "2", exit_code=1)
        box.run("run")
        assert len(relay.taken) == 2
        sender = box.start("send", "short", "--to", "dentists", "--yes")
        until(lambda: len(relay.taken) > 5)
        sender.send_signal(signal.SIGINT)
        gate.opened.set()
        sender.communicate(timeout=20)
        taken = len(relay.taken)
        box.run("run")
        assert len(relay.taken) == taken
        assert "stopped by hand" in box.run("status", "short").stdout
        box.send()
        assert box.status()["sent"] == 60


def test_a_pause_while_run_is_busy_with_another_holds(relayed: Named) -> None:
    gate = Gate()
    with ScriptedRelay(gate).in_thread() as relay:
        box = relayed(relay.port)
        box.write("issues/other/en.md", (box.folder / "issues/short/en.md").read_bytes())
        box.fill(PEOPLE[:60])
        for slug in ("short", "other"):
            waiting = box.start("send", slug, "--to", "dentists", "--yes", "--at", in_utc(3600))
            until(lambda slug=slug: "planned for" in box.run("status", slug, exit_code=None).stdout)  # type: ignore[misc]
            waiting.terminate()
            waiting.communicate(timeout=20)
            with sqlite3.connect(box.folder / "subscribers.db") as database:
                database.execute("UPDATE sends SET scheduled = NULL")
            database.close()
        runner = box.start("run")
        until(lambda: len(relay.taken) > 2)
        box.run("pause", "other")
        gate.opened.set()
        runner.communicate(timeout=30)
        assert box.status("short")["sent"] == 60
        assert box.status("other")["planned"] == 60


def test_cancelling_what_broke_off_strands_nobody(relayed: Named) -> None:
    gate = Gate()
    with ScriptedRelay(gate).in_thread() as relay:
        box = relayed(relay.port)
        box.fill(PEOPLE[:60])
        sender = box.start("send", "short", "--to", "dentists", "--yes")
        until(lambda: len(relay.taken) > 5)
        sender.kill()
        sender.communicate()
        gate.opened.set()
        box.run("cancel", "short", "--yes")
        found = box.status()
        assert found["claimed"] == found["planned"] == 0
        if found["unknown"]:
            assert "cancelled" in box.run("resolve", "short", "--unknown", "resend", "--yes").stderr
            assert box.status() == found
            box.run("resolve", "short", "--unknown", "sent", "--yes")
            assert box.status()["unknown"] == 0


def test_two_issues_share_one_limit(relayed: Named) -> None:
    gate = Gate()
    with ScriptedRelay(gate).in_thread() as relay:
        box = relayed(relay.port)
        settings = (box.folder / "newsletter.toml").read_text(encoding="utf-8")
        box.write("newsletter.toml", settings + '[smtp]\nrate = "20/day"\n')
        box.write("issues/other/en.md", (box.folder / "issues/short/en.md").read_bytes())
        box.fill(PEOPLE[:60])
        first = box.start("send", "short", "--to", "dentists", "--yes", "--no-wait")
        until(lambda: len(relay.taken) > 1)
        told = box.run("send", "other", "--to", "dentists", "--yes", exit_code=1).stderr
        assert "limits" in told
        gate.opened.set()
        first.communicate(timeout=30)
        box.run("send", "other", "--to", "dentists", "--yes", "--no-wait", exit_code=1)
        assert len(relay.taken) == 20
