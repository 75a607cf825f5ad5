"""What is said of a send whose process was killed, before anything else has run."""

from __future__ import annotations

from collections.abc import Callable

from tests.cli.conftest import Box, half_sent, until

Named = Callable[[int], Box]


def test_what_was_on_its_way_when_the_sender_died_is_told_as_that(relayed: Named) -> None:
    with half_sent(relayed) as (box, _, gate, sender):
        assert "on their way to your mail server" in box.run("status", "short").stdout
        sender.kill()
        sender.communicate()
        gate.opened.set()
        lost = box.status()["claimed"]
        assert lost
        told = box.run("status", "short")
        assert "broken off" in told.stdout
        assert "on their way to your mail server" not in told.stdout
        assert "on its way when the sender died" in told.stdout
        assert f"{lost} people may have it or not" in told.stderr
        assert box.json("deliveries", "short", "--state", "unknown") == []
        unknown = box.run("deliveries", "short", "--state", "unknown")
        assert f"{lost} people may have it or not" in unknown.stderr
        assert "when the sender died" in box.run("deliveries", "short", "--state", "claimed").stdout
        report = box.run("report", "short").stdout
        assert f"{lost} people may have it or not" in report
        assert f"{box.status()['planned']} people are still to get it" in report


def test_what_was_on_its_way_can_be_decided_before_anybody_else_is_mailed(relayed: Named) -> None:
    with half_sent(relayed) as (box, relay, gate, sender):
        until(lambda: box.status()["claimed"] > 0)
        taken_as_sent = ("resolve", "short", "--unknown", "sent", "--yes")
        assert "Nothing of 'short' is unknown" in box.run(*taken_as_sent).stderr
        sender.kill()
        sender.communicate()
        gate.opened.set()
        before, taken = box.status(), len(relay.taken)
        assert f"sent: {before['claimed']}." in box.run(*taken_as_sent).stderr
        assert box.status()["sent"] == before["sent"] + before["claimed"]
        assert len(relay.taken) == taken
        report = box.run("report", "short").stdout
        assert f"{before['claimed']} people may have it or not, and you decided" in report
        if before["sent"]:
            assert f"{before['sent']} people of 120 have it: your mail server accepted it" in report
