"""What a send says when there is something to decide, and how to go on."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

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
