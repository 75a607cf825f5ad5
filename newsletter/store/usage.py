"""What went to each relay, by the minute: the base of ceilings over a sliding day."""

from __future__ import annotations

import json
from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from newsletter.store.database import Connection

_MINUTE = 60_000  # milliseconds
_KEPT = 8 * 24 * 60  # minutes
_LOOKS_BACK = 1_800_000  # milliseconds: what comes back later than that is not noticed


class Shared(Struct, frozen=True, kw_only=True):
    """A relay that others use too, as one journal saw it last: how many were counted from `since` on.

    `elsewhere` of them came from others since the look before; it is negative where they gave more back than
    they claimed. A look that ends in no commit is thrown away.
    """

    relay: str
    since: int
    seen: int
    elsewhere: int = 0

    @classmethod
    def first(cls, connection: Connection, relay: str, now: int) -> Shared:
        """Begin to look, from half an hour before `now` on."""
        since = now - _LOOKS_BACK
        return cls(relay=relay, since=since, seen=sent_since(connection, relay, since))

    def again(self, connection: Connection, given_back: int, now: int) -> Shared:
        """Look again; the journal that looks gave `given_back` mails back since the last look.

        After a long sleep nothing is set off against what came back: a limit may have forgotten that by now.
        """
        looked = self.since + _LOOKS_BACK
        if now - looked > _LOOKS_BACK:
            elsewhere = sent_since(connection, self.relay, looked)
        else:
            elsewhere = sent_since(connection, self.relay, self.since) - self.seen + given_back
        return replace(Shared.first(connection, self.relay, now), elsewhere=elsewhere)

    def room(self, room: int) -> int:
        """What is left of `room`, which was reckoned before this look."""
        return max(0, room - max(0, self.elsewhere))

    def claimed(self, count: int) -> Shared:
        """The journal that looked has counted `count` mails since."""
        return replace(self, seen=self.seen + count)


def give_back(connection: Connection, table: str, relay: str, rows: Sequence[int]) -> int:
    """Take claimed rows of `deliveries` or `outbox`, which the relay did not take, off its count -> how many.

    They go from the minutes of their claims, so nothing of them is left there when a day is over.
    """
    if not rows:
        return 0
    connection.run(
        f"""
        UPDATE usage SET sent = max(0, sent - back.rows) FROM (
            SELECT updated / {_MINUTE} AS minute, count(*) AS rows FROM {table}
            WHERE id IN (SELECT value FROM json_each(?)) AND state = 'claimed' GROUP BY 1) back
        WHERE relay = ? AND usage.minute = back.minute""",
        [json.dumps(rows), relay],
    )
    return len(rows)


def note_usage(connection: Connection, relay: str, count: int, now: int) -> None:
    """Add `count` mails for `relay`, if it is known, at `now` (ms); minutes older than 8 days go."""
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
    """What was counted for `relay` since then: (UTC ms, how many) in order, each at its minute's end."""
    rows = connection.rows(
        "SELECT minute, sent FROM usage WHERE relay = ? AND minute >= ? ORDER BY minute",
        [relay, since // _MINUTE],
    )
    return [(min((minute + 1) * _MINUTE - 1, max(now, minute * _MINUTE)), sent) for minute, sent in rows]


def sent_since(connection: Connection, relay: str, since: int) -> int:
    """How many were counted for `relay` since `since` (ms); the minute of `since` counts whole."""
    total = connection.value(
        "SELECT sum(sent) FROM usage WHERE relay = ? AND minute >= ?", [relay, since // _MINUTE]
    )
    return int(total or 0)
