"""The imports that were made, and taking one back as long as nobody of it was mailed."""

from __future__ import annotations

from collections.abc import Callable

from newsletter.errors import NotFoundError, RefusedError
from newsletter.models import ImportInfo, Undone
from newsletter.store.consent import Consent
from newsletter.store.database import Connection, Row
from newsletter.store.import_undo import MAILED, count, undo

_IMPORTS_SQL = """
    SELECT i.id, i.at, l.name, i.source, i.file_name, i.added, i.updated, i.undone,
        i.undone IS NULL AND i.undoing IS NOT NULL
    FROM imports i JOIN lists l ON l.id = i.list"""
# Whoever got a mail since the import, in a send that its list carries (or any list).
_MAILED_SQL = f"""
    SELECT count(DISTINCT e.subject) FROM consent_events e JOIN imports i ON i.id = e.import
    JOIN issues s JOIN deliveries d ON d.issue = s.id AND d.subscriber = e.subject
    JOIN sends n ON n.id = d.send
    WHERE e.import = ? AND {MAILED}"""


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
        return count(self._connection, number)

    def undo(self, number: int, now: int, *, progress: Callable[[int], None] = lambda _: None) -> Undone:
        """Take back what stands by this import, in short transactions; its consent events stay.

        Memberships that it raised are pending again. Whoever has left, or confirmed, since is not touched;
        undoing that leaving does not bring back what stood by this import. Where it breaks off, who was taken
        back is so, and undoing it again finishes it. Who was mailed after it had begun stays, and may undo a
        later leaving. `progress` is called with how many people are done. Raises NotFoundError, and
        RefusedError where it was undone before, or where somebody of it had been mailed when it began.
        """
        self._refuse(number)
        list_name = self.get(number).list_name
        return undo(self._connection, self._consent, number, list_name, now=now, progress=progress)

    def _refuse(self, number: int) -> None:
        info = self.get(number)
        if info.undone is not None:
            raise RefusedError(f"import {number} was undone already")
        if info.undoing:
            return
        mailed = int(self._connection.value(_MAILED_SQL, [number]))
        if mailed:
            people = "one of its people has" if mailed == 1 else f"{mailed:,} of its people have"
            raise RefusedError(
                f"import {number} cannot be undone any more: {people} been mailed since",
                hint="take people out with: newsletter subscribers unsubscribe",
            )


def _info(row: Row) -> ImportInfo:
    number, at, list_name, source, file_name, added, updated, undone, undoing = row
    return ImportInfo(
        id=number,
        at=at,
        list_name=list_name,
        source=source,
        file_name=file_name,
        added=added,
        updated=updated,
        undone=undone,
        undoing=bool(undoing),
    )
