"""The journal of one running send: finished outcomes in, the next claims out, in one transaction."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from newsletter.errors import StoreError
from newsletter.models import (
    Claim,
    ConsentEvent,
    ConsentKind,
    DeliveryState,
    Exchange,
    Outcome,
    SendState,
    SuppressionKind,
)
from newsletter.store.consent import Consent, Suppressions
from newsletter.store.database import Connection, Row
from newsletter.store.people import PROFILE_COLUMNS, read_profile
from newsletter.store.redact import redact
from newsletter.store.segments_sql import SUPPRESSION_SQL, Binder, consent_in_sql
from newsletter.store.usage import note_usage

MOST_IN_FLIGHT = 64
_BOUNCED_BY = "the relay refused the address"
GONE = "the person's data were erased"
LEFT = "left the list before this mail went out"
SUPPRESSED = {
    SuppressionKind.ERASED: GONE,
    SuppressionKind.COMPLAINED: "complained about a mail before this one went out",
    SuppressionKind.UNSUBSCRIBED: "unsubscribed before this mail went out",
    SuppressionKind.BOUNCED: "the address bounced before this mail went out",
}

_ATTEMPTED = frozenset(
    {DeliveryState.SENT, DeliveryState.DEFERRED, DeliveryState.FAILED, DeliveryState.UNKNOWN}
)
_TAKEN_BY_RELAY = frozenset({DeliveryState.SENT, DeliveryState.UNKNOWN})
_OUTCOMES = _ATTEMPTED | {DeliveryState.SKIPPED, DeliveryState.PLANNED}

_MOST_LOOKED = 1_024  # rows in one exchange: bounds it when very many left meanwhile

_CLAIMED_SQL = """
    SELECT d.id, d.subscriber, s.address, s.address_mac
    FROM deliveries d LEFT JOIN subscribers s ON s.subject = d.subscriber
    WHERE d.id IN (SELECT value FROM json_each(?)) AND d.send = ? AND d.state = 'claimed'"""
_FINISH_SQL = """
    UPDATE deliveries SET state = ?, not_before = ?, attempts = attempts + ?, reply_code = ?,
        enhanced_code = ?, reply = ?, reason = ?, updated = ? WHERE id = ?"""
_RETURN_SQL = "UPDATE deliveries SET state = 'planned', not_before = 0, updated = ? WHERE id = ?"
_SKIP_SQL = "UPDATE deliveries SET state = 'skipped', not_before = 0, reason = ?, updated = ? WHERE id = ?"
_CLAIM_SQL = """
    UPDATE deliveries SET state = 'claimed', first_claimed = coalesce(first_claimed, ?), updated = ?
    WHERE id = ?"""
_FREE_SQL = "SELECT count(*) FROM deliveries d WHERE d.send = ? AND d.state = 'claimed'"
_NEXT_DUE_SQL = "SELECT min(d.not_before) FROM deliveries d WHERE d.send = ? AND d.state = 'deferred'"


class Journal:
    """The one writer of a send's deliveries while it runs.

    `relay` names whose usage is counted. The send's lock is held by the caller.
    """

    def __init__(
        self,
        connection: Connection,
        consent: Consent,
        suppressions: Suppressions,
        now: Callable[[], int],
        *,
        send: int,
        relay: str,
    ) -> None:
        self._connection = connection
        self._consent = consent
        self._suppressions = suppressions
        self._now = now
        self._send = send
        self._relay = relay
        self._bind = Binder()
        self._due_sql = _due_sql(self._consents(), self._bind)

    def exchange(self, outcomes: Sequence[Outcome], room: int) -> Exchange:
        """Write `outcomes` and claim up to `room` rows that are due, in one durable transaction.

        Deferred rows that are due go first, then planned ones in their order; consent and suppression are
        read again, and who is no longer of the audience is skipped. At most 64 rows of a send are claimed at
        any time. Fewer claims than fit mean that nothing more is due, or that the send does not run; only
        where very many left meanwhile is there more, and then `next_due` is now. Raises StoreError where an
        outcome is for a row that is not claimed, having written nothing.
        """
        now = self._now()
        with self._connection.transaction():
            self._write(outcomes, now)
            state = self._state()
            claims, skipped, more = self._claim(room, now) if state is SendState.RUNNING else ([], 0, False)
            next_due = now if more else self._connection.value(_NEXT_DUE_SQL, [self._send])
        return Exchange(claims=claims, skipped=skipped, next_due=next_due, state=state)

    # --- outcomes

    def _write(self, outcomes: Sequence[Outcome], now: int) -> None:
        if not outcomes:
            return
        claimed = self._claimed(outcomes)
        finished, returned = [], []
        for outcome in outcomes:
            _, address, mac = claimed[outcome.delivery]
            if outcome.state is DeliveryState.PLANNED:
                returned.append((now, outcome.delivery))
                continue
            finished.append(_finish_row(outcome, address or "", now))
            if outcome.bounced and mac is not None:
                self._bounce(claimed[outcome.delivery], outcome, now)
        self._connection.run_many(_FINISH_SQL, finished)
        self._connection.run_many(_RETURN_SQL, returned)
        taken = sum(outcome.state in _TAKEN_BY_RELAY for outcome in outcomes)
        note_usage(self._connection, self._relay, taken, now)

    def _claimed(self, outcomes: Sequence[Outcome]) -> dict[int, tuple[bytes, str | None, bytes | None]]:
        """The rows of these outcomes: each of this send, claimed, and named once."""
        wanted = [outcome.delivery for outcome in outcomes]
        rows = self._connection.rows(_CLAIMED_SQL, [json.dumps(wanted), self._send])
        found = {delivery: (subject, address, mac) for delivery, subject, address, mac in rows}
        illegal = [outcome for outcome in outcomes if outcome.state not in _OUTCOMES]
        if len(found) != len(wanted) or illegal:
            strange = sorted(set(wanted) - set(found)) or [outcome.delivery for outcome in illegal] or wanted
            raise StoreError(
                f"an outcome came for delivery {strange[0]}, which is not on its way; nothing was written",
                where=str(self._connection.path),
            )
        return found

    def _bounce(self, person: tuple[bytes, str | None, bytes | None], outcome: Outcome, now: int) -> None:
        subject, address, mac = person
        reply = outcome.reply
        reason = redact(
            f"{reply.code} {reply.enhanced} {reply.text}" if reply else outcome.reason, address or ""
        )
        if mac is not None and self._suppressions.add_mac(mac, SuppressionKind.BOUNCED, reason):
            self._consent.append(
                ConsentEvent(subject=subject, kind=ConsentKind.BOUNCED, at=now, source=_BOUNCED_BY)
            )

    # --- claims

    def _claim(self, room: int, now: int) -> tuple[list[Claim], int, bool]:
        """Claim what is due -> the claims, how many were skipped, and whether it stopped before the end."""
        free = min(room, MOST_IN_FLIGHT - int(self._connection.value(_FREE_SQL, [self._send])))
        claims: list[Claim] = []
        looked = skipped = 0
        while free > len(claims) and looked < _MOST_LOOKED:
            rows = self._due(free - len(claims), now)
            if not rows:
                return claims, skipped, False
            looked += len(rows)
            left = [(reason, now, row[0]) for row in rows if (reason := _why_skipped(row))]
            kept = [row for row in rows if not _why_skipped(row)]
            self._connection.run_many(_SKIP_SQL, left)
            self._connection.run_many(_CLAIM_SQL, [(now, now, row[0]) for row in kept])
            skipped += len(left)
            claims += [self._read_claim(row, now) for row in kept]
        return claims, skipped, looked >= _MOST_LOOKED

    def _due(self, most: int, now: int) -> list[Row]:
        values = {**self._bind.values, "send": self._send, "now": now, "most": most}
        rows = self._connection.rows(self._due_sql.format(state="deferred"), values)
        if len(rows) < most:
            values["most"] = most - len(rows)
            rows += self._connection.rows(self._due_sql.format(state="planned"), values)
        return rows

    def _read_claim(self, row: Row, now: int) -> Claim:
        delivery, subject, stencil, attempts, first_claimed, _, _, *profile = row
        return Claim(
            delivery=delivery,
            send=self._send,
            stencil=stencil,
            subject=subject,
            profile=read_profile(tuple(profile)),
            attempts=attempts,
            first_claimed=first_claimed if first_claimed is not None else now,
        )

    def _consents(self) -> list[list[int]]:
        """The lists whose consent carries the send: a person is active in one of each group."""
        text = self._connection.value("SELECT consents FROM sends WHERE id = ?", [self._send])
        groups: list[list[int]] = json.loads(text or "[]")
        return groups

    def _state(self) -> SendState:
        state = self._connection.value("SELECT state FROM sends WHERE id = ?", [self._send])
        if state is None:
            raise StoreError(
                f"there is no send {self._send} in the database", where=str(self._connection.path)
            )
        return SendState(state)


def _due_sql(consents: Sequence[Sequence[int]], bind: Binder) -> str:
    """Rows of a state that are due, with consent and person (NULL where erased); `{state}` comes later."""
    return f"""
        SELECT d.id, d.subscriber, t.digest, d.attempts, d.first_claimed,
            {SUPPRESSION_SQL}, {consent_in_sql(consents, bind)}, {PROFILE_COLUMNS}
        FROM deliveries d JOIN stencils t ON t.id = d.stencil
            LEFT JOIN subscribers s ON s.subject = d.subscriber
        WHERE d.send = :send AND d.state = '{{state}}' AND d.not_before <= :now
        ORDER BY d.not_before, d.id LIMIT :most"""


def _why_skipped(row: Row) -> str:
    suppression, consents, address = row[5], row[6], row[7]
    if address is None:
        return GONE
    if suppression is not None:
        return SUPPRESSED[SuppressionKind(suppression)]
    return "" if consents else LEFT


def _finish_row(outcome: Outcome, address: str, now: int) -> tuple[object, ...]:
    reply = outcome.reply
    return (
        outcome.state.value,
        outcome.not_before if outcome.state is DeliveryState.DEFERRED else 0,
        int(outcome.state in _ATTEMPTED),
        reply.code if reply else None,
        redact(reply.enhanced) if reply else None,
        redact(reply.text, address) if reply else None,
        redact(outcome.reason, address),
        now,
        outcome.delivery,
    )
