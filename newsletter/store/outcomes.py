"""What the journals of sends and of the outbox write alike: an outcome's columns, and a bounce."""

from __future__ import annotations

from newsletter.models import ConsentEvent, ConsentKind, DeliveryState, Outcome, SuppressionKind
from newsletter.redact import redact
from newsletter.store.consent import Consent, Suppressions

BOUNCED_BY = "your mail server refused the address"
GONE = "the person's data were erased"

_ATTEMPTED = frozenset(
    {DeliveryState.SENT, DeliveryState.DEFERRED, DeliveryState.FAILED, DeliveryState.UNKNOWN}
)
TAKEN_BY_RELAY = frozenset({DeliveryState.SENT, DeliveryState.UNKNOWN})
OUTCOMES = _ATTEMPTED | {DeliveryState.SKIPPED, DeliveryState.PLANNED}


def finish_row(outcome: Outcome, address: str, now: int) -> tuple[object, ...]:
    """The delivery, then state, not_before, attempts, reply_code, enhanced_code, reply, reason, updated."""
    reply = outcome.reply
    return (
        outcome.delivery,
        outcome.state.value,
        outcome.not_before if outcome.state is DeliveryState.DEFERRED else 0,
        int(outcome.state in _ATTEMPTED),
        reply.code if reply else None,
        redact(reply.enhanced) if reply else None,
        redact(reply.text, address) if reply else None,
        redact(outcome.reason, address),
        now,
    )


class Bounces:
    """Marks people whose address does not exist."""

    def __init__(self, consent: Consent, suppressions: Suppressions) -> None:
        self._consent = consent
        self._suppressions = suppressions

    def mark(self, outcome: Outcome, subject: bytes, address: str, mac: bytes, now: int) -> None:
        """Suppress an address, with the relay's words and a consent event, unless that was done before."""
        reply = outcome.reply
        words = f"{reply.code} {reply.enhanced} {reply.text}" if reply else outcome.reason
        if self._suppressions.add_mac(mac, SuppressionKind.BOUNCED, redact(words, address)):
            self._consent.append(
                ConsentEvent(subject=subject, kind=ConsentKind.BOUNCED, at=now, source=BOUNCED_BY)
            )
