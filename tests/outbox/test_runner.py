"""The outbox worker: a relay that is down, mails that come too late, a busy database, a thread that ends."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from newsletter.audience.joining import settle_requests
from newsletter.config import load
from newsletter.deliver.policy import RUN_WAITS
from newsletter.errors import RefusedError
from newsletter.mailroom import OutboxRunner, emptying
from newsletter.store import open_store
from tests.audience.town import DAY, HOUR
from tests.deliver.relay import ScriptedRelay, Step
from tests.outbox.ground import Ground, make_config
from tests.store.samples import Clock, planned, profile, take_in

STARVED = """
import os, resource, sys, threading
from pathlib import Path
from newsletter.mailroom import OutboxRunner
from newsletter.config import load
from newsletter.store import open_store
config = load(Path(sys.argv[1]), {"NEWSLETTER_OUTBOX_URL": f"smtp://127.0.0.1:{sys.argv[2]}"})
at, told = [1790000000000], []
with open_store(config.database, now=lambda: at[0]) as store:
    runner = OutboxRunner(store, config, config.outbox_relay, now=lambda: at[0], tell=told.append,
                          stop=threading.Event())
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    spare = os.open(os.devnull, os.O_RDONLY)
    os.close(spare)
    resource.setrlimit(resource.RLIMIT_NOFILE, (spare, hard))
    at[0] = runner.turn()
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    print(len(told), "told")
    print(store.outbox.counts())
    runner.turn()
    print(store.outbox.counts())
