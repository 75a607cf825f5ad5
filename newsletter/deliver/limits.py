"""Pacing: how many messages may leave now, when the next may, and how long a send will take (pure)."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable, Sequence

from msgspec import Struct, field

from newsletter.relay import SECONDS, Rate, Relay

BURST = 0.2  # seconds' worth that may leave together: what one exchange with the journal takes along
GRAINS = 240  # how finely a window remembers; leaving times are rounded up, so a rate is never passed
FAST = 100  # messages a second: a lower rate keeps no processor busy
WIRE = 0.25  # seconds a message takes on one connection, for estimates
LONG = 120_000  # milliseconds: a longer wait for a limit is no pacing any more


class Limits(Struct, frozen=True, kw_only=True):
    """What holds for a relay. `note` says in a sentence where a built-in preset is used."""

    rates: tuple[Rate, ...] = ()
    connections: int = 4
    note: str = ""

    def unhindered(self, count: int) -> int:
        """Of so many messages those that may follow each other as fast as they can."""
        slow = any(rate.count < FAST * rate.seconds for rate in self.rates if not rate.is_ceiling)
        return 0 if slow else min([count, *(rate.count for rate in self.rates if rate.is_ceiling)])


class Preset(Struct, frozen=True, kw_only=True):
    """The limits of a well-known host, a little under what its operator publishes."""

    hosts: tuple[str, ...]
    name: str
    rates: tuple[Rate, ...]
    connections: int = 4


def _a_day(count: int) -> Rate:
    return Rate(count=count, seconds=SECONDS["day"])


PRESETS: tuple[Preset, ...] = (
    Preset(
        hosts=("smtp.office365.com", "outlook.office365.com"),
        name="Office 365",
        rates=(Rate(count=25, seconds=60), _a_day(9_000)),
        connections=2,
    ),
    Preset(hosts=("smtp.gmail.com", "smtp.googlemail.com"), name="Gmail", rates=(_a_day(1_800),)),
    Preset(hosts=("smtp-relay.gmail.com",), name="Google Workspace's relay", rates=(_a_day(9_000),)),
    Preset(hosts=("smtp-mail.outlook.com",), name="Outlook.com", rates=(_a_day(270),), connections=2),
    Preset(hosts=("smtp.mail.yahoo.com",), name="Yahoo", rates=(_a_day(450),), connections=2),
    Preset(hosts=("smtp.mail.me.com",), name="iCloud", rates=(_a_day(900),), connections=2),
)
_UNITS = {seconds: unit for unit, seconds in SECONDS.items()}


def limits_for(relay: Relay) -> Limits:
    """The relay's own rates, else the preset of its host, else none."""
    preset = next((p for p in PRESETS if relay.account in p.hosts), None)
    if preset is None:
        return Limits(rates=relay.rates, connections=relay.connections)
    connections = min(relay.connections, preset.connections)
    if relay.rates:
        return Limits(rates=relay.rates, connections=connections)
    told = " and ".join(f"{rate.count:,} a {_UNITS[rate.seconds]}" for rate in preset.rates)
    note = f"{preset.name} lets one account send a limited number of messages: this program keeps to {told}."
    return Limits(rates=preset.rates, connections=connections, note=note)


