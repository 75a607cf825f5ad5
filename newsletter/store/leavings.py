"""What each leaving took, kept for as long as it can be undone."""

from __future__ import annotations

from collections.abc import Sequence

from newsletter.models import Leaving
from newsletter.store.database import Connection
from newsletter.store.import_undo import STAYS

_LEAVING_SQL = """
    SELECT v.event, v.subject, v.at, v.whole, v.anew,
        (SELECT group_concat(l.name, char(10)) FROM taken t JOIN lists l ON l.id = t.list
         WHERE t.leaving = v.event)
    FROM leavings v WHERE v.event = ?"""
_LATER_SQL = """
    SELECT 1 FROM consent_events WHERE subject = ? AND id > ?
    AND (kind = 'unsubscribed' OR kind = 'complained' OR kind = 'erased')"""
# What stood by an import that was undone comes back only to those who had stayed, and left after that.
_GIVE_BACK_SQL = f"""
    UPDATE memberships AS m SET state = t.state, since = t.since, event = t.event FROM taken t
    WHERE t.leaving = ? AND m.subject = ? AND m.list = t.list AND m.state = 'left' AND m.event = t.left_by
    AND t.list IN (SELECT id FROM lists WHERE removed IS NULL)
    AND NOT EXISTS (
        SELECT 1 FROM consent_events e JOIN imports i ON i.id = e.import JOIN leavings v
        WHERE e.id = t.event AND v.event = t.leaving AND coalesce(i.undoing, i.undone) IS NOT NULL
        AND (v.at <= coalesce(i.undoing, i.undone) OR NOT {STAYS}))"""
_WAIT_AGAIN_SQL = """
    INSERT INTO joinings (event, subject, list, asked, language)
    SELECT m.event, m.subject, m.list, ?, coalesce(t.language, g.language) FROM taken t
    JOIN memberships m ON m.subject = ? AND m.list = t.list AND m.event = t.event AND m.state = 'pending'
    JOIN consent_events e ON e.id = m.event AND e.kind = 'joined' JOIN grounds g ON g.id = e.ground
    WHERE t.leaving = ?
    ON CONFLICT DO NOTHING"""


class Leavings:
    """Leavings that may be undone. Memberships are taken and given back here.

    What waits for a confirmation is closed after it was taken: the language asked for is kept with it.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def take_all(self, subject: bytes, event: int, *, suppressed: bool, now: int) -> None:
        """Leave everything; `suppressed` where the suppression is this leaving's own."""
        with self._connection.transaction():
            self._begin(subject, event, whole=True, suppressed=suppressed, now=now)
            self._take(subject, event, event, now)

    def take_lists(self, subject: bytes, events: Sequence[tuple[str, int]], now: int) -> int:
        """Leave some lists, each with its LEFT event -> the event that stands for this leaving."""
        leaving = events[-1][1]
        with self._connection.transaction():
            self._begin(subject, leaving, whole=False, suppressed=False, now=now)
            for name, event in events:
                self._take(subject, leaving, event, now, name)
        return leaving

    def _begin(self, subject: bytes, event: int, *, whole: bool, suppressed: bool, now: int) -> None:
        self._connection.run(
            "INSERT INTO leavings (event, subject, at, whole, suppressed) VALUES (?, ?, ?, ?, ?)",
            [event, subject, now, int(whole), int(suppressed)],
        )

    def _take(self, subject: bytes, leaving: int, event: int, now: int, name: str | None = None) -> None:
        values = {"subject": subject, "leaving": leaving, "event": event, "now": now, "list": name}
        which = (
            "subject = :subject AND state <> 'left' "
            "AND (:list IS NULL OR list = (SELECT id FROM lists WHERE name = :list))"
        )
        self._connection.run(
            "INSERT INTO taken (leaving, list, state, since, event, left_by, language) "
            "SELECT :leaving, list, state, since, event, :event, (SELECT j.language FROM joinings j "
            "WHERE j.subject = m.subject AND j.list = m.list AND j.event = m.event) "
            f"FROM memberships m WHERE {which}",
            values,
        )
        self._connection.run(
            f"UPDATE memberships SET state = 'left', since = :now, event = :event WHERE {which}", values
        )

    def get(self, event: int) -> Leaving | None:
        """One leaving; None where it was undone, is too old, or the person was erased."""
        row = self._connection.row(_LEAVING_SQL, [event])
        if row is None:
            return None
        number, subject, at, whole, anew, names = row
        return Leaving(
            event=number,
            subject=subject,
            at=at,
            whole=bool(whole),
            anew=bool(anew),
            list_names=tuple(sorted((names or "").split("\n"))) if names else (),
        )

    def mark_anew(self, subject: bytes) -> None:
        """Note that a person who is out has left once more, which takes nothing."""
        self._connection.run("UPDATE leavings SET anew = 1 WHERE subject = ? AND anew = 0", [subject])

    def is_last(self, leaving: Leaving) -> bool:
        """Whether the person has neither left everything nor complained again since."""
        return self._connection.value(_LATER_SQL, [leaving.subject, leaving.event]) is None

    def give_back(self, leaving: Leaving, now: int) -> bool:
        """Give back what it took, as it was -> whether it had set the suppression. It is forgotten then."""
        with self._connection.transaction():
            self._connection.run(_GIVE_BACK_SQL, [leaving.event, leaving.subject])
            self._connection.run(_WAIT_AGAIN_SQL, [now, leaving.subject, leaving.event])
            suppressed = self._connection.value(
                "SELECT suppressed FROM leavings WHERE event = ?", [leaving.event]
            )
            self._connection.run("DELETE FROM leavings WHERE event = ?", [leaving.event])
            return bool(suppressed)

    def forget_of(self, subject: bytes) -> int:
        """Forget a person's leavings: none can be undone any more -> how many."""
        return self._connection.run("DELETE FROM leavings WHERE subject = ?", [subject])

    def forget(self, before: int) -> int:
        """Forget leavings that are too old to be undone -> how many."""
        return self._connection.run("DELETE FROM leavings WHERE at < ?", [before])
