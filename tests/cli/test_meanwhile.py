"""What happens to a send while a question stands, while it connects, and after its process died."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta

import pytest

from newsletter import locks
from newsletter.audience.reading import parse_segment
from newsletter.cli.app import App
from newsletter.cli.stopping import Stopped
from newsletter.cli.waiting import wait_for_relay
from newsletter.deliver.limits import Limits
from newsletter.errors import RefusedError
from newsletter.models import SendState
from newsletter.relay import Rate
from tests.cli.conftest import ISSUE, PEOPLE, SETTINGS, Box, half_sent, until
from tests.cli.test_decisions import state
from tests.deliver.relay import Do, ScriptedRelay, Step

Named = Callable[[int], Box]


def test_who_joins_while_the_question_stands_is_reached_by_the_next_send(relayed: Named) -> None:
    with ScriptedRelay().in_thread() as relay:
        box = relayed(relay.port)
        box.write("issues/short/fr.md", ISSUE.replace("Dear", "Cher"))
        box.fill(PEOPLE[:5])

        def join() -> None:
            box.write("more.csv", "email,name,language\nlea@example.org,Lea Sample,fr\n")
            box.run("subscribers", "import", "more.csv", "--list", "dentists", "--source", "x", "--yes")

        told = box.asked("y", "send", "short", "--to", "dentists", meanwhile=join)
        assert "5 sent (of 5)" in told
        assert "Joined dentists since: 1 person" in told
        box.send()
        assert box.status()["sent"] == len(relay.taken) == 6


def test_a_send_that_ended_while_cancel_asked_stays_done(relayed: Named) -> None:
    with half_sent(relayed) as (box, relay, gate, sender):

        def finish() -> None:
            gate.opened.set()
            sender.communicate(timeout=60)

        told = box.asked("y", "cancel", "short", meanwhile=finish)
        assert "nothing of this issue is under way" in told
        assert state(box) is SendState.DONE
        assert len(relay.taken) == len(PEOPLE)


def test_a_relay_that_refuses_a_whole_short_list_pauses_the_send(relayed: Named) -> None:
    refusing = threading.Event()
    refusing.set()

    def script(step: Step) -> str | None:
        return "550 5.1.1 no such user" if refusing.is_set() and step.verb == "RCPT" else None

    with ScriptedRelay(script).in_thread() as relay:
        box = relayed(relay.port)
        box.fill(PEOPLE[:3])
        told = box.send(exit_code=1).stderr
        assert "has taken no mail of this issue yet, and refused 3 addresses; the last answer: 550" in told
        assert state(box) is SendState.PAUSED
        assert box.status()["failed"] == 0
        refusing.clear()
        make_due(box)
        box.run("resume", "short")
        assert box.status()["sent"] == 3


def test_one_address_that_is_refused_again_has_failed(relayed: Named) -> None:
    def script(step: Step) -> str | None:
        return "550 5.1.1 no such user" if step.verb == "RCPT" else None

    with ScriptedRelay(script).in_thread() as relay:
        box = relayed(relay.port)
        box.fill(PEOPLE[:1])
        assert "and refused the address" in box.send(exit_code=1).stderr
        make_due(box)
        box.run("resume", "short", exit_code=1)
        assert box.status()["failed"] == 1


def make_due(box: Box) -> None:
    """Who was put off may be tried at once."""
    with closing(sqlite3.connect(box.folder / "subscribers.db")) as database, database:
        database.execute("UPDATE deliveries SET not_before = 0 WHERE state = 'deferred'")


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_is_heard_while_it_connects(relayed: Named, name: str) -> None:
    def script(step: Step) -> Do | None:
        return Do.SILENCE if step.verb == "CONNECT" else None

    with ScriptedRelay(script).in_thread() as relay:
        box = relayed(relay.port)
        box.fill(PEOPLE[:10])
        sender = box.start("send", "short", "--to", "dentists", "--yes")
        until(lambda: relay.sessions > 0)
        sender.send_signal(signal.Signals[name])
        began = time.monotonic()
        sender.communicate(timeout=30)
        assert time.monotonic() - began < 10, "the relay's silence lasts longer"
        assert box.status()["planned"] == 10


def test_a_send_that_died_can_be_given_a_time(relayed: Named) -> None:
    with half_sent(relayed) as (box, _, gate, sender):
        sender.kill()
        sender.wait()
        gate.opened.set()
        later = f"{datetime.now(UTC) + timedelta(hours=2):%Y-%m-%d %H:%M} UTC"
        waiting = box.start("send", "short", "--to", "dentists", "--yes", "--at", later)
        until(lambda: state(box) is SendState.READY)
        with pytest.raises(subprocess.TimeoutExpired):
            waiting.wait(2)
        waiting.send_signal(signal.SIGTERM)
        _, told = waiting.communicate(timeout=30)
        assert "Waiting until" in told
        assert "from another terminal" not in told


def test_nobody_connects_while_a_limit_is_used_up(relayed: Named) -> None:
    with ScriptedRelay().in_thread() as relay:
        box = relayed(relay.port)
        box.write("newsletter.toml", SETTINGS + '[smtp]\nrate = "5/day"\n')
        box.fill(PEOPLE[:10])
        box.send("--no-wait", exit_code=1)
        assert len(relay.taken) == 5
        sessions = relay.sessions
        watch = box.start("run", "--watch")
        time.sleep(8)
        watch.send_signal(signal.SIGTERM)
        _, told = watch.communicate(timeout=30)
        assert relay.sessions == sessions
        assert told.count("limit is used up") == 1
        assert "'short' to dentists waits" in told


def test_a_relay_that_is_away_is_not_asked_every_few_seconds(relayed: Named) -> None:
    def script(step: Step) -> str | None:
        return "421 4.3.2 not now" if step.verb == "CONNECT" else None

    with ScriptedRelay(script).in_thread() as relay:
        box = relayed(relay.port)
        box.fill(PEOPLE[:10])
        box.send("--no-wait", exit_code=1)
        sessions = relay.sessions
        watch = box.start("run", "--watch")
        until(lambda: relay.sessions > sessions)
        time.sleep(8)
        watch.send_signal(signal.SIGTERM)
        watch.communicate(timeout=30)
        assert relay.sessions == sessions + 1


def test_the_relay_that_was_waited_for_is_held(box: Box) -> None:
    box.environ["NEWSLETTER_SMTP_URL"] = "smtp://127.0.0.1:25"
    box.fill(PEOPLE[:2])
    app, limits = App(project=box.folder), Limits(rates=(Rate(count=5, seconds=1),))
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("NEWSLETTER_SMTP_URL", box.environ["NEWSLETTER_SMTP_URL"])
        with app.store() as store, ExitStack() as held:
            send = store.sends.create("short", "dentists", 0)
            store.sends.plan(send.id, parse_segment(store, "dentists"), [], lambda *_: None)
            send = store.sends.get(send.id)
            assert wait_for_relay(app, store, send, limits, Stopped(), held)
            with (
                pytest.raises(RefusedError, match="another issue"),
                locks.using(box.folder, app.relay.account, datetime.now(UTC)),
            ):
                raise AssertionError("two hold it")
