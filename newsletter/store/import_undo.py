"""Taking an import back in many short transactions, so that nobody else waits long for the database."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence

from newsletter.models import ConsentKind, Undone
from newsletter.store.consent import Consent
from newsletter.store.database import Connection, Row
from newsletter.store.outcomes import LAST
from newsletter.store.pace import Pace, clock

SOURCE = "import undone"
_CHECKPOINT_EVERY = 40  # transactions

# Not who was refused by a relay that refused everybody, and waits again: the relay never had that mail.
MAILED = f"""(d.attempts > 0 OR d.state = 'claimed' OR d.state = 'unknown')
    AND NOT (d.state = 'planned' AND d.not_before = {LAST})
    AND coalesce(d.first_claimed, d.updated) >= i.at
    AND (n.consents = '[]' OR EXISTS (
        SELECT 1 FROM json_each(n.consents) g, json_each(g.value) c WHERE c.value = i.list))"""
# Who was mailed since the undo of the import began: only a send that was open then can have.
STAYS = f"""EXISTS (
        SELECT 1 FROM sends n
        JOIN deliveries d ON d.issue = n.issue AND d.subscriber = e.subject AND d.send = n.id
        WHERE (n.finished IS NULL OR n.finished >= i.undoing) AND {MAILED})"""
_STANDING_SQL = f"""
    FROM imports i CROSS JOIN consent_events e CROSS JOIN memberships m
    WHERE i.id = :import AND e.import = i.id AND {{which}}
    AND m.subject = e.subject AND m.list = i.list AND m.event = e.id AND m.state <> 'left'
    AND (i.undoing IS NULL OR NOT {STAYS})"""
_NEXT_SQL = f"SELECT e.id {_STANDING_SQL.format(which='e.id > :after')} ORDER BY e.id LIMIT :size"
# What each membership had been before: a request, or an earlier import.
_TOUCHED_SQL = f"""
    SELECT e.subject, coalesce(
        (SELECT j.event FROM joinings j WHERE j.subject = m.subject AND j.list = m.list),
        (SELECT max(p.id) FROM consent_events p JOIN imports o ON o.id = p.import
            WHERE p.subject = m.subject AND p.id < m.event AND o.list = m.list
            AND o.undone IS NULL AND o.undoing IS NULL)) AS before,
        EXISTS (SELECT 1 FROM memberships x WHERE x.subject = m.subject AND x.list <> m.list) AS elsewhere
    {_STANDING_SQL}"""
_ALL_SQL = f"""
    SELECT count(*), total(before IS NOT NULL), total(before IS NULL AND NOT elsewhere)
    FROM ({_TOUCHED_SQL.format(which="1")})"""
_SOME_SQL = _TOUCHED_SQL.format(which="e.id IN (SELECT value FROM json_each(:ids))")
_OF_LIST = "list = (SELECT list FROM imports WHERE id = ?)"


def count(connection: Connection, number: int) -> Undone:
    """What is to be done for all who stand by an import."""
    row = connection.row(_ALL_SQL, {"import": number})
    touched, pending, removed = map(int, row or (0, 0, 0))
    return Undone(removed=removed, stay=touched - removed - pending, pending=pending)


class Undo:
    """One undo that has begun, also where an earlier program began it.

    A person's part is one transaction: either they stand by the import, or are as if they never had.
    """

    def __init__(
        self, connection: Connection, consent: Consent, number: int, list_name: str, now: int
    ) -> None:
        self._connection = connection
        self._import = number
        self._now = now
        with connection.transaction():
            self._ground = consent.ground(list_name, SOURCE)
            connection.run(
                "UPDATE imports SET undoing = coalesce(undoing, ?) WHERE id = ? AND undone IS NULL",
                [now, number],
            )

    def run(self, progress: Callable[[int], None]) -> Undone:
        """Take everybody back who stands by the import -> what was done."""
        counts: Counter[str] = Counter()
        with self._connection.bulk():
            pace, after = Pace(), 0
            while ids := self._next(after, pace.size):
                after = ids[-1]
                with self._connection.transaction():
                    started = clock()
                    counts += self._take_back(ids)
                pace.note(len(ids), clock() - started)
                if pace.transactions % _CHECKPOINT_EVERY == 0:
                    self._connection.checkpoint()
                progress(counts.total())
        self._connection.run(
            "UPDATE imports SET undone = coalesce(undone, ?) WHERE id = ?",
            [self._now, self._import],
        )
        return Undone(removed=counts["removed"], stay=counts["stay"], pending=counts["pending"])

    def _next(self, after: int, size: int) -> list[int]:
        """The next events by which somebody stands; looking for them holds nobody up."""
        values: dict[str, object] = {"import": self._import, "after": after, "size": size}
        return [event for (event,) in self._connection.rows(_NEXT_SQL, values)]

    def _take_back(self, ids: Sequence[int]) -> Counter[str]:
        values: dict[str, object] = {"import": self._import, "ids": json.dumps(ids)}
        rows = self._connection.rows(_SOME_SQL, values)
        pending = [row for row in rows if row[1] is not None]
        removed = [row for row in rows if row[1] is None and not row[2]]
        self._write(rows, pending, removed)
        stay = len(rows) - len(pending) - len(removed)
        return Counter(removed=len(removed), stay=stay, pending=len(pending))

    def _write(self, rows: Sequence[Row], pending: Sequence[Row], removed: Sequence[Row]) -> None:
        run_many, number = self._connection.run_many, self._import
        run_many(
            "INSERT INTO consent_events (subject, kind, at, ground) VALUES (?, ?, ?, ?)",
            [(row[0], ConsentKind.LEFT.value, self._now, self._ground) for row in rows],
        )
        run_many(
            "UPDATE memberships SET state = 'pending', event = ?, "
            f"since = (SELECT at FROM consent_events WHERE id = ?) WHERE subject = ? AND {_OF_LIST}",
            [(before, before, subject, number) for subject, before, _ in pending],
        )
        run_many(
            f"DELETE FROM memberships WHERE subject = ? AND {_OF_LIST}",
            [(row[0], number) for row in rows if row[1] is None],
        )
        run_many("DELETE FROM subscribers WHERE subject = ?", [(row[0],) for row in removed])