class _Window(Struct, kw_only=True):
    """At most `rate.count` in any `rate.seconds`, and spread within them."""

    rate: Rate
    left: deque[list[int]] = field(default_factory=deque)  # [end of a grain in ms, how many left in it]
    used: int = 0
    tokens: float = 0.0
    refilled: int | None = None

    @property
    def span(self) -> int:
        return self.rate.seconds * 1000

    @property
    def grain(self) -> int:
        return max(1, self.span // GRAINS)

    @property
    def burst(self) -> int:
        return max(1, min(self.rate.count, int(self.rate.count * BURST / self.rate.seconds)))

    def room(self, now: int) -> int:
        self._forget(now)
        self._refill(now)
        return max(0, min(self.rate.count - self.used, int(self.tokens + 1e-9)))

    def take(self, count: int, now: int) -> None:
        self._forget(now)
        self._refill(now)
        self.tokens = max(self.tokens - count, -float(self.rate.count))
        end = -(-now // self.grain) * self.grain
        if self.left and self.left[-1][0] >= end:
            self.left[-1][1] += count
        else:
            self.left.append([end, count])
        self.used += count

    def next_free(self, now: int) -> int:
        """The first moment, in ms, at which one more may leave."""
        if self.room(now) > 0:
            return now
        paced = now
        if self.tokens < 1:
            paced += int((1 - self.tokens) * self.span / self.rate.count) + 1
        excess = self.used - self.rate.count + 1
        for end, count in self.left:
            if excess <= 0:
                break
            excess -= count
            paced = max(paced, end + self.span + 1)
        return paced

    def _forget(self, now: int) -> None:
        """Drop what is out of the window; what a clock that stepped back left in the future is dated back."""
        for entry in reversed(self.left):
            if entry[0] <= now + self.grain:
                break
            entry[0] = now + self.grain
        while self.left and self.left[0][0] + self.span < now:
            self.used -= self.left.popleft()[1]

    def _refill(self, now: int) -> None:
        """Add what time has earned; a clock that steps back earns nothing, and loses nothing."""
        if self.refilled is None:
            self.tokens = float(self.burst)
        else:
            earned = max(0, now - self.refilled) * self.rate.count / self.span
            self.tokens = min(float(self.burst), self.tokens + earned)
        self.refilled = now


class Meter:
    """Paces what leaves by the rates of a second and a minute; the ceilings are kept by the journal.

    `history` tells what left before, as (UTC ms, count) in the order of time, at least for the last minute;
    `free_at` until when a ceiling is used up, as the journal says.
    """

    def __init__(
        self, rates: Iterable[Rate], *, history: Iterable[tuple[int, int]] = (), free_at: int = 0
    ) -> None:
        self._windows = [_Window(rate=rate) for rate in rates if not rate.is_ceiling]
        self._free_at = free_at
        for at, count in history:
            self.note(count, at)

    def hold(self, free_at: int) -> None:
        """Let nothing leave before `free_at` (UTC ms)."""
        self._free_at = free_at

    def room(self, now: int, most: int) -> int:
        """How many may leave now, at most `most`."""
        if now < self._free_at:
            return 0
        return min([most, *(window.room(now) for window in self._windows)])

    def take(self, count: int, now: int) -> None:
        """Count `count` messages as leaving now."""
        for window in self._windows:
            window.take(count, now)

    def note(self, count: int, at: int) -> None:
        """Count `count` messages that left elsewhere; a rate of a second is everybody's own."""
        for window in self._windows:
            if count and window.rate.seconds == SECONDS["minute"]:
                window.take(count, at)

    def next_free(self, now: int) -> int:
        """When, in UTC ms, the next message may leave; `now` where one may at once."""
        return max([now, self._free_at, *(window.next_free(now) for window in self._windows)])


class Allowance:
    """How many deliveries one run may take up (`--limit`); None for all.

    A deferred one keeps its place until it is due again, so a run never hands over more than its limit.
    """

    def __init__(self, limit: int | None) -> None:
        self._left = limit
        self._due: list[int] = []

    def room(self, now: int, most: int) -> int:
        """How many may be taken up now, at most `most`."""
        if self._left is None:
            return most
        while self._due and self._due[0] <= now:
            heapq.heappop(self._due)
            self._left += 1
        return min(self._left, most)

    def take(self, count: int) -> None:
        """Take up `count` deliveries; a negative one gives places back."""
        if self._left is not None:
            self._left -= count

    def defer(self, not_before: int) -> None:
        """Keep a place until `not_before`."""
        if self._left is not None:
            heapq.heappush(self._due, not_before)

    @property
    def spent(self) -> bool:
        """Whether nothing is left, now or when a deferred one is due again."""
        return self._left == 0 and not self._due


def estimate(count: int, limits: Limits, *, used: Sequence[int] = ()) -> float:
    """Seconds that `count` messages will take, the wire and all limits included.

    `used` says how much of each of `limits.rates` is used up already (0 where it is shorter).
    """
    if count <= 0:
        return 0.0
    seconds = count * WIRE / max(1, limits.connections)
    spent = [*used, *([0] * len(limits.rates))]
    for rate, before in sorted(zip(limits.rates, spent, strict=False), key=lambda pair: pair[0].seconds):
        if not rate.is_ceiling:
            seconds = max(seconds, (count - 1) * rate.seconds / rate.count)
        else:
            waits, last = divmod(count + min(before, rate.count) - 1, rate.count)
            seconds = max(seconds, waits * rate.seconds + seconds * min(1.0, (last + 1) / count))
    return seconds
