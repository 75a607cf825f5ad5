from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.deliver.limits import PRESETS, Allowance, Limits, Meter, estimate, limits_for
from newsletter.relay import Rate, Relay

NOW = 1_800_000_000_000
HOUR = 3_600_000
DAY = 86_400  # seconds


def relay(host: str, *rates: Rate, connections: int = 4) -> Relay:
    return Relay(scheme="smtps", host=host, port=465, rates=rates, connections=connections)


def drain(meter: Meter, *, until: int, step: int, group: int = 64) -> list[int]:
    """When each message left, for somebody who sends whatever may leave."""
    left = []
    for now in range(NOW, until, step):
        room = meter.room(now, group)
        meter.take(room, now)
        left += [now] * room
    return left


def busiest(left: list[int], span: int) -> int:
    return max(sum(1 for other in left if start <= other < start + span) for start in left)


@pytest.mark.parametrize(
    "rate", [Rate(count=10, seconds=1), Rate(count=25, seconds=60), Rate(count=3, seconds=60)]
)
def test_short_rates_are_paced(rate: Rate) -> None:
    span = rate.seconds * 1000
    left = drain(Meter([rate]), until=NOW + 4 * span, step=20)
    assert busiest(left, span) <= rate.count
    assert len(left) >= 4 * rate.count * 0.93
    gaps = [b - a for a, b in pairwise(left) if b > a]
    assert max(gaps) <= 2.2 * max(span / rate.count, 200)


def test_much_that_left_an_hour_ago_does_not_hold_a_rate_of_a_minute_up() -> None:
    meter = Meter([Rate(count=25, seconds=60)], history=[(NOW - HOUR, 3_000)])
    assert meter.room(NOW, 64) > 0


def test_a_rate_of_a_minute_is_shared() -> None:
    meter = Meter([Rate(count=25, seconds=60), Rate(count=20, seconds=1)])
    meter.note(25, NOW)
    meter.note(0, NOW)
    assert meter.room(NOW, 64) == 0
    assert NOW + 55_000 < meter.next_free(NOW) <= NOW + 62_000


def test_the_tightest_rate_decides() -> None:
    meter = Meter([Rate(count=1000, seconds=1), Rate(count=5, seconds=60)])
    assert meter.room(NOW, 64) == 1


def test_what_left_within_the_minute_counts_and_a_rate_of_a_second_is_everybodys_own() -> None:
    rates = (Rate(count=25, seconds=60), Rate(count=20, seconds=1))
    assert Meter(rates, history=[(NOW - 10_000, 25)]).room(NOW, 64) == 0
    assert Meter(rates[1:], history=[(NOW, 25)]).room(NOW, 64) > 0


def test_nothing_leaves_while_a_ceiling_is_used_up() -> None:
    meter = Meter([Rate(count=10, seconds=1), Rate(count=5, seconds=DAY)], free_at=NOW + HOUR)
    assert (meter.room(NOW, 64), meter.next_free(NOW)) == (0, NOW + HOUR)
    meter.hold(0)
    assert (meter.room(NOW, 64) > 0, meter.next_free(NOW)) == (True, NOW)


def test_no_rates_no_limit() -> None:
    assert Meter([]).room(NOW, 64) == 64
    assert Meter([]).next_free(NOW) == NOW


def test_a_clock_that_steps_back_stops_nothing() -> None:
    meter = Meter([Rate(count=10, seconds=1), Rate(count=1000, seconds=60)], history=[(NOW - 59_000, 400)])
    meter.take(meter.room(NOW, 64), NOW)
    back = NOW - HOUR
    assert meter.next_free(back) <= back + 1500
    assert meter.room(back + 2000, 64) >= 1


