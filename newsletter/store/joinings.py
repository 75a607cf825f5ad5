"""What waits for a person's confirmation: a list each, by the JOINED event that asked for it."""

from __future__ import annotations

from newsletter.models import Joining, MembershipState
from newsletter.store.database import Connection

_EXPIRED_SQL = "SELECT event, subject FROM joinings WHERE asked < ? ORDER BY event LIMIT ?"


class Joinings:
    """The open joinings. A membership that is active or left stays as it is until the confirmation."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def of(self, subject: bytes, *, until: int | None = None) -> list[Joining]:
        """One person's open joinings, those up to the event `until` where that is given, by event."""
        rows = self._connection.rows(
            "SELECT j.event, l.name, j.language, j.asked FROM joinings j JOIN lists l ON l.id = j.list "
            "WHERE j.subject = ? AND l.removed IS NULL AND (? IS NULL OR j.event <= ?) ORDER BY j.event",
            [subject, until, until],
        )
        return [
            Joining(event=event, list_name=name, language=language, asked=asked)
            for event, name, language, asked in rows
        ]

    def open(self, subject: bytes, list_name: str, event: int, *, language: str, now: int) -> None:
        """Begin to wait for one list; who has no membership there is pending from now."""
        with self._connection.transaction():
            list_id = self._connection.value("SELECT id FROM lists WHERE name = ?", [list_name])
            self._connection.run(
                "INSERT INTO joinings (event, subject, list, asked, language) VALUES (?, ?, ?, ?, ?)",
                [event, subject, list_id, now, language],
            )
            self._connection.run(
                "INSERT INTO memberships (subject, list, state, since, event) VALUES (?, ?, ?, ?, ?) "
                "ON CONFLICT (subject, list) DO NOTHING",
                [subject, list_id, MembershipState.PENDING, now, event],
            )

    def ask_again(self, event: int, *, language: str, now: int) -> None:
        """The same was asked once more: it waits from now, and for mails in the language named last."""
        self._connection.run(
            "UPDATE joinings SET asked = ?, language = coalesce(nullif(?, ''), language) WHERE event = ?",
            [now, language, event],
        )

    def close(self, subject: bytes, list_name: str | None = None) -> int:
        """Wait no more for one list, or for any of a person -> for how many was waited."""
        return self._connection.run(
            "DELETE FROM joinings WHERE subject = :subject AND "
            "(:list IS NULL OR list = (SELECT id FROM lists WHERE name = :list))",
            {"subject": subject, "list": list_name},
        )

    def expire(self, before: int, most: int) -> int:
        """Forget joinings last asked before then, and people who are known by nothing else -> how many."""
        with self._connection.transaction():
            rows = self._connection.rows(_EXPIRED_SQL, [before, most])
            for event, subject in rows:
                self._connection.run("DELETE FROM joinings WHERE event = ?", [event])
                self._connection.run(
                    "DELETE FROM memberships WHERE subject = ? AND event = ? AND state = 'pending'",
                    [subject, event],
                )
                self._connection.run(
                    "DELETE FROM subscribers WHERE subject = :subject "
                    "AND NOT EXISTS (SELECT 1 FROM memberships WHERE subject = :subject)",
                    {"subject": subject},
                )
            return len(rows)
