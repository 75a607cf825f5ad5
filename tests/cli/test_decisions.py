"""What a person decides while a send runs, waits or breaks off stands: no later run undoes it."""

from __future__ import annotations

import os
import signal
import sqlite3
import sys
import threading
import time
from subprocess import PIPE, Popen

import pytest

from newsletter.audience.reading import parse_segment
from newsletter.cli.app import now_ms
from newsletter.models import SendState
from newsletter.store import open_store
from tests.cli.conftest import PEOPLE, Box, Gate, half_sent, until
from tests.cli.test_control import Named, in_utc
from tests.deliver.relay import Do, ScriptedRelay, Step

HOUR = 3_600_000


def until_said(process: Popen[str], word: str) -> None:
    assert process.stderr is not None
    assert any(word in line for line in process.stderr), "it ended without a word"


def planned(relayed: Named, port: int, *audiences: str) -> Box:
    """Sends of one issue to each audience, planned for later; nothing runs."""
    box = relayed(port)
    box.fill(PEOPLE)
    box.fill([f"other.{n}@example.net" for n in range(30)], "others")
    for audience in audiences:
        box.run("send", "short", "--to", audience, "--yes", "--at", in_utc(7200), "--no-wait", exit_code=1)
    return box


def state(box: Box) -> SendState:
    with open_store(box.folder / "subscribers.db", now=now_ms) as store:
        return store.sends.of_issue("short")[-1].state


def test_a_pause_while_the_sender_connects_is_not_undone(relayed: Named) -> None:
    paused = threading.Event()

    def refuse_once(step: Step) -> Do | None:
        return Do.HANG_UP if step.session == 1 and paused.wait(60) else None

    with ScriptedRelay(refuse_once).in_thread() as relay:
        box = relayed(relay.port)
        box.fill(PEOPLE)
        sender = box.start("send", "short", "--to", "dentists", "--yes")
        until(lambda: relay.sessions > 0)
        box.run("pause", "short")
        paused.set()
        sender.communicate(timeout=30)
        assert sender.returncode == 1
        box.run("run")
        assert state(box) is SendState.PAUSED
        assert not relay.taken
        box.run("resume", "short")
        assert len(relay.taken) == len(PEOPLE)


@pytest.mark.parametrize("decision", ["pause", "cancel"])
def test_a_decision_while_a_stopped_sender_finishes_is_not_undone(relayed: Named, decision: str) -> None:
    with half_sent(relayed) as (box, relay, gate, sender):
        sender.send_signal(signal.SIGTERM)
        until_said(sender, "Stopping")
        box.run(decision, "short", *(["--yes"] if decision == "cancel" else []))
        gate.opened.set()
        sender.communicate(timeout=20)
        taken = len(relay.taken)
        box.run("run")
        assert len(relay.taken) == taken
        assert state(box) is (SendState.PAUSED if decision == "pause" else SendState.CANCELLED)
        counts = box.status()
        assert counts["claimed"] == 0
        if decision == "cancel":
            assert counts["skipped"] == len(PEOPLE) - taken


def test_what_a_dead_sender_left_of_a_cancelled_send_is_seen_to(relayed: Named) -> None:
    with half_sent(relayed) as (box, _, gate, sender):
        said = box.run("cancel", "short", "--yes").stderr
        assert "Cancelled" in said
        sender.kill()
        sender.communicate()
        gate.opened.set()
        with sqlite3.connect(box.folder / "subscribers.db") as raw:
            raw.execute(
                "UPDATE deliveries SET state = 'claimed' WHERE id = (SELECT id FROM deliveries "
                "WHERE state = 'claimed' LIMIT 1)"
            )
        before = box.status()
        box.run("run")
        counts = box.status()
        assert counts["claimed"] == counts["planned"] == counts["deferred"] == 0
        assert counts["unknown"] == before["claimed"]
        assert state(box) is SendState.CANCELLED


