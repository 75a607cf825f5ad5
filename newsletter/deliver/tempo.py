"""When a run turns to the journal, and how many rows it may hold (pure)."""

from __future__ import annotations

from msgspec import Struct

IN_FLIGHT = 64  # claimed without a durable outcome, at most
FLUSH = 0.2  # seconds that an outcome waits for the journal, at most
TICK = 0.5  # seconds between looks at the send's state, the stop and the due rows
SPREAD = 0.05  # seconds between exchanges that a limit keeps small
AHEAD = 0.4  # seconds' worth of work that is claimed, so that a slow relay holds few rows
PER_CONNECTION = 3  # but at least so many rows for each connection


class Moment(Struct, frozen=True, kw_only=True):
    """Where a run stands.

    `since` is in seconds since the last exchange; `outcomes` are waiting to be written; `room` is what may be
    claimed now; `dry` means that the journal had nothing more; `free` is seconds until a limit frees one.
    """

    since: float
    outcomes: int
    in_flight: int
    room: int
    dry: bool
    free: float = 0.0


class Tempo(Struct, frozen=True, kw_only=True):
    """How many rows may be in flight: as many as are done in AHEAD seconds, within bounds."""

    floor: int
    window: int

    @classmethod
    def of(cls, connections: int) -> Tempo:
        """The first guess, before anything was sent."""
        floor = min(IN_FLIGHT, PER_CONNECTION * connections)
        return cls(floor=floor, window=floor)

    def after(self, written: int, seconds: float) -> Tempo:
        """Adapted to `written` outcomes in `seconds`."""
        if not written:
            return self
        pace = written / max(0.001, seconds)
        return Tempo(floor=self.floor, window=int(min(IN_FLIGHT, max(self.floor, pace * AHEAD))))

    @property
    def group(self) -> int:
        """How many outcomes or claims are worth an exchange of their own; the rest keep the relay busy."""
        return max(1, self.window // 2)

    def is_time(self, moment: Moment) -> bool:
        """Whether to exchange now."""
        if moment.since >= TICK:
            return True
        if moment.outcomes and (
            moment.since >= FLUSH or moment.outcomes >= self.group or not moment.in_flight
        ):
            return True
        claims = moment.room > 0 and not moment.dry
        return claims and (moment.room >= self.group or moment.since >= SPREAD)

    def rest(self, moment: Moment) -> float:
        """Seconds until it may be time without news from the courier."""
        until = FLUSH if moment.outcomes else TICK
        if not moment.dry and (moment.room or moment.free):
            until = min(until, max(SPREAD, moment.since + moment.free))
        return max(0.001, until - moment.since)
