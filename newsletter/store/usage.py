"""What goes to each relay, by the minute, and how much room its ceilings leave."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable

from msgspec import Struct
from msgspec.structs import replace

from newsletter.models import Outcome
from newsletter.relay import Rate
from newsletter.store.database import Connection
from newsletter.store.outcomes import TAKEN_BY_RELAY
from newsletter.when import DAY, MINUTE

_KEPT = 8 * 24 * 60  # minutes

_NOTE_SQL = """
    INSERT INTO usage (relay, minute, sent) VALUES (?, ?, ?)
    ON CONFLICT (relay, minute) DO UPDATE SET sent = sent + excluded.sent"""
_AHEAD_SQL = "SELECT EXISTS (SELECT 1 FROM usage WHERE relay = ? AND minute > ?)"
_TAKEN_SQL = """
    SELECT (SELECT coalesce(sum(sent), 0) FROM usage WHERE relay = ? AND minute >= ?)
        - (SELECT count(*) FROM sends n CROSS JOIN deliveries d ON d.send = n.id WHERE d.state = 'claimed')"""


class Usage:
    """Counts mails from their claim on, those that are taken and those on their way. Times are UTC ms."""

    def __init__(self, connection: Connection, now: Callable[[], int]) -> None:
        self._connection = connection
        self._now = now

    def note(self, relay: str, count: int, now: int) -> None:
        """Add `count` mails for `relay`, if it is known; minutes older than 8 days go."""
        if count <= 0 or not relay:
            return
        minute = now // MINUTE
        with self._connection.transaction():
            self._connection.run(_NOTE_SQL, [relay, minute, count])
            self._connection.run("DELETE FROM usage WHERE relay = ? AND minute < ?", [relay, minute - _KEPT])

    def give_back(self, table: str, relay: str, outcomes: Iterable[Outcome]) -> None:
        """Take those that the relay did not take, claimed rows of `deliveries` or `outbox`, off its count.

        They go from the minutes of their claims, so nothing of them is left there when a day is over.
        """
        rows = [o.delivery for o in outcomes if not o.revised and o.state not in TAKEN_BY_RELAY]
        if not rows:
            return
        self._connection.run(
            f"""
            UPDATE usage SET sent = max(0, sent - back.rows) FROM (
                SELECT updated / {MINUTE} AS minute, count(*) AS rows FROM {table}
                WHERE id IN (SELECT value FROM json_each(?)) AND state = 'claimed' GROUP BY 1) back
            WHERE relay = ? AND usage.minute = back.minute""",
            [json.dumps(rows), relay],
        )

    def mind_the_future(self, relay: str, now: int) -> None:
        """Let what is counted in the future count for a day after it was first seen there, and then no more.

        A clock that was ahead has counted it; or the clock is behind now, as before the network has set it.
        """
        key, latest = f"counted ahead for {relay}", now // MINUTE + 1
        ahead = bool(self._connection.value(_AHEAD_SQL, [relay, latest]))
        seen = self._connection.value("SELECT CAST(value AS INTEGER) FROM meta WHERE key = ?", [key])
        if ahead and (seen is None or now < seen):
            self._connection.run("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", [key, str(now)])
        elif seen is not None and (not ahead or now - seen > DAY):
            with self._connection.transaction():
                self._connection.run("DELETE FROM meta WHERE key = ?", [key])
                self._connection.run("DELETE FROM usage WHERE relay = ? AND minute > ?", [relay, latest])

    def sent_since(self, relay: str, since: int) -> int:
        """How many were counted since then; the minute of `since` counts whole."""
        total = self._connection.value(
            "SELECT sum(sent) FROM usage WHERE relay = ? AND minute >= ?", [relay, since // MINUTE]
        )
        return int(total or 0)

    def taken_since(self, relay: str, since: int) -> int:
        """Of those the ones that the relay took; too few where sends through another relay are at work."""
        return int(self._connection.value(_TAKEN_SQL, [relay, since // MINUTE]))

    def history(self, relay: str, since: int) -> list[tuple[int, int]]:
        """What was counted since then: (UTC ms, how many) in order, each at its minute's end."""
        now, rows = self._now(), self._minutes(relay, since)
        return [(min((minute + 1) * MINUTE - 1, max(now, minute * MINUTE)), sent) for minute, sent in rows]

    def free_at(self, relay: str, rates: Iterable[Rate]) -> int:
        """When the ceilings among `rates` let the next mail leave; 0 where one may at once."""
        now = self._now()
        self.mind_the_future(relay, now)
        return self.next_free(relay, rates, now)

    def next_free(self, relay: str, rates: Iterable[Rate], now: int) -> int:
        """The same as of `now`; what is counted in the future is as good as counted now."""
        found = 0
        for rate, used in self.used(relay, rates, now):
            excess = used - rate.count + 1
            if excess > 0:
                span = rate.seconds * 1000
                for minute, sent in self._minutes(relay, now - span):
                    excess -= sent
                    if excess <= 0:
                        found = max(found, min((minute + 1) * MINUTE, now + MINUTE) + span)
                        break
        return found

    def used(self, relay: str, rates: Iterable[Rate], now: int) -> list[tuple[Rate, int]]:
        """Each ceiling, and how much of it is used: its oldest minute counts whole."""
        ceilings = (rate for rate in rates if rate.is_ceiling)
        return [(rate, self.sent_since(relay, now - rate.seconds * 1000)) for rate in ceilings]

    def _minutes(self, relay: str, since: int) -> list[tuple[int, int]]:
        return self._connection.rows(
            "SELECT minute, sent FROM usage WHERE relay = ? AND minute >= ? ORDER BY minute",
            [relay, since // MINUTE],
        )


class Account(Struct, frozen=True, kw_only=True):
    """A relay as one journal counts it. What is seen in a transaction that fails is thrown away with it.

    `free_at` (UTC ms) is when a ceiling lets the next mail leave, 0 where one may at once. Where a rate of a
    minute paces all who send, `elsewhere` counts what others claimed since the look before: `seen` had been
    counted from the minute of `since` on.
    """

    usage: Usage
    relay: str
    rates: tuple[Rate, ...]
    since: int
    seen: int
    free_at: int = 0
    elsewhere: int = 0

    @classmethod
    def open(cls, usage: Usage, relay: str, rates: Iterable[Rate], now: int) -> Account:
        """Begin to count at `now`."""
        seen = usage.sent_since(relay, now)
        return cls(usage=usage, relay=relay, rates=tuple(rates), since=now, seen=seen)

    @property
    def _is_paced(self) -> bool:
        """Whether a rate of a minute holds for all who send together."""
        return any(rate.seconds * 1000 == MINUTE for rate in self.rates)

    def room(self, asked: int, now: int) -> int:
        """How many of the mails that are `asked` for the ceilings let leave now."""
        if any(rate.is_ceiling for rate in self.rates):
            self.usage.mind_the_future(self.relay, now)
        left = (rate.count - used for rate, used in self.usage.used(self.relay, self.rates, now))
        return max(0, min([asked, *left]))

    def looked(self) -> Account:
        """See what others claimed, before anything is given back or claimed in this transaction."""
        if not self._is_paced:
            return self
        seen = self.usage.sent_since(self.relay, self.since)
        return replace(self, elsewhere=max(0, seen - self.seen))

    def counted(self, claimed: int, now: int) -> Account:
        """Count what was claimed; what stands there now is what the next look begins from."""
        self.usage.note(self.relay, claimed, now)
        seen = self.usage.sent_since(self.relay, now) if self._is_paced else 0
        free = self.usage.next_free(self.relay, self.rates, now)
        return replace(self, since=now, seen=seen, free_at=free)
