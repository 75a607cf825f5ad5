"""Planning a send: who gets which stencil, written as deliveries in short transactions."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence

from newsletter.errors import StoreError
from newsletter.models import DeliveryState, Group, Missing, SendState
from newsletter.segments import Segment, consent_terms
from newsletter.store.database import Connection, Row
from newsletter.store.pace import Pace, clock
from newsletter.store.segments_sql import Binder, audience_sql, field_sql, mask_sql

Choose = Callable[[str, int], bytes | None]

NO_EDITION = "no edition of the issue fits the language"
_EXAMPLES = 3
# Before the @: the domain is always ASCII there. GLOB takes five times as long.
_BEYOND_ASCII = "length(CAST(s.address_key AS BLOB)) > length(s.address_key)"
_CHECKPOINT_EVERY = 40  # transactions
_INSERT_SQL = (
    "INSERT INTO deliveries (issue, subscriber, send, stencil, state, reason, updated) "
    "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (issue, subscriber) DO NOTHING"
)


def _without_row(bind: Binder, issue: int | None) -> str:
    return (
        f"NOT EXISTS (SELECT 1 FROM deliveries v WHERE v.issue = {bind(issue)} AND v.subscriber = s.subject)"
        if issue is not None
        else "1"
    )


def groups(
    connection: Connection, segment: Segment, conditions: Sequence[Segment], issue: int | None
) -> list[Group]:
    """The audience by language and mask, without those who have a row for the issue; largest first."""
    bind = Binder()
    mask = mask_sql(conditions, bind)
    source, where = audience_sql(segment, bind)
    rows = connection.rows(
        f"SELECT s.language, {mask} AS mask, count(*) AS people, sum({_BEYOND_ASCII}) FROM {source} "
        f"WHERE {where} AND {_without_row(bind, issue)} GROUP BY 1, 2 ORDER BY people DESC, 1, 2",
        bind.values,
    )
    return [
        Group(language=language, mask=mask, count=count, beyond_ascii=letters)
        for language, mask, count, letters in rows
    ]


def missing(
    connection: Connection,
    segment: Segment,
    conditions: Sequence[Segment],
    field: str,
    issue: int | None,
) -> dict[tuple[str, int], Missing]:
    """Of the same people, those for whom `field` is empty, by language and mask."""
    bind = Binder()
    mask = mask_sql(conditions, bind)
    source, where = audience_sql(segment, bind)
    people = (
        f"SELECT s.language AS language, {mask} AS mask, s.address AS address FROM {source} WHERE {where} "
        f"AND {_without_row(bind, issue)} AND trim(coalesce({field_sql(field, bind)}, '')) = ''"
    )
    rows = connection.rows(
        "SELECT language, mask, address, place, people FROM (SELECT *, "
        "row_number() OVER (PARTITION BY language, mask ORDER BY address) AS place, "
        f"count(*) OVER (PARTITION BY language, mask) AS people FROM ({people})) "
        f"WHERE place <= {_EXAMPLES} ORDER BY language, mask, place",
        bind.values,
    )
    found: dict[tuple[str, int], Missing] = {}
    for language, mask_value, address, _, count in rows:
        known = found.get((language, mask_value))
        examples = (*(known.examples if known else ()), address)
        found[language, mask_value] = Missing(count=count, examples=examples)
    return found


def newcomers(connection: Connection, segment: Segment, issue: int | None) -> int:
    """How many of the audience have no row for the issue."""
    return sum(group.count for group in groups(connection, segment, (), issue))


class Planner:
    """Writes the deliveries of one send, page by page over the audience in the order of subjects."""

    def __init__(self, connection: Connection, send: int, issue: int, now: Callable[[], int]) -> None:
        self._connection = connection
        self._send = send
        self._issue = issue
        self._now = now
        self._chosen: dict[tuple[str, int], int | None] = {}
        self._stencils: Mapping[bytes, int] = {}

    def run(self, segment: Segment, conditions: Sequence[Segment], choose: Choose) -> int:
        """Plan everybody -> how many rows were written; at the end the send is ready."""
        bind = Binder()
        mask = mask_sql(conditions, bind)
        source, where = audience_sql(segment, bind)
        key = "d.subject" if source.startswith("memberships") else "s.subject"
        sql = (
            f"SELECT s.subject, s.language, {mask} FROM {source} WHERE {key} > :last AND {where} "
            f"AND {_without_row(bind, self._issue)} ORDER BY {key} LIMIT :size"
        )
        self._stencils = dict(
            self._connection.rows(
                "SELECT t.digest, t.id FROM approvals a JOIN stencils t ON t.id = a.stencil WHERE a.send = ?",
                [self._send],
            )
        )
        self._keep_consents(segment)
        with self._connection.bulk():
            planned = self._all(sql, bind, choose)
        with self._connection.transaction():
            self._refuse_unless_planning()
            self._connection.run(
                "UPDATE sends SET state = ? WHERE id = ?", [SendState.READY.value, self._send]
            )
        return planned

    def _keep_consents(self, segment: Segment) -> None:
        """Note the lists whose consent carries the send: saved segments may change while it runs."""
        ids: dict[str, int] = dict(self._connection.rows("SELECT name, id FROM lists"))
        consents = [[ids[name] for name in term.values if name in ids] for term in consent_terms(segment)]
        self._connection.run("UPDATE sends SET consents = ? WHERE id = ?", [json.dumps(consents), self._send])

    def _all(self, sql: str, bind: Binder, choose: Choose) -> int:
        """Looking is done outside the transactions: few people among many are a long look."""
        pace, planned, last = Pace(), 0, b""
        while rows := self._connection.rows(sql, {**bind.values, "last": last, "size": pace.size}):
            last = rows[-1][0]
            with self._connection.transaction():
                started = clock()
                self._refuse_unless_planning()
                planned += self._write(rows, choose)
            pace.note(len(rows), clock() - started)
            if pace.transactions % _CHECKPOINT_EVERY == 0:
                self._connection.checkpoint()
        return planned

    def _write(self, rows: Sequence[Row], choose: Choose) -> int:
        now = self._now()
        values = []
        for subject, language, mask in rows:
            stencil = self._stencil(language, mask, choose)
            state = DeliveryState.SKIPPED if stencil is None else DeliveryState.PLANNED
            reason = NO_EDITION if stencil is None else ""
            values.append((self._issue, subject, self._send, stencil, state.value, reason, now))
        return self._connection.run_many(_INSERT_SQL, values)

    def _stencil(self, language: str, mask: int, choose: Choose) -> int | None:
        if (language, mask) not in self._chosen:
            digest = choose(language, mask)
            if digest is not None and digest not in self._stencils:
                raise StoreError("a delivery was planned with a stencil that nobody approved")
            self._chosen[language, mask] = None if digest is None else self._stencils[digest]
        return self._chosen[language, mask]

    def _refuse_unless_planning(self) -> None:
        state = self._connection.value("SELECT state FROM sends WHERE id = ?", [self._send])
        if state != SendState.PLANNING:
            raise StoreError("this send is not being planned any more", hint="run the send again")


def discard(connection: Connection, send: int, issue: int) -> None:
    """Throw an interrupted plan away, in short transactions; the send's own row goes last."""
    pace, last, done = Pace(), b"", False
    while not done:
        with connection.transaction():
            started = clock()
            rows = connection.rows(
                "SELECT id, subscriber, send FROM deliveries WHERE issue = ? AND subscriber > ? "
                "ORDER BY subscriber LIMIT ?",
                [issue, last, pace.size],
            )
            connection.run_many(
                "DELETE FROM deliveries WHERE id = ?", [(row[0],) for row in rows if row[2] == send]
            )
            done = not rows
            last = rows[-1][1] if rows else last
            if done:
                connection.run("DELETE FROM sends WHERE id = ? AND state = 'planning'", [send])
        pace.note(len(rows), clock() - started)
