"""Moments as people type them."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from newsletter.errors import UsageError
from newsletter.when import EXAMPLE, countdown, duration, parse_moment

PARIS = ZoneInfo("Europe/Paris")


def utc(*parts: int) -> int:
    return int(datetime(*parts, tzinfo=UTC).timestamp() * 1000)  # type: ignore[misc,arg-type]


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-12-01 09:00 Europe/Paris", utc(2026, 12, 1, 8)),
        ("2026-12-01 09:00", utc(2026, 12, 1, 8)),
        ("2026-07-01T9:30 ", utc(2026, 7, 1, 7, 30)),
        ("2026-12-01 09:00 UTC", utc(2026, 12, 1, 9)),
        ("2026-12-01T09:00:00Z", utc(2026, 12, 1, 9)),
        ("2026-12-01 09:00Z", utc(2026, 12, 1, 9)),
        ("2026-12-01T09:00+05:30", utc(2026, 12, 1, 3, 30)),
        ("2026-12-01 09:00 +0530", utc(2026, 12, 1, 3, 30)),
        ("2026-12-01 09:00 Z", utc(2026, 12, 1, 9)),
        ("2026-03-29 02:30-01:00", utc(2026, 3, 29, 3, 30)),
        ("2026-12-01 09:00 Asia/Kathmandu", utc(2026, 12, 1, 3, 15)),
        ("2026-10-25 02:30", utc(2026, 10, 25, 0, 30)),
    ],
)
def test_a_moment_in_a_zone(text: str, moment: int) -> None:
    assert parse_moment(text, PARIS) == moment


@pytest.mark.parametrize("typed", ["Paris", "paris", "Europe/Pari", "CET/Paris"])
def test_a_city_or_a_slip_is_answered_with_its_zone(typed: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse_moment(f"2026-12-01 09:00 {typed}", PARIS)
    assert raised.value.hint == "did you mean Europe/Paris?"


@pytest.mark.parametrize("typed", ["CEST", "GMT+2", "UTC+2", "MSK", "Geneva", "WEST"])
def test_what_may_mean_another_zone_is_answered_with_an_example(typed: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse_moment(f"2026-12-01 09:00 {typed}", PARIS)
    assert raised.value.hint == EXAMPLE


@pytest.mark.parametrize(
    "text",
    [
        "2026-12-01 9:00pm",
        "2026-12-01 09:00:30",
        "tomorrow",
        "2026-12-01",
        "2026-13-01 09:00",
        "2026-12-01 25:00",
        "2026-12-01 09:00 Mars",
        "2026-12-01 09:00+99:00",
        "9999-12-31 23:59 America/New_York",
        "2026-12-01 09:00Z Europe/Paris",
        "2026-12-01 09:00 ../etc",
        "2026-03-29 02:30",
        "",
    ],
)
def test_what_is_no_moment_is_said(text: str) -> None:
    with pytest.raises(UsageError):
        parse_moment(text, PARIS)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "less than a minute"),
        (20, "less than a minute"),
        (60, "about 1 minute"),
        (3600, "about 1 hour"),
        (5400, "about 1 hour 30 minutes"),
        (93_600, "about 1 day 2 hours"),
        (7 * 86_400, "about 7 days"),
    ],
)
def test_a_length_of_time(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_a_clock_runs_down() -> None:
    assert [countdown(s) for s in (0, 61, 3_661)] == ["00:00:00", "00:01:01", "01:01:01"]
    assert countdown(90_061) == "1 d 01:01:01"
