"""What went to each relay, by the minute: the base of ceilings over a sliding day."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from newsletter.store.database import Connection

_MINUTE = 60_000  # milliseconds
_KEPT = 8 * 24 * 60  # minutes


class Shared(Struct, frozen=True, kw_only=True):
    """A relay that others use too, as one journal saw it last: how many had left to it from `since` on.

    `elsewhere` of them came from others since the look before. A look that ends in no commit is thrown away.
    """

    relay: str
    since: int
    seen: int
    elsewhere: int = 0

    @classmethod
    def first(cls, connection: Connection, relay: str, now: int) -> Shared:
        """Begin to look, from the minute of `now` on."""
        return cls(relay=relay, since=now, seen=sent_since(connection, relay, now))

    def again(self, connection: Connection, own: int, now: int) -> Shared:
        """Look again, with `own` noted since the last look by the journal that looks."""
        seen = sent_since(connection, self.relay, self.since)
        elsewhere = max(0, seen - self.seen - own)
        if now // _MINUTE != self.since // _MINUTE:
            return replace(Shared.first(connection, self.relay, now), elsewhere=elsewhere)
        return replace(self, seen=seen, elsewhere=elsewhere)


def note_usage(connection: Connection, relay: str, count: int, now: int) -> None:
    """Add `count` mails that left to `relay`, if it is known, at `now` (ms); minutes older than 8 days go."""
    if count <= 0 or not relay:
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