def test_leaving_at_once_by_hand_is_no_invitation_to_go_on(relayed: Named) -> None:
    with half_sent(relayed) as (box, relay, gate, sender):
        sender.send_signal(signal.SIGINT)
        until_said(sender, "Stopping")
        sender.send_signal(signal.SIGINT)
        _, said = sender.communicate(timeout=20)
        gate.opened.set()
        assert sender.returncode == 1
        assert "newsletter send short --to dentists" in said.splitlines()[-1]
        counts = box.status()
        assert counts["claimed"] == 0
        assert 0 < counts["unknown"] <= 4
        taken = len(relay.taken)
        box.run("run")
        assert state(box) is SendState.PAUSED
        assert len(relay.taken) <= taken + 4, "only what travelled already may still arrive"
        box.send(exit_code=None)
        assert box.status()["planned"] == 0


def start_in_a_window(box: Box, *arguments: str) -> tuple[Popen[bytes], int]:
    """The program as the one in a terminal's window, and that window: closing it hangs up."""
    window, side = pytest.importorskip("pty").openpty()
    claim = (
        "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
        "os.execv(sys.executable, sys.argv[1:])"
    )
    process = Popen(
        [sys.executable, "-c", claim, sys.executable, "-m", "newsletter", *arguments],
        cwd=box.folder,
        env={**os.environ, **box.environ, "TERM": "xterm"},
        stdin=side,
        stdout=side,
        stderr=side,
        start_new_session=True,
    )
    os.close(side)
    return process, window


def test_closing_the_window_finishes_what_travels_and_run_goes_on(relayed: Named) -> None:
    gate = Gate()
    with ScriptedRelay(gate).in_thread() as relay:
        box = relayed(relay.port)
        box.fill(PEOPLE)
        sender, window = start_in_a_window(box, "send", "short", "--to", "dentists", "--yes")
        until(lambda: len(relay.taken) > 5)
        time.sleep(0.5)
        os.close(window)
        sender.send_signal(signal.SIGHUP)  # as a shell tells its jobs once more
        time.sleep(1)
        assert sender.poll() is None, "it waits for what is on its way"
        gate.opened.set()
        sender.wait(timeout=30)
        counts = box.status()
        assert (counts["claimed"], counts["unknown"]) == (0, 0)
        assert counts["sent"] == len(relay.taken) < len(PEOPLE)
        assert state(box) is SendState.READY
        box.run("run")
        assert box.status()["sent"] == len(relay.taken) == len(PEOPLE)


def test_closing_the_window_of_serve_ends_it_in_order(box: Box) -> None:
    server, window = start_in_a_window(box, "serve", "--port", "0")
    said = b""
    while b"Stop with" not in said:
        said += os.read(window, 10_000)
    os.close(window)
    assert server.wait(timeout=30) == 0


def test_a_send_under_nohup_outlives_its_window(relayed: Named) -> None:
    with half_sent(relayed, hangups=signal.SIG_IGN) as (box, relay, gate, sender):
        sender.send_signal(signal.SIGHUP)
        time.sleep(0.5)
        gate.opened.set()
        assert sender.wait(timeout=30) == 0
        assert box.status()["sent"] == len(relay.taken) == len(PEOPLE)


def test_a_paused_send_with_a_time_can_be_taken_up_and_gets_another_time(relayed: Named) -> None:
    with ScriptedRelay().in_thread() as relay:
        box = relayed(relay.port)
        box.fill(PEOPLE)
        for at in (in_utc(7200), in_utc(9000)):
            waiting = box.start("send", "short", "--to", "dentists", "--yes", "--at", at)
            until(lambda: "short" in box.run("status").stdout and state(box) is SendState.READY)
            time.sleep(1)
            assert waiting.poll() is None
            box.run("pause", "short")
            waiting.communicate(timeout=20)
            assert not relay.taken
        taken_up = box.start("send", "short", "--to", "dentists", "--yes")
        time.sleep(3)
        assert taken_up.poll() is None, "it waits for its time again"
        taken_up.send_signal(signal.SIGTERM)
        taken_up.communicate(timeout=20)
        box.run("resume", "short", "--now")
        assert len(relay.taken) == len(PEOPLE)