@settings(max_examples=60, deadline=None)
@given(
    count=st.integers(1, 40),
    seconds=st.sampled_from([1, 60]),
    steps=st.lists(st.tuples(st.floats(0, 0.4), st.integers(1, 64)), min_size=1, max_size=80),
)
def test_no_window_ever_holds_more_than_the_rate(
    count: int, seconds: int, steps: list[tuple[float, int]]
) -> None:
    meter, now, left = Meter([Rate(count=count, seconds=seconds)]), NOW, list[int]()
    for wait, most in steps:
        now += int(wait * seconds * 1000)
        room = meter.room(now, most)
        assert 0 <= room <= most
        if room == 0:
            free = meter.next_free(now)
            assert free > now
            assert meter.room(free, 1) == 1
            now = free
            room = 1
        meter.take(room, now)
        left += [now] * room
    assert busiest(left, seconds * 1000) <= count


def test_presets() -> None:
    office = limits_for(relay("smtp.office365.com"))
    assert office.connections == 2
    assert {(rate.count, rate.seconds) for rate in office.rates} == {(25, 60), (9_000, DAY)}
    assert "25 a minute and 9,000 a day" in office.note
    assert limits_for(relay("SMTP.Gmail.com")).rates == (Rate(count=1_800, seconds=DAY),)


def test_own_rates_win_over_the_preset() -> None:
    limits = limits_for(relay("smtp.office365.com", Rate(count=5, seconds=60)))
    assert limits.rates == (Rate(count=5, seconds=60),)
    assert limits.note == ""
    assert limits.connections == 2


def test_an_unknown_host_has_no_limits() -> None:
    assert limits_for(relay("mail.example.org", connections=8)) == Limits(connections=8)


def test_presets_do_not_overlap() -> None:
    hosts = [host for preset in PRESETS for host in preset.hosts]
    assert len(hosts) == len(set(hosts))


@pytest.mark.parametrize(
    ("count", "limits", "used", "seconds"),
    [
        (0, Limits(), (), 0),
        (400, Limits(connections=4), (), 25),
        (26, Limits(rates=(Rate(count=25, seconds=60),)), (), 60),
        (100, Limits(rates=(Rate(count=100, seconds=DAY),)), (), 6.25),
        (101, Limits(rates=(Rate(count=100, seconds=DAY),)), (), DAY),
        (50, Limits(rates=(Rate(count=100, seconds=DAY),)), (60,), DAY),
        (18_001, Limits(rates=(Rate(count=25, seconds=60), Rate(count=9_000, seconds=DAY))), (), 2 * DAY),
    ],
)
def test_estimates(count: int, limits: Limits, used: tuple[int, ...], seconds: float) -> None:
    assert estimate(count, limits, used=used) == pytest.approx(seconds, rel=0.02, abs=5)


def test_an_allowance_keeps_the_places_of_deferred_ones() -> None:
    allowance = Allowance(3)
    assert allowance.room(NOW, 64) == 3
    allowance.take(3)
    assert allowance.room(NOW, 64) == 0
    assert allowance.spent
    allowance.defer(NOW + 1000)
    assert not allowance.spent
    assert allowance.room(NOW + 999, 64) == 0
    assert allowance.room(NOW + 1000, 64) == 1
    allowance.take(-1)
    assert allowance.room(NOW + 1000, 64) == 2


def test_without_a_limit_everything_may_go() -> None:
    allowance = Allowance(None)
    allowance.take(1000)
    assert allowance.room(NOW, 64) == 64
    assert not allowance.spent


@pytest.mark.parametrize(
    ("rates", "expected"),
    [
        ([], 5000),
        ([Rate(count=25, seconds=60)], 0),
        ([Rate(count=200, seconds=1)], 5000),
        ([Rate(count=200, seconds=1), Rate(count=600, seconds=60)], 0),
        ([Rate(count=2000, seconds=DAY)], 2000),
        ([Rate(count=9000, seconds=DAY)], 5000),
    ],
)
def test_how_many_may_follow_each_other_as_fast_as_they_can(rates: list[Rate], expected: int) -> None:
    assert Limits(rates=tuple(rates)).unhindered(5000) == expected
