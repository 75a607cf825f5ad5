"""The imports that were made, and taking one back as long as nobody of it was mailed."""

from __future__ import annotations

from newsletter.errors import NotFoundError, RefusedError
from newsletter.models import ConsentKind, ImportInfo, Undone
from newsletter.store.consent import Consent
from newsletter.store.database import Connection, Row

SOURCE = "import undone"

_IMPORTS_SQL = """
    SELECT i.id, i.at, l.name, i.source, i.file_name, i.added, i.updated, i.undone
    FROM imports i JOIN lists l ON l.id = i.list"""
# Whoever got a mail since the import, in a send that its list carries (or any list).
_MAILED_SQL = """
    SELECT count(DISTINCT e.subject) FROM consent_events e JOIN imports i ON i.id = e.import
    JOIN issues s JOIN deliveries d ON d.issue = s.id AND d.subscriber = e.subject
    JOIN sends n ON n.id = d.send
    WHERE e.import = ? AND (d.attempts > 0 OR d.state = 'claimed' OR d.state = 'unknown')
    AND coalesce(d.first_claimed, d.updated) >= i.at
    AND (n.consents = '[]' OR EXISTS (
        SELECT 1 FROM json_each(n.consents) g, json_each(g.value) c WHERE c.value = i.list))"""
# The memberships that stand by the import, and what each had been before: a request, or an earlier import.
_TOUCHED_SQL = """
    SELECT m.subject, coalesce(j.event, (
        SELECT max(p.id) FROM consent_events p JOIN imports o ON o.id = p.import
        WHERE p.subject = m.subject AND p.id < m.event AND o.list = m.list AND o.undone IS NULL)) AS before,
        EXISTS (SELECT 1 FROM memberships x WHERE x.subject = m.subject AND x.list <> m.list) AS elsewhere
    FROM imports i JOIN memberships m ON m.list = i.list JOIN consent_events e ON e.id = m.event
    LEFT JOIN joinings j ON j.subject = m.subject AND j.list = m.list
    WHERE i.id = ? AND e.import = i.id AND m.state <> 'left'"""
_COUNTS_SQL = """
    SELECT count(*), total(before IS NOT NULL), total(before IS NULL AND NOT elsewhere) FROM"""


class ImportLog:
    """Reads the imports, and takes them back."""

    def __init__(self, connection: Connection, consent: Consent) -> None:
        self._connection = connection
        self._consent = consent

    def all(self) -> list[ImportInfo]:
        """Every import, newest first."""
        return [_info(row) for row in self._connection.rows(f"{_IMPORTS_SQL} ORDER BY i.id DESC")]

    def get(self, number: int) -> ImportInfo:
        """One import. Raises NotFoundError."""
        row = self._connection.row(f"{_IMPORTS_SQL} WHERE i.id = ?", [number])
        if row is None:
            raise NotFoundError(f"there is no import {number}", hint="see them with: newsletter imports list")
        return _info(row)

    def last(self) -> int:
        """The number of the newest import; 0 where there is none."""
        return int(self._connection.value("SELECT coalesce(max(id), 0) FROM imports"))

    def preview(self, number: int) -> Undone:
        """What undo() would do. Raises NotFoundError, and RefusedError as it does."""
        self._refuse(number)
        return _counts(self._connection.row(f"{_COUNTS_SQL} ({_TOUCHED_SQL})", [number]))

    def undo(self, number: int, now: int) -> Undone:
        """Take back what stands by this import, in one transaction; its consent events stay.

        Memberships that it raised are pending again. Whoever has left, or confirmed, since is not touched;
        undoing that leaving does not bring back what stood by this import. Raises NotFoundError, and
        RefusedError where it was undone before, or where somebody of it was mailed.
        """
        with self._connection.transaction():
            self._refuse(number)
            self._connection.run(f"CREATE TEMP TABLE touched AS {_TOUCHED_SQL}", [number])
            done = _counts(self._connection.row(f"{_COUNTS_SQL} touched"))
            self._note(number, now)
            self._take_back(number)
            self._connection.run("DROP TABLE touched")
            self._connection.run("UPDATE imports SET undone = ? WHERE id = ?", [now, number])
            return done

    def _refuse(self, number: int) -> None:
        if self.get(number).undone is not None:
            raise RefusedError(f"import {number} was undone already")
        mailed = int(self._connection.value(_MAILED_SQL, [number]))
        if mailed:
            people = "one of its people has" if mailed == 1 else f"{mailed:,} of its people have"
            raise RefusedError(
                f"import {number} cannot be undone any more: {people} been mailed since",
                hint="take people out with: newsletter subscribers unsubscribe",
            )

    def _note(self, number: int, now: int) -> None:
        ground = self._consent.ground(self.get(number).list_name, SOURCE)
        self._connection.run(
            "INSERT INTO consent_events (subject, kind, at, ground) SELECT subject, ?, ?, ? FROM touched",
            [ConsentKind.LEFT.value, now, ground],
        )

    def _take_back(self, number: int) -> None:
        run, of_list = self._connection.run, "list = (SELECT list FROM imports WHERE id = ?)"
        run(
            "UPDATE memberships AS m SET state = 'pending', event = t.before, "
            "since = (SELECT at FROM consent_events WHERE id = t.before) "
            f"FROM touched t WHERE t.before IS NOT NULL AND m.subject = t.subject AND m.{of_list}",
            [number],
        )
        run(
            "DELETE FROM memberships WHERE subject IN (SELECT subject FROM touched WHERE before IS NULL) "
            f"AND {of_list}",
            [number],
        )
        run(
            "DELETE FROM subscribers "
            "WHERE subject IN (SELECT subject FROM touched WHERE before IS NULL AND NOT elsewhere)"
        )
        run(
            "DELETE FROM taken WHERE EXISTS "
            "(SELECT 1 FROM consent_events e WHERE e.id = taken.event AND e.import = ?)",
            [number],
        )


def _counts(row: Row | None) -> Undone:
    touched, pending, removed = map(int, row or (0, 0, 0))
    return Undone(removed=removed, stay=touched - removed - pending, pending=pending)


def _info(row: Row) -> ImportInfo:
    number, at, list_name, source, file_name, added, updated, undone = row
    return ImportInfo(
        id=number,
        at=at,
        list_name=list_name,
        source=source,
        file_name=file_name,
        added=added,
        updated=updated,
        undone=undone,
    )
