"""Refusals that may be the relay's fault: nobody is marked for one before the relay takes mail again."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from newsletter.deliver.policy import Verdict
from newsletter.models import DeliveryState, Outcome

BLAMED = "planned again: your mail server refused everybody at that time"


class Doubt:
    """Remembers who was refused since the last success, and what is still to be said of them.

    Their outcomes are written at once, as `failed`, but the mark of a bounce only follows a success: a relay
    that knows nobody says of everybody that there is no such mailbox. `proven` says that it is known to take
    mail.
    """

    def __init__(self, *, proven: bool = False) -> None:
        self._proven = proven
        self._refused: dict[int, Outcome] = {}
        self._blamed = False

    def note(self, verdict: Verdict) -> tuple[Outcome, Sequence[Outcome]]:
        """Take a verdict in -> the outcome to write now, and the revisions of earlier ones."""
        outcome = verdict.outcome
        if outcome.state is DeliveryState.SENT:
            self._proven = True
            return outcome, self.settle()
        if outcome.state is not DeliveryState.FAILED or verdict.strike or not _refused(outcome):
            return outcome, ()
        self._refused[outcome.delivery] = outcome
        return replace(outcome, bounced=False), self.blame() if self._blamed else ()

    def blame(self) -> Sequence[Outcome]:
        """It is the relay: who was refused since the last success is planned again, and who follows too."""
        self._blamed = True
        again = [
            Outcome(delivery=delivery, state=DeliveryState.PLANNED, reason=BLAMED, revised=True)
            for delivery in self._refused
        ]
        self._refused.clear()
        return again

    def settle(self) -> Sequence[Outcome]:
        """It is the recipients, where the relay is known to take mail: the marks of their bounces."""
        if not self._proven:
            return ()
        marks = [replace(outcome, revised=True) for outcome in self._refused.values() if outcome.bounced]
        self._refused.clear()
        return marks


def _refused(outcome: Outcome) -> bool:
    return outcome.reply is not None and outcome.reply.code >= 500
