"""The journal of one running send: finished outcomes in, the next claims out, in one transaction."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from itertools import chain

from newsletter.errors import StoreError
from newsletter.models import (
    LONGEST_WAIT,
    Claim,
    DeliveryState,
    Exchange,
    Outcome,
    SendState,
    SuppressionKind,
)
from newsletter.redact import redact
from newsletter.relay import Rate
from newsletter.store.consent import Consent, Suppressions
from newsletter.store.database import Connection, Row
from newsletter.store.deliveries import next_due as next_due_of
from newsletter.store.outcomes import GONE, OUTCOMES, Bounces, finish_row
from newsletter.store.people import PROFILE_COLUMNS, read_profile
from newsletter.store.segments_sql import SUPPRESSION_SQL, Binder, consent_in_sql
from newsletter.store.usage import Account, Usage

MOST_IN_FLIGHT = 64
LEFT = "left the list before this mail went out"
SUPPRESSED = {
    SuppressionKind.ERASED: GONE,
    SuppressionKind.COMPLAINED: "complained about a mail before this one went out",
    SuppressionKind.UNSUBSCRIBED: "unsubscribed before this mail went out",
    SuppressionKind.BOUNCED: "the address bounced before this mail went out",
}

_MOST_LOOKED = 1_024  # rows in one exchange: bounds it when very many left meanwhile

# A thread that steps through rows gives up the interpreter at each, and has to win it back from the event
# loop: so 64 rows go out, and come in as one JSON value, in one step.
_PERSON_SQL = """
    SELECT d.subscriber, s.address, s.address_mac
    FROM deliveries d LEFT JOIN subscribers s ON s.subject = d.subscriber WHERE d.id = ?"""
_COLUMNS = ("state", "not_before", "attempts", "reply_code", "enhanced_code", "reply", "reason", "updated")
_IN_SQL = "WHERE id IN (SELECT value FROM json_each(?))"
_RETURN_SQL = f"""
    UPDATE deliveries SET state = 'planned', not_before = 0, updated = ?
    {_IN_SQL} AND +send = ? AND +state = 'claimed'"""
_HOLD_SQL = """
    UPDATE deliveries SET state = 'deferred', not_before = ?, updated = ?,
        reason = CASE WHEN reply_code IS NULL THEN ? ELSE reason END
    WHERE id = ? AND send = ? AND state = 'claimed'"""
_FAIL_SQL = """
    UPDATE deliveries SET state = 'failed', not_before = 0, reason = '', updated = ?
    WHERE id = ? AND send = ? AND state = 'deferred'"""
_SKIP_SQL = "UPDATE deliveries SET state = 'skipped', not_before = 0, reason = ?, updated = ? WHERE id = ?"
_CLAIM_SQL = f"""
    UPDATE deliveries SET state = 'claimed', first_claimed = min(coalesce(first_claimed, ?), ?), updated = ?
    {_IN_SQL}"""
_PULL_IN_SQL = "UPDATE deliveries SET not_before = ? WHERE send = ? AND state = 'deferred' AND not_before > ?"
_PLANNED_SQL = "SELECT EXISTS (SELECT 1 FROM deliveries d WHERE d.send = ? AND d.state = 'planned')"
_PUT_OFF_SQL = "SELECT count(*) FROM deliveries WHERE send = ? AND state = 'deferred'"
_FREE_SQL = "SELECT count(*) FROM deliveries d WHERE d.send = ? AND d.state = 'claimed'"


class Journal:
    """The one writer of a send's deliveries while it runs.

    What is claimed counts as used of `relay`, and no more is claimed than the ceilings among its `rates`
    allow. The send's lock is held by the caller.
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
        rates: Iterable[Rate] = (),
    ) -> None:
        self._connection = connection
        self._bounces = Bounces(consent, suppressions)
        self._now = now
        self._send = send
        self._usage = Usage(connection, now)
        self._account = Account.open(self._usage, relay, rates, now())
        self._addresses: dict[int, str] = {}  # of the deliveries that were claimed here and have no outcome
        self._latest: int | None = None  # what the clock said last
        self._put_off = int(connection.value(_PUT_OFF_SQL, [send]))  # rows that are deferred
        self._bind = Binder()
        self._due_sql = _due_sql(self._consents(), self._bind)

    def exchange(self, outcomes: Sequence[Outcome], room: int) -> Exchange:
        """Write `outcomes` and claim up to `room` rows that are due, in one durable transaction.

        Deferred rows that are due go first, then planned ones in their order; consent and suppression are
        read again, and who is no longer of the audience is skipped. At most 64 rows of a send are claimed at
        any time. Revised outcomes are written last. Fewer claims than fit mean that nothing more is due, or
        that the send does not run; only where very many left meanwhile is there more. Then `next_due` is now,
        as it is with planned rows for which there was no `room`. Raises StoreError where an outcome is for a
        row that is not claimed, having written nothing.
        """
        now = self._now()
        with self._connection.transaction():
            account = self._account.looked()
            self._write([outcome for outcome in outcomes if not outcome.revised], now)
            put_off = self._put_off + sum(outcome.state is DeliveryState.DEFERRED for outcome in outcomes)
            put_off -= self._revise([outcome for outcome in outcomes if outcome.revised], now)
            self._mind_the_clock(now)
            granted = self._account.room(room, now)
            state = self._state()
            found = self._claim(granted, now) if state is SendState.RUNNING else ([], 0, 0, False)
            claims, skipped, again, more = found
            account = account.counted(len(claims), now)
            hindered = granted < max(room, 1)
            more = more or (hindered and bool(self._connection.value(_PLANNED_SQL, [self._send])))
            next_due = now if more else next_due_of(self._connection, self._send)
        self._account, self._put_off, self._latest = account, put_off - again, now
        for outcome in outcomes:
            self._addresses.pop(outcome.delivery, None)
        self._addresses.update((claim.delivery, claim.profile.address.text) for claim in claims)
        return Exchange(
            claims=claims,
            skipped=skipped,
            next_due=next_due,
            state=state,
            elsewhere=account.elsewhere,
            free_at=account.free_at,
            put_off=self._put_off,
        )

    # --- outcomes

    def _write(self, outcomes: Sequence[Outcome], now: int) -> None:
        """Write what became of the claims."""
        if not outcomes:
            return
        self._usage.give_back("deliveries", self._account.relay, outcomes)
        returned = [outcome.delivery for outcome in outcomes if outcome.state is DeliveryState.PLANNED]
        held = [outcome for outcome in outcomes if not outcome.tried]
        finished = [
            outcome for outcome in outcomes if outcome.tried and outcome.state is not DeliveryState.PLANNED
        ]
        rows = [finish_row(outcome, self._address(outcome.delivery), now) for outcome in finished]
        written = self._connection.run(_finish_sql(len(rows)), [*chain(*rows), self._send]) if rows else 0
        if returned:
            written += self._connection.run(_RETURN_SQL, [now, json.dumps(returned), self._send])
        if held:
            values = [(o.not_before, now, redact(o.reason), o.delivery, self._send) for o in held]
            written += self._connection.run_many(_HOLD_SQL, values)
        if written != len(outcomes) or any(outcome.state not in OUTCOMES for outcome in finished):
            raise self._strange(outcomes)
        for outcome in finished:
            if outcome.bounced:
                self._bounce(outcome, now)

    def _address(self, delivery: int) -> str:
        """The recipient's address, which a relay's answer may repeat; empty where the person was erased."""
        if delivery in self._addresses:
            return self._addresses[delivery]
        _, address, _ = self._connection.row(_PERSON_SQL, [delivery]) or (None, None, None)
        return address or ""

    def _strange(self, outcomes: Sequence[Outcome]) -> StoreError:
        named: set[int] = set()
        for outcome in outcomes:
            known = outcome.delivery in self._addresses and outcome.delivery not in named
            if not known or outcome.state not in OUTCOMES:
                break
            named.add(outcome.delivery)
        return StoreError(
            f"an outcome came for delivery {outcome.delivery}, which is not on its way; nothing was written",
            where=str(self._connection.path),
        )

    def _bounce(self, outcome: Outcome, now: int) -> None:
        subject, address, mac = self._connection.row(_PERSON_SQL, [outcome.delivery]) or (b"", None, None)
        if mac is not None:
            self._bounces.mark(outcome, subject, address, mac, now)

    def _revise(self, outcomes: Sequence[Outcome], now: int) -> int:
        """Let people fail after all, who were put off in doubt -> how many are."""
        count = 0
        for outcome in outcomes:
            failed = self._connection.run(_FAIL_SQL, [now, outcome.delivery, self._send])
            if failed and outcome.bounced:
                self._bounce(outcome, now)
            count += failed
        return count

    # --- claims

    def _mind_the_clock(self, now: int) -> None:
        """What a clock that was ahead has put off to the far future is pulled in."""
        if self._latest is None or now < self._latest:
            self._connection.run(_PULL_IN_SQL, [now + LONGEST_WAIT, self._send, now + LONGEST_WAIT])

    def _claim(self, room: int, now: int) -> tuple[list[Claim], int, int, bool]:
        """Claim what is due -> the claims, how many were skipped, how many of both had been deferred, and
        whether it stopped before the end.
        """
        free = min(room, MOST_IN_FLIGHT - int(self._connection.value(_FREE_SQL, [self._send])))
        claims: list[Claim] = []
        looked = skipped = again = 0
        while free > len(claims) and looked < _MOST_LOOKED:
            deferred, planned = self._due(free - len(claims), now)
            rows = deferred + planned
            if not rows:
                return claims, skipped, again, False
            looked += len(rows)
            again += len(deferred)
            kept, left = [], []
            for row in rows:
                if reason := _why_skipped(row):
                    left.append((reason, now, row[0]))
                else:
                    kept.append(row)
            if left:
                self._connection.run_many(_SKIP_SQL, left)
            self._connection.run(_CLAIM_SQL, [now, now, now, json.dumps([row[0] for row in kept])])
            skipped += len(left)
            claims += [self._read_claim(row, now) for row in kept]
        return claims, skipped, again, looked >= _MOST_LOOKED

    def _due(self, most: int, now: int) -> tuple[list[Row], list[Row]]:
        """Rows that are due: the deferred ones, and planned ones as far as there is room."""
        values = {**self._bind.values, "send": self._send, "now": now, "most": most}
        deferred: list[Row] = json.loads(
            self._connection.value(self._due_sql.format(state="deferred"), values)
        )
        planned: list[Row] = []
        if len(deferred) < most:
            values["most"] = most - len(deferred)
            planned = json.loads(self._connection.value(self._due_sql.format(state="planned"), values))
        return deferred, planned

    def _read_claim(self, row: Row, now: int) -> Claim:
        delivery, subject, stencil, attempts, first_claimed, code, _, _, *profile = row
        return Claim(
            delivery=delivery,
            stencil=bytes.fromhex(stencil),
            subject=bytes.fromhex(subject),
            profile=read_profile(tuple(profile)),
            attempts=attempts,
            first_claimed=min(now if first_claimed is None else first_claimed, now),
            refused=code >= 500,
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


@lru_cache
def _finish_sql(count: int) -> str:
    """Writes so many rows as finish_row() makes them, then the send."""
    values = ", ".join([f"(?{', ?' * len(_COLUMNS)})"] * count)
    new = {name: f"o.column{number}" for number, name in enumerate(_COLUMNS, 2)}
    new["attempts"] = f"d.attempts + {new['attempts']}"
    return f"""
        UPDATE deliveries AS d SET {", ".join(f"{name} = {value}" for name, value in new.items())}
        FROM (VALUES {values}) o
        WHERE d.id = o.column1 AND +d.send = ? AND +d.state = 'claimed'"""


def _due_sql(consents: Sequence[Sequence[int]], bind: Binder) -> str:
    """Rows of a state that are due, with consent and person (NULL where erased); `{state}` comes later."""
    return f"""
        SELECT json_group_array(json_array(
            d.id, hex(d.subscriber), hex(t.digest), d.attempts, d.first_claimed, coalesce(d.reply_code, 0),
            {SUPPRESSION_SQL}, {consent_in_sql(consents, bind)}, {PROFILE_COLUMNS}))
        FROM (SELECT * FROM deliveries d
            WHERE d.send = :send AND d.state = '{{state}}' AND d.not_before <= :now
            ORDER BY d.not_before, d.id LIMIT :most) d
            JOIN stencils t ON t.id = d.stencil LEFT JOIN subscribers s ON s.subject = d.subscriber
        """


def _why_skipped(row: Row) -> str:
    suppression, consents, address = row[6], row[7], row[8]
    if address is None:
        return GONE
    if suppression is not None:
        return SUPPRESSED[SuppressionKind(suppression)]
    return "" if consents else LEFT