def test_a_send_that_waits_for_its_time_keeps_no_other_one_from_the_relay(relayed: Named) -> None:
    with ScriptedRelay().in_thread() as relay:
        box = relayed(relay.port)
        toml = box.folder / "newsletter.toml"
        toml.write_text(toml.read_text() + '[smtp]\nrate = "2000/day"\n')
        box.write("issues/other/en.md", (box.folder / "issues/short/en.md").read_text())
        box.fill(PEOPLE[:5])
        waiting = box.start("send", "short", "--to", "dentists", "--yes", "--at", in_utc(7200))
        until(lambda: "short" in box.run("status").stdout)
        box.run("send", "other", "--to", "dentists", "--yes")
        assert len(relay.taken) == 5
        assert waiting.poll() is None
        waiting.send_signal(signal.SIGTERM)
        waiting.communicate(timeout=20)


@pytest.mark.parametrize(
    ("verb", "answer", "state"),
    [
        ("END", Do.TAKE_AND_HANG_UP, "unknown"),
        ("RCPT", "550 5.2.1 no", "failed"),
        ("RCPT", "451 4.2.0 later", "deferred"),
    ],
)
def test_run_says_as_send_does_that_somebody_does_not_have_it(
    relayed: Named, verb: str, answer: str | Do, state: str
) -> None:
    def script(step: Step) -> str | Do | None:
        odd = PEOPLE[3] in f"{step.rcpt_to} {step.argument}"
        return answer if step.verb == verb and odd else None

    with ScriptedRelay(script).in_thread() as relay:
        box = planned(relayed, relay.port, "dentists")
        with open_store(box.folder / "subscribers.db", now=now_ms) as store:
            store.sends.schedule(store.sends.of_issue("short")[0].id, now_ms())
        box.run("run", exit_code=1)
        found = box.status()
        assert (found["sent"], found[state]) == (len(PEOPLE) - 1, 1)


def test_run_says_that_it_holds_what_is_late(relayed: Named) -> None:
    with ScriptedRelay().in_thread() as relay:
        box = relayed(relay.port)
        box.fill(PEOPLE[:5])
        waiting = box.start("send", "short", "--to", "dentists", "--yes", "--at", in_utc(7200))
        until(lambda: "short" in box.run("status").stdout)
        waiting.kill()
        waiting.communicate()
        with open_store(box.folder / "subscribers.db", now=now_ms) as store:
            store.sends.schedule(store.sends.of_issue("short")[0].id, now_ms() - 2 * HOUR)
        said = box.run("run", exit_code=1).stderr
        assert "over an hour ago" in said
        assert "newsletter resume short" in said
        assert not relay.taken
        box.run("resume", "short")
        assert len(relay.taken) == 5


def test_a_relay_that_refuses_every_address_pauses_the_send(relayed: Named) -> None:
    def refuse(step: Step) -> str | None:
        return "550 5.1.1 no such user" if step.verb == "RCPT" else None

    with ScriptedRelay(refuse).in_thread() as relay:
        box = relayed(relay.port)
        box.fill([f"sample.{n}@d{n % 9}.example.net" for n in range(300)])
        said = box.send(exit_code=1).stderr
        assert "could not be reached" in said
        assert box.status()["failed"] < 100


def test_a_relay_that_never_answers_the_dot_pauses_the_send(relayed: Named) -> None:
    with ScriptedRelay(lambda step: Do.HANG_UP if step.verb == "END" else None).in_thread() as relay:
        box = relayed(relay.port)
        box.fill(PEOPLE)
        said = box.send(exit_code=1).stderr
        assert "not answered" in said
        assert box.status()["unknown"] < 30


