"""Two sends of one issue: what is said of each is its own."""

from __future__ import annotations

from collections.abc import Callable

from tests.cli.conftest import Box
from tests.deliver.relay import Do, ScriptedRelay, Step

Named = Callable[[int], Box]
TRIAL = "newsletter send short --to trial"
DENTISTS = "newsletter send short --to dentists"


def test_who_waits_in_an_earlier_send_is_told_with_the_command_of_that_send(relayed: Named) -> None:
    def full(step: Step) -> str | None:
        return "452 4.2.2 mailbox full" if step.verb == "RCPT" and "full" in step.argument else None

    with ScriptedRelay(full).in_thread() as relay:
        box = relayed(relay.port)
        box.fill(["a@example.net", "full@example.net"])
        box.fill(["b@example.net"], "trial")
        box.send("--no-wait", exit_code=1)
        told = box.run("send", "short", "--to", "trial", "--yes", exit_code=1)
    assert TRIAL not in told.stderr
    assert "Still to be sent to dentists: 1 person." in told.stderr
    assert DENTISTS in told.stderr


def test_who_is_to_get_it_again_is_told_with_the_command_of_their_send(relayed: Named) -> None:
    def lost(step: Step) -> Do | None:
        return Do.TAKE_AND_HANG_UP if step.verb == "END" and "lost" in step.rcpt_to else None

    with ScriptedRelay(lost).in_thread() as relay:
        box = relayed(relay.port)
        box.fill(["lost@example.net", "a@example.net"])
        box.fill(["b@example.net"], "trial")
        box.send(exit_code=1)
        box.run("send", "short", "--to", "trial", "--yes", exit_code=1)
    told = box.run("resolve", "short", "--unknown", "resend", "--yes").stderr
    assert f"Next: {DENTISTS}" in told
    assert TRIAL not in told
