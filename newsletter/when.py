"""A moment as people type it, and a length of time as people read it."""

from __future__ import annotations

import difflib
import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from newsletter.errors import UsageError

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
"""In milliseconds, as all times are."""

EXAMPLE = 'write it like "2026-12-01 09:00" or "2026-12-01 09:00 Europe/Paris"'
CONTINENTS = {"Africa", "America", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific"}
"""Where zones are named by a city; the other names are abbreviations and old ones."""

_MOMENT = re.compile(
    r"\s*(\d{4}-\d{2}-\d{2})[ T](\d{1,2}:\d{2})(?::00)?(?:\s?(Z|[+-]\d\d:?\d\d)|\s+(\S+))?\s*"
)


def parse_moment(text: str, zone: ZoneInfo) -> int:
    """`2026-12-01 09:00 [Europe/Paris]` -> UTC milliseconds; `zone` where none is named, nor an offset.

    Raises UsageError for what is no moment, and for a time that the clocks of the zone skip.
    """
    found = _MOMENT.fullmatch(text)
    if not found:
        raise UsageError(f"'{text}' is no date and time", hint=EXAMPLE)
    date, clock, offset, name = found.groups()
    try:
        named = ZoneInfo(name) if name else zone
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise UsageError(f"'{name}' is no time zone", hint=_meant(name)) from None
    try:
        local = datetime.strptime(f"{date} {clock} {offset or 'Z'}", "%Y-%m-%d %H:%M %z")
    except ValueError:
        raise UsageError(f"'{text}' is no date and time", hint=EXAMPLE) from None
    local = local if offset else local.replace(tzinfo=named)
    try:
        moment = local.astimezone(UTC)
    except OverflowError:
        raise UsageError(f"'{text}' is out of time", hint=EXAMPLE) from None
    if offset:
        return int(moment.timestamp()) * 1000
    if moment.astimezone(named).replace(tzinfo=None) != local.replace(tzinfo=None):
        raise UsageError(f"in {named.key} the clocks skip {clock} on that day", hint="choose another time")
    return int(moment.timestamp()) * 1000


def _meant(name: str) -> str:
    """The zone that is meant by a city, or by a name with a slip; else, as for abbreviations, an example."""
    if name.isupper():
        return EXAMPLE
    city = name.rpartition("/")[2].casefold()
    zones = {
        zone.rpartition("/")[2].casefold(): zone
        for zone in sorted(available_timezones())
        if zone.partition("/")[0] in CONTINENTS
    }
    close = difflib.get_close_matches(city, zones, n=1, cutoff=0.85)
    return f"did you mean {zones[close[0]]}?" if close else EXAMPLE


def duration(seconds: float) -> str:
    """`less than a minute`, `about 5 minutes`, `about 1 day 2 hours`."""
    minutes = round(timedelta(seconds=max(0.0, seconds)).total_seconds() / 60)
    if minutes < 1:
        return "less than a minute"
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [(days, "day"), (hours, "hour"), (0 if days else minutes, "minute")]
    return "about " + " ".join(f"{n} {word}{'s' if n > 1 else ''}" for n, word in parts if n)


def countdown(seconds: float) -> str:
    """`1 d 02:03:04`, as a clock that runs down."""
    whole = max(0, round(seconds))
    days, rest = divmod(whole, 86_400)
    clock = f"{rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}"
    return f"{days} d {clock}" if days else clock
