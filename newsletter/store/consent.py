"""Consent events, which are only ever added, and the suppressions that outlive a person's row."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from newsletter.models import ConsentEvent, ConsentKind, Suppression, SuppressionKind
from newsletter.store.database import Connection, Row
from newsletter.store.keys import Keys

_PAGE = 1_000
_EVENTS_SQL = """
    SELECT e.id, e.subject, e.kind, e.at, g.list, g.source, g.wording, g.language, g.page
    FROM consent_events e JOIN grounds g ON g.id = e.ground"""


class Consent:
    """The append-only record of what happened to each person's consent."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def append(self, event: ConsentEvent) -> int:
        """Add one event -> its id."""
        with self._connection.transaction():
            ground = self.ground(
                event.list_name, event.source, wording=event.wording, language=event.language, page=event.page
            )
            return self._connection.insert(
                "INSERT INTO consent_events (subject, kind, at, ground) VALUES (?, ?, ?, ?)",
                [event.subject, event.kind, event.at, ground],
            )

    def ground(
        self, list_name: str, source: str, *, wording: str = "", language: str = "", page: str = ""
    ) -> int:
        """The id of the words that many events share; made where new."""
        values = [list_name, source, wording, language, page]
        sql = "SELECT id FROM grounds WHERE (list, source, wording, language, page) = (?, ?, ?, ?, ?)"
        with self._connection.transaction():
            found: int | None = self._connection.value(sql, values)
            return found or self._connection.insert(
                "INSERT INTO grounds (list, source, wording, language, page) VALUES (?, ?, ?, ?, ?)", values
            )

    def of(self, subject: bytes) -> list[ConsentEvent]:
        """One person's events, oldest first; they stay when the person is erased."""
        rows = self._connection.rows(f"{_EVENTS_SQL} WHERE e.subject = ? ORDER BY e.id", [subject])
        return [_event(row) for row in rows]

    def get(self, event: int) -> ConsentEvent | None:
        """One event by its id."""
        row = self._connection.row(f"{_EVENTS_SQL} WHERE e.id = ?", [event])
        return _event(row) if row else None

    def last(self, subject: bytes, kind: ConsentKind) -> int:
        """The id of a person's last event of a kind; 0 where there is none."""
        return int(
            self._connection.value(
                "SELECT coalesce(max(id), 0) FROM consent_events WHERE subject = ? AND kind = ?",
                [subject, kind],
            )
        )

    def all(self) -> Iterator[ConsentEvent]:
        """Every event, oldest first."""
        last = 0
        while rows := self._connection.rows(
            f"{_EVENTS_SQL} WHERE e.id > ? ORDER BY e.id LIMIT {_PAGE}", [last]
        ):
            last = rows[-1][0]
            yield from map(_event, rows)


class Suppressions:
    """Why addresses are not mailed, by the HMAC of the address."""

    def __init__(self, connection: Connection, keys: Keys, now: Callable[[], int]) -> None:
        self._connection = connection
        self._keys = keys
        self._now = now

    def add(self, address_key: str, kind: SuppressionKind, reason: str = "") -> bool:
        """Suppress an address, known or not -> whether it was not suppressed so before."""
        return self.add_mac(self._keys.address_mac(address_key), kind, reason)

    def add_mac(self, address_mac: bytes, kind: SuppressionKind, reason: str = "") -> bool:
        """The same by the address's HMAC; the first reason stands."""
        return bool(
            self._connection.run(
                "INSERT INTO suppressions (address_mac, kind, since, reason) VALUES (?, ?, ?, ?) "
                "ON CONFLICT (address_mac, kind) DO NOTHING",
                [address_mac, kind, self._now(), reason],
            )
        )

    def of(self, address_key: str) -> list[Suppression]:
        """What stands against an address, strongest first."""
        rows = self._connection.rows(
            "SELECT address_mac, kind, since, reason FROM suppressions WHERE address_mac = ?",
            [self._keys.address_mac(address_key)],
        )
        found = [
            Suppression(address_mac=mac, kind=SuppressionKind(kind), since=since, reason=reason)
            for mac, kind, since, reason in rows
        ]
        return sorted(found, key=lambda one: list(SuppressionKind).index(one.kind))

    def lift(self, address_key: str, kind: SuppressionKind) -> bool:
        """Delete one suppression -> whether there was one; the caller records the consent event."""
        return bool(
            self._connection.run(
                "DELETE FROM suppressions WHERE address_mac = ? AND kind = ?",
                [self._keys.address_mac(address_key), kind],
            )
        )


def _event(row: Row) -> ConsentEvent:
    _, subject, kind, at, list_name, source, wording, language, page = row
    return ConsentEvent(
        subject=subject,
        kind=ConsentKind(kind),
        at=at,
        list_name=list_name,
        source=source,
        wording=wording,
        language=language,
        page=page,
    )