"""


def test_a_relay_that_is_down_is_tried_again_after_growing_waits(tmp_path: Path) -> None:
    clock = Clock()
    with ScriptedRelay().in_thread() as relay:
        port = relay.port
    config = make_config(tmp_path / "project", port)
    with open_store(config.database, now=clock) as store:
        store.lists.create("dentists")
        ground = Ground(store, config, clock, relay)
        ground.ask("ana")
        runner = ground.runner()
        waits = []
        for _ in range(8):
            due = runner.turn()
            waits.append(due - clock())
            assert runner.turn() == due, "nothing is tried before its time"
            clock.at = due
        assert waits == [*RUN_WAITS, RUN_WAITS[-1], RUN_WAITS[-1]]
        assert len(ground.told) == 8
        assert not [line for line in ground.told if "ana" in line]
        with ScriptedRelay(port=port).in_thread() as back:
            runner.turn()
            assert back.recipients == ["ana@example.org"]


def test_a_mail_that_could_not_be_sent_for_three_days_is_dropped(tmp_path: Path) -> None:
    clock = Clock()
    with ScriptedRelay().in_thread() as relay:
        port = relay.port
    config = make_config(tmp_path / "project", port)
    with open_store(config.database, now=clock) as store:
        store.lists.create("dentists")
        ground = Ground(store, config, clock, relay)
        ground.ask("ana")
        ground.runner().turn()
        clock.at += 3 * DAY + 1
        ground.runner().turn()
        assert store.outbox.counts() == {"skipped": 1}


def test_what_a_relay_defers_is_sent_later_and_once(ground: Ground) -> None:
    refused: list[str] = []

    def script(step: Step) -> str | None:
        if step.verb == "RCPT" and not refused:
            refused.append(step.verb)
            return "451 4.7.1 greylisted"
        return None

    ground.relay.script = script
    ground.ask("ana")
    runner = ground.runner()
    due = runner.turn()
    assert ground.relay.recipients == []
    assert ground.clock() < due <= ground.clock() + HOUR
    ground.clock.at += 2 * HOUR
    runner.turn()
    assert ground.relay.recipients == ["ana@example.org"]
    assert ground.store.usage.sent_since("127.0.0.1", 0) == 1


def test_what_was_put_off_while_the_clock_was_ahead_leaves_within_hours(ground: Ground) -> None:
    ahead = 10 * 365 * 24 * HOUR
    ground.relay.script = lambda step: "451 4.7.1 later" if step.verb == "RCPT" else None
    ground.clock.at += ahead
    ground.ask("ana")
    ground.runner().turn()
    ground.clock.at -= ahead
    ground.relay.script = lambda step: None
    runner = ground.runner()
    for _ in range(30):
        ground.clock.at = max(ground.clock.at, runner.turn())
    assert ground.relay.recipients == ["ana@example.org"]


def test_nobody_connects_while_the_limit_is_used_up(tmp_path: Path) -> None:
    clock = Clock()
    with ScriptedRelay().in_thread() as relay:
        make_config(tmp_path / "project", relay.port, '[smtp]\nrate = "2/day"\n')
        config = load(tmp_path / "project", {"NEWSLETTER_SMTP_URL": f"smtp://127.0.0.1:{relay.port}"})
        with open_store(config.database, now=clock) as store:
            store.lists.create("dentists")
            ground = Ground(store, config, clock, relay)
            ground.ask("ana", "ben", "cleo", "dora")
            runner = ground.runner()
            due = runner.turn()
            sessions = relay.sessions
            assert len(relay.taken) == 2
            assert due <= clock() + HOUR
            for _ in range(3):
                clock.at = runner.turn()
            assert [line for line in ground.told if "limit is used up" in line] == ground.told
            assert len(ground.told) == 1, "it is told once"
            ground.runner().turn()
            assert relay.sessions == sessions


def test_an_address_that_does_not_exist_is_marked_and_not_mailed_again(ground: Ground) -> None:
    ground.ask("ben")
    ground.runner().turn()
    ground.relay.script = lambda step: "550 5.1.1 no such user" if step.verb == "RCPT" else None
    ground.ask("ana")
    ground.runner().turn()
    assert state(ground, "ana") == "bounced"
    assert ground.store.outbox.counts() == {"sent": 1, "failed": 1}


def test_a_relay_that_has_not_taken_a_mail_for_a_day_marks_nobody(ground: Ground) -> None:
    ground.relay.script = lambda step: "550 5.1.1 no such user" if step.verb == "RCPT" else None
    ground.ask("ana")
    ground.runner().turn()
    assert state(ground, "ana") == "pending"
    assert ground.store.outbox.counts() == {"failed": 1}


def test_what_a_send_has_on_its_way_proves_nothing(ground: Ground) -> None:
    take_in(ground.store, *(profile(f"p{n}") for n in range(5)))
    ground.store.journal(planned(ground.store).id, "127.0.0.1").exchange([], 5)
    ground.relay.script = lambda step: "550 5.1.1 no such user" if step.verb == "RCPT" else None
    ground.ask("ana")
    ground.runner().turn()
    assert state(ground, "ana") == "pending"


def test_what_waits_for_its_hour_by_a_clock_that_was_ahead_leaves_within_hours(ground: Ground) -> None:
    """Who asks again within the hour gets the next mail an hour after the last."""
    ahead = 300 * 24 * HOUR
    ground.clock.at += ahead
    ground.store.lists.create("surgeons")
    for names in (["dentists"], ["surgeons"]):
        ground.ask("ana", lists=names)
        ground.runner().turn()
    assert ground.store.outbox.counts() == {"sent": 1, "planned": 1}
    ground.clock.at -= ahead
    runner = ground.runner()
    for _ in range(10):
        ground.clock.at = max(ground.clock.at, runner.turn())
    assert len(ground.relay.taken) == 2


def test_a_relay_that_refuses_everybody_loses_no_mail_of_the_outbox(ground: Ground) -> None:
    names = [f"p{n}@d{n % 7}.example.org" for n in range(25)]
    ground.ask("ben")
    runner = ground.runner()
    runner.turn()
    ground.relay.script = lambda step: "550 5.1.1 no such user" if step.verb == "RCPT" else None
    ground.ask(*names)
    due = runner.turn()
    assert "could not be reached" in ground.told[-1]
    counts = ground.store.outbox.counts()
    assert counts.keys() == {"sent", "planned", "deferred"}
    assert counts["planned"] + counts["deferred"] == 25
    ground.relay.script = lambda step: None
    ground.clock.at = due
    ground.clock.at = runner.turn() + 300_000
    runner.turn()
    assert sorted(ground.relay.recipients) == sorted(["ben@example.org", *names])


def state(ground: Ground, name: str) -> str:
    person = ground.store.people.get(f"{name}@example.org")
    assert person is not None
    return person.state


def test_a_row_that_a_dead_run_claimed_is_unknown_and_never_repeated(ground: Ground) -> None:
    ground.ask("ana")
    settle_requests(ground.store, ground.clock())
    assert len(ground.store.outbox.journal("relay").exchange([], 5).claims) == 1
    ground.runner().turn()
    ground.clock.at += 30 * 60_000
    ground.ask("ben")
    ground.runner().turn()
    assert ground.relay.recipients == ["ben@example.org"]
    assert ground.store.outbox.counts() == {"unknown": 1, "sent": 1}


def test_a_database_that_another_program_holds_is_waited_for(tmp_path: Path) -> None:
    clock = Clock()
    with ScriptedRelay().in_thread() as relay:
        config = make_config(tmp_path / "project", relay.port)
        with open_store(config.database, now=clock, busy_seconds=0.1) as store:
            store.lists.create("dentists")
            ground = Ground(store, config, clock, relay)
            ground.ask("ana")
            runner = ground.runner()
            with closing(sqlite3.connect(config.database, isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                assert runner.turn() == clock() + RUN_WAITS[0]
                other.execute("ROLLBACK")
            runner.turn()
            assert relay.recipients == ["ana@example.org"]


def test_a_broken_template_is_told_and_nothing_is_lost(ground: Ground) -> None:
    ground.config.templates.mkdir()
    (ground.config.templates / "outbox.txt").write_text("{{ nothing_like_it }}", encoding="utf-8")
    ground.ask("ana")
    runner = ground.runner()
    due = runner.turn()
    assert "template has a fault" in ground.told[0]
    (ground.config.templates / "outbox.txt").unlink()
    ground.clock.at = due
    runner.turn()
    assert ground.relay.recipients == ["ana@example.org"]


def test_the_thread_sends_soon_and_stops_when_told_and_there_is_only_one(ground: Ground) -> None:
    told: list[str] = []
    with emptying(ground.config, ground.config.outbox_relay, now=ground.clock, tell=told.append) as wake:
        second = emptying(ground.config, None, now=ground.clock, tell=told.append)
        with pytest.raises(RefusedError, match="served already"), second:
            raise AssertionError
        ground.ask("ana", "ben")
        wake.set()
        until = time.monotonic() + 10
        while len(ground.relay.taken) < 2 and time.monotonic() < until:
            time.sleep(0.02)
    assert sorted(ground.relay.recipients) == ["ana@example.org", "ben@example.org"]
    assert ground.store.outbox.counts() == {"sent": 2}
    assert told == []


def test_without_a_relay_what_was_asked_is_settled_and_the_mails_wait(ground: Ground) -> None:
    ground.ask("ana")
    told: list[str] = []
    runner = OutboxRunner(
        ground.store, ground.config, None, now=ground.clock, tell=told.append, stop=ground.stop
    )
    runner.turn()
    assert ground.store.outbox.counts() == {"planned": 1}


def test_a_fault_of_this_machine_is_waited_for(ground: Ground) -> None:
    """A process with too few free files left, as with very many visitors, cannot even begin to send."""
    pytest.importorskip("resource")
    ground.ask("ana")
    done = subprocess.run(
        [sys.executable, "-c", STARVED, str(ground.config.root), str(ground.relay.port)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.splitlines() == ["1 told", "{'planned': 1}", "{'sent': 1}"], done.stderr
    assert ground.relay.recipients == ["ana@example.org"]