def test_a_send_that_had_begun_waits_for_the_time_it_is_given(relayed: Named) -> None:
    with half_sent(relayed) as (box, relay, gate, sender):
        box.run("pause", "short")
        gate.opened.set()
        sender.communicate(timeout=20)
        taken = len(relay.taken)
        later = box.start("send", "short", "--to", "dentists", "--yes", "--at", in_utc(7200))
        until_said(later, "Waiting until")
        time.sleep(1)
        assert later.poll() is None
        later.terminate()
        later.communicate(timeout=20)
        box.run("run")
        assert len(relay.taken) == taken


def test_a_pause_while_it_waits_for_the_relay_holds(relayed: Named) -> None:
    gate = Gate()
    with ScriptedRelay(gate).in_thread() as relay:
        box = planned(relayed, relay.port, "dentists")
        toml = box.folder / "newsletter.toml"
        toml.write_text(toml.read_text() + '[smtp]\nrate = "2000/day"\n')
        box.write("issues/other/en.md", (box.folder / "issues/short/en.md").read_text())
        other = box.start("send", "other", "--to", "others", "--yes")
        until(lambda: len(relay.taken) > 5)
        with open_store(box.folder / "subscribers.db", now=now_ms) as store:
            store.sends.schedule(store.sends.of_issue("short")[0].id, now_ms() + 5000)
        waiting = box.start("send", "short", "--to", "dentists", "--yes")
        until_said(waiting, "another issue is going out")
        told = box.run("status", "short")
        assert "about to begin" in told.stdout
        assert "begins as soon as no other issue is going out" in told.stderr
        assert "waits for that" not in told.stderr
        box.run("pause", "short")
        waiting.communicate(timeout=20)
        gate.opened.set()
        other.communicate(timeout=30)
        assert box.status()["sent"] == 0
        assert state(box) is SendState.PAUSED


@pytest.mark.parametrize("how", ["pause", "Ctrl+C"])
def test_who_holds_the_first_of_two_sends_does_not_begin_the_second(relayed: Named, how: str) -> None:
    gate = Gate()
    with ScriptedRelay(gate).in_thread() as relay:
        box = planned(relayed, relay.port, "dentists", "others")
        sender = box.start("resume", "short", "--now")
        until(lambda: len(relay.taken) > 5)
        if how == "pause":
            box.run("pause", "short")
        else:
            sender.send_signal(signal.SIGINT)
            until_said(sender, "Stopping")
        gate.opened.set()
        sender.communicate(timeout=30)
        assert not [taken for taken in relay.taken if "other" in taken.rcpt_to[0]]


def test_send_sees_to_what_its_own_cancelled_send_left(relayed: Named) -> None:
    with half_sent(relayed) as (box, _, gate, sender):
        box.run("cancel", "short", "--yes")
        sender.kill()
        sender.communicate()
        gate.opened.set()
        before = box.status()["claimed"]
        box.send(exit_code=None)
        counts = box.status()
        assert counts["claimed"] == counts["planned"] == 0
        assert counts["unknown"] == before


def test_a_time_that_was_not_agreed_to_changes_nothing(relayed: Named) -> None:
    with ScriptedRelay().in_thread() as relay:
        box = planned(relayed, relay.port, "dentists")

        def scheduled() -> int | None:
            with open_store(box.folder / "subscribers.db", now=now_ms) as store:
                return store.sends.of_issue("short")[0].scheduled

        before = scheduled()
        box.run("send", "short", "--to", "dentists", "--at", in_utc(9000), exit_code=2)
        assert before is not None
        assert scheduled() == before


