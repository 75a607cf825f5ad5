"""Planning a send: who gets which stencil, written as deliveries in short transactions."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence

from newsletter.errors import StoreError
from newsletter.models import DeliveryState, Group, Missing, SendState
from newsletter.segments import Segment, consent_terms
from newsletter.store.database import Connection
from newsletter.store.pace import Pace, clock
from newsletter.store.segments_sql import Binder, audience_sql, field_sql, mask_sql

Choose = Callable[[str, int], bytes | None]

_EXAMPLES = 3
# Before the @: the domain is always ASCII there. GLOB takes five times as long.
_BEYOND_ASCII = "length(CAST(s.address_key AS BLOB)) > length(s.address_key)"
_CHECKPOINT_EVERY = 40  # transactions
# A page of the audience is looked up outside the write transaction, and never leaves SQLite.
_PAGE_SQL = (
    "DROP TABLE IF EXISTS temp.page",
    "CREATE TEMP TABLE page (subject BLOB, language TEXT, mask INTEGER)",
    "DROP TABLE IF EXISTS temp.chosen",
    "CREATE TEMP TABLE chosen (language TEXT, mask INTEGER, stencil INTEGER, PRIMARY KEY (language, mask))",
)
_NEW_SQL = "SELECT DISTINCT language, mask FROM temp.page EXCEPT SELECT language, mask FROM temp.chosen"
_INSERT_SQL = f"""
    INSERT INTO deliveries (issue, subscriber, send, stencil, state, reason, updated)
    SELECT ?, p.subject, ?, c.stencil, '{DeliveryState.PLANNED}', '', ?
    FROM temp.page p CROSS JOIN temp.chosen c ON c.language = p.language AND c.mask = p.mask
    WHERE c.stencil IS NOT NULL
    ON CONFLICT (issue, subscriber) DO NOTHING"""


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
        self._stencils: Mapping[bytes, int] = {}

    def run(self, segment: Segment, conditions: Sequence[Segment], choose: Choose) -> int:
        """Plan whomever a stencil is chosen for -> how many; at the end the send is ready."""
        bind = Binder()
        mask = mask_sql(conditions, bind)
        source, where = audience_sql(segment, bind)
        key = "d.subject" if source.startswith("memberships") else "s.subject"
        page_sql = (
            f"INSERT INTO temp.page SELECT s.subject, s.language, {mask} FROM {source} "
            f"WHERE {key} > :last AND {where} AND {_without_row(bind, self._issue)} "
            f"ORDER BY {key} LIMIT :size"
        )
        self._stencils = dict(
            self._connection.rows(
                "SELECT t.digest, t.id FROM approvals a JOIN stencils t ON t.id = a.stencil WHERE a.send = ?",
                [self._send],
            )
        )
        self._keep_consents(segment)
        with self._connection.bulk():
            planned = self._all(page_sql, bind, choose)
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

    def _all(self, page_sql: str, bind: Binder, choose: Choose) -> int:
        """Looking is done outside the transactions: few people among many are a long look."""
        for sql in _PAGE_SQL:
            self._connection.row(sql)
        pace, planned = Pace(), 0
        count, last = self._look(page_sql, {**bind.values, "last": b"", "size": pace.size})
        while count:
            self._choose(choose)
            with self._connection.transaction():
                started = clock()
                self._refuse_unless_planning()
                planned += self._connection.run(_INSERT_SQL, [self._issue, self._send, self._now()])
            pace.note(count, clock() - started)
            if pace.transactions % _CHECKPOINT_EVERY == 0:
                self._connection.checkpoint()
            count, last = self._look(page_sql, {**bind.values, "last": last, "size": pace.size})
        return planned

    def _look(self, page_sql: str, values: dict[str, object]) -> tuple[int, bytes]:
        """Turn the page -> how many people it holds, and the last one's subject."""
        self._connection.row("DELETE FROM temp.page")
        self._connection.row(page_sql, values)
        count, last = self._connection.rows("SELECT count(*), max(subject) FROM temp.page")[0]
        return count, last

    def _choose(self, choose: Choose) -> None:
        """Have a stencil chosen for each language and mask that the page brings up."""
        for language, mask in self._connection.rows(_NEW_SQL):
            digest = choose(language, mask)
            if digest is not None and digest not in self._stencils:
                raise StoreError("a delivery was planned with a stencil that nobody approved")
            chosen = None if digest is None else self._stencils[digest]
            self._connection.row("INSERT INTO temp.chosen VALUES (?, ?, ?)", [language, mask, chosen])

    def _refuse_unless_planning(self) -> None:
        state = self._connection.value("SELECT state FROM sends WHERE id = ?", [self._send])
        if state != SendState.PLANNING:
            raise StoreError("this send is not being planned any more", hint="run the send again")


# A plan of which somebody was mailed all the same, as an older restore could leave one, is kept with that.
_CANCEL_SQL = """
    UPDATE sends SET state = 'cancelled', finished = created WHERE id = ? AND state = 'planning'
    AND EXISTS (SELECT 1 FROM deliveries d WHERE d.issue = sends.issue AND d.send = sends.id)"""


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
                "DELETE FROM deliveries WHERE id = ? AND state = 'planned'",
                [(row[0],) for row in rows if row[2] == send],
            )
            done = not rows
            last = rows[-1][1] if rows else last
            if done:
                connection.run(_CANCEL_SQL, [send])
                connection.run("DELETE FROM sends WHERE id = ? AND state = 'planning'", [send])
        pace.note(len(rows), clock() - started)
