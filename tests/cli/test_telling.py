"""What a send says when there is something to decide, and how to go on."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from newsletter import locks
from newsletter.cli.app import now_ms
from newsletter.store import open_store
from tests.cli.conftest import Box, Gate, until
from tests.deliver.relay import Do, ScriptedRelay, Step

Named = Callable[[int], Box]
PEOPLE = [f"sample.{n:03d}@example.net" for n in range(120)]


@pytest.fixture
def held(relayed: Named) -> Iterator[tuple[Box, Gate, ScriptedRelay]]:
    """A project whose relay stops after six mails until the gate is opened."""
    gate = Gate()
    with ScriptedRelay(gate).in_thread() as relay:
        box = relayed(relay.port)
        box.fill(PEOPLE)
        yield box, gate, relay
        gate.opened.set()


def test_when_nobody_is_left_it_says_who_is_unknown_or_failed_and_what_to_type(relayed: Named) -> None:
    def script(step: Step) -> str | Do | None:
        if step.verb == "RCPT" and "001" in step.argument:
            return "550 5.1.1 no such user"
        return Do.TAKE_AND_HANG_UP if step.verb == "END" and "002" in step.rcpt_to else None

    with ScriptedRelay(script).in_thread() as relay:
        box = relayed(relay.port)
        box.fill(PEOPLE[:5])
        first, again = box.send(exit_code=1).stderr, box.send(exit_code=1).stderr
    assert "nothing to send" in again
    for told in (first, again):
        assert "Unknown: 1 person" in told
        assert "newsletter deliveries short --state unknown" in told
        assert "newsletter resolve short --unknown resend" in told
        assert "newsletter resolve short --unknown sent" in told
        assert "Failed: 1 person" in told
        assert "newsletter deliveries short --state failed" in told


def test_when_everybody_waits_in_another_send_it_says_so(relayed: Named) -> None:
    with ScriptedRelay().in_thread() as relay:
        box = relayed(relay.port)
        box.fill(PEOPLE[:5], "everybody")
        box.fill(PEOPLE[:5])
        box.run("send", "short", "--to", "everybody", "--yes", "--limit", "2", exit_code=1)
        told = box.send(exit_code=1).stderr
    assert "Still to be sent: 3 people" in told
    assert "newsletter status short" in told


@pytest.mark.parametrize(
    ("command", "said", "left_out"),
    [
        (("pause", "short"), "paused from another terminal", "newsletter send"),
        (("cancel", "short", "--yes"), "cancelled from another terminal", "Go on"),
    ],
)
def test_the_sender_says_what_another_terminal_did(
    held: tuple[Box, Gate, ScriptedRelay], command: tuple[str, ...], said: str, left_out: str
) -> None:
    box, gate, relay = held
    sender = box.start("send", "short", "--to", "dentists", "--yes")
    until(lambda: len(relay.taken) > 5)
    box.run(*command)
    gate.opened.set()
    _, told = sender.communicate(timeout=20)
    assert said in told
    assert left_out not in told
    assert ("newsletter resume short" in told) == (command[0] == "pause")


def test_status_says_who_sends_and_then_how_to_go_on(held: tuple[Box, Gate, ScriptedRelay]) -> None:
    def told() -> str:
        return box.run("status", "short").stderr

    box, gate, relay = held
    sender = box.start("send", "short", "--to", "dentists", "--yes")
    until(lambda: len(relay.taken) > 5)
    assert f"being sent by process {sender.pid}" in told()
    assert "Go on" not in told()
    box.run("pause", "short")
    gate.opened.set()
    sender.communicate(timeout=20)
    assert told().strip() == "Go on: newsletter resume short"
    box.send("--limit", "5", exit_code=1)
    box.run("cancel", "short", "--yes")
    assert told() == ""


def test_status_says_when_a_send_begins_and_when_its_time_is_over(relayed: Named) -> None:
    begin = datetime.now(UTC) + timedelta(hours=1)
    box = relayed(1)
    box.fill(PEOPLE[:3])
    waiting = box.start("send", "short", "--to", "dentists", "--yes", "--at", f"{begin:%Y-%m-%d %H:%M} UTC")
    until(lambda: "planned for" in box.run("status", "short", exit_code=None).stdout)
    told = box.run("status", "short").stderr
    assert f"{begin:%H:%M}" in told
    assert f"process {waiting.pid}" in told
    waiting.terminate()
    waiting.communicate(timeout=20)
    assert "newsletter run --watch" in box.run("status", "short").stderr
    with closing(sqlite3.connect(box.folder / "subscribers.db")) as database, database:
        database.execute("UPDATE sends SET scheduled = scheduled - 7200000")
    late = box.run("status", "short")
    assert "which is over" in late.stdout
    assert "Send it now: newsletter resume short" in late.stderr


def test_what_is_being_planned_can_be_paused_in_some_seconds(relayed: Named) -> None:
    box = relayed(1)
    box.fill(PEOPLE[:3])
    with open_store(box.folder / "subscribers.db", now=now_ms) as store:
        store.sends.create("short", "dentists", now_ms())
    told = box.run("pause", "short", exit_code=1).stderr
    assert "planning has not ended" in told
    assert "newsletter status short" in told
    assert "planning broke off" in box.run("status", "short").stderr
    with locks.sending(box.folder, "short", datetime.now(UTC)):
        assert f"planned by process {os.getpid()}" in box.run("status", "short").stderr


def test_an_unknown_issue_cannot_be_resolved(box: Box) -> None:
    box.fill(PEOPLE[:1])
    assert "no issue 'nothing'" in box.run("resolve", "nothing", "--unknown", "sent", exit_code=2).stderr


@pytest.mark.parametrize(
    ("languages", "sentence"),
    [
        (("cs",), "1 person reads a language without an edition (cs) and gets the campaign's own, en."),
        (
            ("cs", "de"),
            "2 people read a language without an edition (cs, de) and get the campaign's own, en.",
        ),
        (("en-GB", ""), ""),
    ],
)
def test_languages_without_an_edition_are_told_in_a_sentence(
    box: Box, languages: tuple[str, ...], sentence: str
) -> None:
    rows = "".join(f"p{n}@example.net,{language}\n" for n, language in enumerate(languages))
    box.write("people.csv", f"email,language\n{rows}")
    box.run("subscribers", "import", "people.csv", "--list", "dentists", "--source", "x", "--yes")
    told = box.run("send", "short", "--to", "dentists", "--dry-run").stderr
    assert sentence in told
    assert ("without an edition" in told) == bool(sentence)