def test_a_pause_while_the_first_of_two_sends_ends_holds_the_second(relayed: Named) -> None:
    """Both were paused before: a second pause is no change, unless both are ready by then."""
    answered = threading.Event()

    def hold(step: Step) -> None:
        if step.verb == "END" and step.rcpt_to.startswith("sample."):
            assert answered.wait(60)

    with ScriptedRelay(hold).in_thread() as relay:
        box = planned(relayed, relay.port, "dentists", "others")
        box.run("pause", "short")
        going = box.start("resume", "short", "--now")
        until(lambda: box.status()["claimed"] > 0)
        with sqlite3.connect(box.folder / "subscribers.db") as other:
            other.execute("UPDATE deliveries SET state = 'skipped' WHERE state = 'planned' AND send = 1")
        box.run("pause", "short")
        answered.set()
        assert "paused from another terminal" in going.communicate(timeout=60)[1]
        assert not [to for to in relay.recipients if to.startswith("other.")]


@pytest.mark.parametrize("signals", [1, 2])
def test_what_did_not_come_to_its_turn_stands_as_it_stood(relayed: Named, signals: int) -> None:
    """`resume` makes all ready first: a paused one is paused again, one that waits for its time goes on."""
    gate = Gate()
    with ScriptedRelay(gate).in_thread() as relay:
        box = planned(relayed, relay.port, "dentists", "others")
        with open_store(box.folder / "subscribers.db", now=now_ms) as store:
            first, second = store.sends.of_issue("short")
            store.sends.schedule(first.id, now_ms())
            for send in (first, second):
                store.sends.set_state(send.id, SendState.PAUSED, "for a reason")
            third = store.sends.create("short", "list:others", now_ms(), scheduled=now_ms() + HOUR)
            store.sends.plan(third.id, parse_segment(store, "list:others"), [], lambda language, mask: None)
        going = box.start("resume", "short")
        until(lambda: gate.count > 6)
        for _ in range(signals):
            going.send_signal(signal.SIGINT)
            time.sleep(0.5)
        gate.opened.set()
        going.communicate(timeout=30)
        with open_store(box.folder / "subscribers.db", now=now_ms) as store:
            stands = [(send.state, send.reason) for send in store.sends.of_issue("short")]
        assert stands == [
            (SendState.PAUSED, "stopped by hand"),
            (SendState.PAUSED, "for a reason"),
            (SendState.READY, ""),
        ]


def watching(box: Box, too_late: int) -> Popen[str]:
    """`run --watch`, to which a send is late after so many milliseconds."""
    code = (
        f"from newsletter import campaign; campaign.TOO_LATE = {too_late}; import sys; "
        "sys.argv = ['newsletter', 'run', '--watch']; from newsletter.__main__ import run; run()"
    )
    command = [sys.executable, "-c", code]
    return Popen(command, cwd=box.folder, env=box.variables, stderr=PIPE, text=True)


def test_a_send_whose_time_comes_while_run_is_busy_is_not_late(relayed: Named) -> None:
    gate = Gate()
    with ScriptedRelay(gate).in_thread() as relay:
        box = planned(relayed, relay.port, "dentists", "others")
        with open_store(box.folder / "subscribers.db", now=now_ms) as store:
            first, second = store.sends.of_issue("short")
            store.sends.schedule(first.id, now_ms())
            watch = watching(box, 6500)
            until(lambda: gate.count > 6)
            store.sends.schedule(second.id, now_ms())
        time.sleep(8)
        gate.opened.set()
        until(lambda: box.status()["sent"] == 150)
        watch.terminate()
        watch.wait(20)


def test_a_send_whose_time_passed_while_run_was_stopped_is_late(relayed: Named) -> None:
    with ScriptedRelay().in_thread() as relay:
        box = planned(relayed, relay.port, "dentists")
        watch = watching(box, 1500)
        until_said(watch, "Looking again")
        time.sleep(1)  # until it has let go of the database
        watch.send_signal(signal.SIGSTOP)
        with open_store(box.folder / "subscribers.db", now=now_ms) as store:
            store.sends.schedule(store.sends.of_issue("short")[0].id, now_ms())
        time.sleep(3)
        watch.send_signal(signal.SIGCONT)
        until_said(watch, "over an hour ago")
        watch.terminate()
        watch.wait(20)
        assert (state(box), len(relay.taken)) == (SendState.PAUSED, 0)
