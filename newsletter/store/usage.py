"""What went to each relay, by the minute: the base of ceilings over a sliding day."""

from __future__ import annotations

from newsletter.store.database import Connection

_MINUTE = 60_000  # milliseconds
_KEPT = 8 * 24 * 60  # minutes


def note_usage(connection: Connection, relay: str, count: int, now: int) -> None:
    """Add `count` mails that left to `relay` at `now` (milliseconds); minutes older than 8 days go."""
    if count <= 0:
        return
    minute = now // _MINUTE
    with connection.transaction():
        connection.run(
            "INSERT INTO usage (relay, minute, sent) VALUES (?, ?, ?) "
            "ON CONFLICT (relay, minute) DO UPDATE SET sent = sent + excluded.sent",
            [relay, minute, count],
        )
        connection.run("DELETE FROM usage WHERE relay = ? AND minute < ?", [relay, minute - _KEPT])


def used_since(connection: Connection, relay: str, since: int, now: int) -> list[tuple[int, int]]:
    """What left to `relay` since then: (UTC ms, how many) in the order of time, each at its minute's end."""
    rows = connection.rows(
        "SELECT minute, sent FROM usage WHERE relay = ? AND minute >= ? ORDER BY minute",
        [relay, since // _MINUTE],
    )
    return [(min((minute + 1) * _MINUTE - 1, max(now, minute * _MINUTE)), sent) for minute, sent in rows]


def sent_since(connection: Connection, relay: str, since: int) -> int:
    """How many left to `relay` since `since` (milliseconds); the minute of `since` counts whole."""
    total = connection.value(
        "SELECT sum(sent) FROM usage WHERE relay = ? AND minute >= ?", [relay, since // _MINUTE]
    )
    return int(total or 0)
