"""What goes to each relay, by the minute, and how much room its ceilings leave."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from newsletter.relay import Rate
from newsletter.store.database import Connection
from newsletter.when import MINUTE

_KEPT = 8 * 24 * 60  # minutes

_FUTURE_SQL = """
    INSERT INTO usage (relay, minute, sent)
    SELECT relay, ?, sum(sent) FROM usage WHERE minute > ? GROUP BY relay
    ON CONFLICT (relay, minute) DO UPDATE SET sent = sent + excluded.sent"""

_TAKEN_SQL = """
    SELECT (SELECT coalesce(sum(sent), 0) FROM usage WHERE relay = ? AND minute >= ?)
        - (SELECT count(*) FROM sends n CROSS JOIN deliveries d ON d.send = n.id WHERE d.state = 'claimed')"""


class Account(Struct, frozen=True, kw_only=True):
    """A relay as one journal counts it. What is seen in a transaction that fails is thrown away with it.

    `free_at` (UTC ms) is when a ceiling lets the next mail leave, 0 where one may at once. Where a rate of a
    minute paces all who send, `elsewhere` counts what others claimed since the look before: `seen` had been
    counted from the minute of `since` on.
    """

    relay: str
    rates: tuple[Rate, ...]
    since: int
    seen: int
    free_at: int = 0
    elsewhere: int = 0

    @classmethod
    def open(cls, connection: Connection, relay: str, rates: Iterable[Rate], now: int) -> Account:
        """Begin to count at `now`."""
        return cls(relay=relay, rates=tuple(rates), since=now, seen=sent_since(connection, relay, now))

    def room(self, connection: Connection, asked: int, now: int) -> int:
        """How many of the mails that are `asked` for the ceilings let leave now."""
        left = (rate.count - used for rate, used in _used(connection, self.relay, self.rates, now))
        return max(0, min([asked, *left]))

    def counted(self, connection: Connection, claimed: int, given_back: int, now: int) -> Account:
        """Count what was claimed, and look again, with what `give_back` took off in the same transaction."""
        note_usage(connection, self.relay, claimed, now)
        elsewhere = seen = 0
        if any(rate.seconds * 1000 == MINUTE for rate in self.rates):
            own = claimed - given_back
            elsewhere = max(0, sent_since(connection, self.relay, self.since) - self.seen - own)
            seen = sent_since(connection, self.relay, now)
        free = free_at(connection, self.relay, self.rates, now)
        return replace(self, since=now, seen=seen, free_at=free, elsewhere=elsewhere)


def free_at(connection: Connection, relay: str, rates: Iterable[Rate], now: int) -> int:
    """When (UTC ms) the ceilings among `rates` let the next mail leave; 0 where one may at once."""
    found = 0
    for rate, used in _used(connection, relay, rates, now):
        excess = used - rate.count + 1
        if excess > 0:
            span = rate.seconds * 1000
            for minute, sent in _minutes(connection, relay, now - span):
                excess -= sent
                if excess <= 0:
                    found = max(found, (minute + 1) * MINUTE + span)
                    break
    return found


def _used(connection: Connection, relay: str, rates: Iterable[Rate], now: int) -> list[tuple[Rate, int]]:
    """Each ceiling, and how much of it is used: its oldest minute counts whole."""
    return [
        (rate, sent_since(connection, relay, now - rate.seconds * 1000)) for rate in rates if rate.is_ceiling
    ]


def pull_in(connection: Connection, now: int) -> None:
    """Count as of now what a clock that was ahead has counted in the future: it would count until then."""
    latest = now // MINUTE + 1
    if connection.value("SELECT EXISTS (SELECT 1 FROM usage WHERE minute > ?)", [latest]):
        with connection.transaction():
            connection.run(_FUTURE_SQL, [now // MINUTE, latest])
            connection.run("DELETE FROM usage WHERE minute > ?", [latest])


def give_back(connection: Connection, table: str, relay: str, rows: Sequence[int]) -> int:
    """Take claimed rows of `deliveries` or `outbox`, which the relay did not take, off its count -> how many.

    They go from the minutes of their claims, so nothing of them is left there when a day is over.
    """
    if not rows:
        return 0
    connection.run(
        f"""
        UPDATE usage SET sent = max(0, sent - back.rows) FROM (
            SELECT updated / {MINUTE} AS minute, count(*) AS rows FROM {table}
            WHERE id IN (SELECT value FROM json_each(?)) AND state = 'claimed' GROUP BY 1) back
        WHERE relay = ? AND usage.minute = back.minute""",
        [json.dumps(rows), relay],
    )
    return len(rows)


def note_usage(connection: Connection, relay: str, count: int, now: int) -> None:
    """Add `count` mails for `relay`, if it is known, at `now` (ms); minutes older than 8 days go."""
    if count <= 0 or not relay:
        return
    minute = now // MINUTE
    with connection.transaction():
        connection.run(
            "INSERT INTO usage (relay, minute, sent) VALUES (?, ?, ?) "
            "ON CONFLICT (relay, minute) DO UPDATE SET sent = sent + excluded.sent",
            [relay, minute, count],
        )
        connection.run("DELETE FROM usage WHERE relay = ? AND minute < ?", [relay, minute - _KEPT])


def used_since(connection: Connection, relay: str, since: int, now: int) -> list[tuple[int, int]]:
    """What was counted for `relay` since then: (UTC ms, how many) in order, each at its minute's end."""
    rows = _minutes(connection, relay, since)
    return [(min((minute + 1) * MINUTE - 1, max(now, minute * MINUTE)), sent) for minute, sent in rows]


def sent_since(connection: Connection, relay: str, since: int) -> int:
    """How many were counted for `relay` since `since` (ms); the minute of `since` counts whole."""
    total = connection.value(
        "SELECT sum(sent) FROM usage WHERE relay = ? AND minute >= ?", [relay, since // MINUTE]
    )
    return int(total or 0)


def taken_since(connection: Connection, relay: str, since: int) -> int:
    """Of what was counted since then those that no send has on its way now."""
    return int(connection.value(_TAKEN_SQL, [relay, since // MINUTE]))


def _minutes(connection: Connection, relay: str, since: int) -> list[tuple[int, int]]:
    return connection.rows(
        "SELECT minute, sent FROM usage WHERE relay = ? AND minute >= ? ORDER BY minute",
        [relay, since // MINUTE],
    )
