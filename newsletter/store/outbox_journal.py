"""The journal of the outbox: outcomes in, the next claims out, in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from newsletter.errors import StoreError
from newsletter.models import (
    LONGEST_WAIT,
    Claim,
    Exchange,
    OutboxKind,
    Outcome,
    SendState,
)
from newsletter.relay import Rate
from newsletter.store.consent import Consent, Suppressions
from newsletter.store.database import Connection, Row
from newsletter.store.outcomes import GONE, OUTCOMES, Bounces, finish_row
from newsletter.store.people import PROFILE_COLUMNS, read_profile
from newsletter.store.usage import Account, Usage

AT_ONCE = 8  # mails on their way: so few can become unknown by a crash
_OVER = "what it was about is over"
_REFUSED = "the address bounced, or its owner complained"

# Whether what a mail is about still holds: a confirmation that is open, a list that one is in, a leaving.
_HOLDS_SQL = """
    CASE o.kind
    WHEN 'confirm' THEN EXISTS (SELECT 1 FROM joinings j WHERE j.subject = o.subject)
    WHEN 'already' THEN EXISTS (
        SELECT 1 FROM memberships m WHERE m.subject = o.subject AND m.state = 'active')
    WHEN 'goodbye' THEN EXISTS (SELECT 1 FROM leavings v WHERE v.event = o.about AND v.subject = o.subject)
    ELSE 1 END"""
_DUE_SQL = f"""
    SELECT o.id, o.kind, o.subject, o.attempts, o.first_claimed, coalesce(o.reply_code, 0), {_HOLDS_SQL},
        EXISTS (SELECT 1 FROM suppressions x WHERE x.address_mac = o.address_mac
            AND (x.kind = 'bounced' OR x.kind = 'complained')),
        {PROFILE_COLUMNS}
    FROM outbox o LEFT JOIN subscribers s ON s.subject = o.subject
    WHERE (o.state = 'planned' OR o.state = 'deferred') AND o.not_before <= ? ORDER BY o.id LIMIT ?"""
_FINISH_SQL = """
    UPDATE outbox SET state = ?, not_before = ?, attempts = attempts + ?, reply_code = ?, enhanced_code = ?,
        reply = ?, reason = ?, updated = ? WHERE id = ? AND state = 'claimed'"""
_FAIL_SQL = """
    UPDATE outbox SET state = 'failed', not_before = 0, reason = '', updated = ?
    WHERE id = ? AND state = 'deferred'"""
_PULL_IN_SQL = """
    UPDATE outbox SET not_before = ? WHERE (state = 'planned' OR state = 'deferred') AND not_before > ?"""
_DATE_BACK_SQL = """
    UPDATE outbox SET created = min(created, ?), first_claimed = min(first_claimed, ?)
    WHERE state = 'planned' OR state = 'deferred'"""
_PERSON_SQL = """
    SELECT s.subject, s.address, s.address_mac
    FROM outbox o JOIN subscribers s ON s.subject = o.subject WHERE o.id = ?"""
_NOT_TO_REFUSERS = {OutboxKind.ALREADY, OutboxKind.GOODBYE}


class OutboxJournal:
    """The one writer of the outbox while it runs; the outbox's lock is held by the caller.

    Only a few mails are on their way at a time, as a crash makes them unknown and their people wait in vain.
    """

    def __init__(
        self,
        connection: Connection,
        consent: Consent,
        suppressions: Suppressions,
        now: Callable[[], int],
        *,
        relay: str,
        rates: Iterable[Rate] = (),
    ) -> None:
        self._connection = connection
        self._bounces = Bounces(consent, suppressions)
        self._now = now
        self._usage = Usage(connection, now)
        self._account = Account.open(self._usage, relay, rates, now())
        self._latest: int | None = None  # what the clock said last

    def exchange(self, outcomes: Sequence[Outcome], room: int) -> Exchange:
        """Write `outcomes` and claim up to `room` mails that are due, in one durable transaction.

        A mail whose reason is over by now (confirmed, undone, erased) is skipped. Raises StoreError where an
        outcome is for a row that is not claimed, having written nothing.
        """
        now = self._now()
        with self._connection.transaction():
            account = self._account.looked()
            self._usage.give_back("outbox", self._account.relay, outcomes)
            for outcome in sorted(outcomes, key=lambda outcome: outcome.revised):
                self._write(outcome, now)
            self._mind_the_clock(now)
            claims, skipped = self._claim(self._account.room(room, now), now)
            account = account.counted(len(claims), now)
            next_due = self._connection.value(
                "SELECT min(not_before) FROM outbox WHERE state = 'deferred' OR state = 'planned'"
            )
        self._account, self._latest = account, now
        return Exchange(
            claims=claims,
            skipped=skipped,
            next_due=next_due,
            state=SendState.RUNNING,
            elsewhere=account.elsewhere,
            free_at=account.free_at,
        )

    def _mind_the_clock(self, now: int) -> None:
        """What a clock that was ahead has put off to the far future, or put in there, is pulled in."""
        if self._latest is None or now < self._latest:
            self._connection.run(_PULL_IN_SQL, [now + LONGEST_WAIT, now + LONGEST_WAIT])
            self._connection.run(_DATE_BACK_SQL, [now, now])

    def _write(self, outcome: Outcome, now: int) -> None:
        if outcome.state not in OUTCOMES:
            raise self._strange(outcome)
        subject, address, mac = self._connection.row(_PERSON_SQL, [outcome.delivery]) or (b"", "", None)
        if outcome.revised:
            written = self._connection.run(_FAIL_SQL, [now, outcome.delivery])
        elif not outcome.tried:
            written = self._connection.run(
                "UPDATE outbox SET state = 'deferred', not_before = ?, updated = ? "
                "WHERE id = ? AND state = 'claimed'",
                [outcome.not_before, now, outcome.delivery],
            )
        else:
            number, *values = finish_row(outcome, address, now)
            state, not_before, attempts, *rest = values
            written = self._connection.run(_FINISH_SQL, [state, not_before, attempts, *rest, number])
        if written and outcome.bounced and mac is not None:
            self._bounces.mark(outcome, subject, address, mac, now)
        if not (written or outcome.revised):
            raise self._strange(outcome)

    def _strange(self, outcome: Outcome) -> StoreError:
        return StoreError(
            f"an outcome came for mail {outcome.delivery} of the outbox, which is not on its way; "
            "nothing was written",
            where=str(self._connection.path),
        )

    def _claim(self, room: int, now: int) -> tuple[list[Claim], int]:
        flying = int(self._connection.value("SELECT count(*) FROM outbox WHERE state = 'claimed'"))
        free = min(room, AT_ONCE - flying)
        claims: list[Claim] = []
        skipped = 0
        while len(claims) < free:
            rows = self._connection.rows(_DUE_SQL, [now, free - len(claims)])
            if not rows:
                break
            for row in rows:
                reason = _why_skipped(row)
                if reason:
                    skipped += 1
                    self._connection.run(
                        "UPDATE outbox SET state = 'skipped', reason = ?, not_before = 0, updated = ? "
                        "WHERE id = ?",
                        [reason, now, row[0]],
                    )
                else:
                    claims.append(self._take(row, now))
        return claims, skipped

    def _take(self, row: Row, now: int) -> Claim:
        mail, _, subject, attempts, first_claimed, code, _, _, *profile = row
        self._connection.run(
            "UPDATE outbox SET state = 'claimed', first_claimed = coalesce(first_claimed, ?), updated = ? "
            "WHERE id = ?",
            [now, now, mail],
        )
        return Claim(
            delivery=mail,
            stencil=b"",
            subject=subject,
            profile=read_profile(tuple(profile)),
            attempts=attempts,
            first_claimed=first_claimed if first_claimed is not None else now,
            refused=code >= 500,
        )


def _why_skipped(row: Row) -> str:
    kind, holds, refuses, address = row[1], row[6], row[7], row[8]
    if address is None:
        return GONE
    if not holds:
        return _OVER
    return _REFUSED if refuses and kind in _NOT_TO_REFUSERS else ""
