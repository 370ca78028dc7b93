"""Points of a series: local days of 23 to 25 hours, half-hour zones, and nothing left out."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse.buckets import (
    MAX_POINTS,
    Interval,
    TooManyPoints,
    auto_interval,
    points,
)

HOUR = timedelta(hours=1)
ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/Havana",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Asia/Beirut",
]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def lengths(start: str, end: str, interval: Interval, zone: str) -> list[timedelta]:
    starts = points(at(start), at(end), interval, ZoneInfo(zone))
    return [later - earlier for earlier, later in pairwise([*starts, at(end)])]


def test_days_are_as_long_as_the_clocks_make_them() -> None:
    spring = lengths("2026-03-27T23:00", "2026-03-30T22:00", Interval.DAY, "Europe/Berlin")
    assert spring == [24 * HOUR, 23 * HOUR, 24 * HOUR]
    autumn = lengths("2026-10-23T22:00", "2026-10-26T23:00", Interval.DAY, "Europe/Berlin")
    assert autumn == [24 * HOUR, 25 * HOUR, 24 * HOUR]


def test_days_of_half_hour_zones_begin_at_local_midnight() -> None:
    starts = points(
        at("2026-03-01T12:00"), at("2026-03-03T12:00"), Interval.DAY, ZoneInfo("Asia/Kolkata")
    )
    assert starts == [at("2026-03-01T12:00"), at("2026-03-01T18:30"), at("2026-03-02T18:30")]


def test_a_day_whose_midnight_is_skipped_begins_with_the_skip() -> None:
    """Havana's clocks go from 23:59:59 to 01:00 on 8 March 2026."""
    days = lengths("2026-03-07T05:00", "2026-03-09T04:00", Interval.DAY, "America/Havana")
    assert days == [24 * HOUR, 23 * HOUR]


def test_the_hour_that_comes_twice_is_two_points() -> None:
    hours = lengths("2026-10-24T23:00", "2026-10-25T03:00", Interval.HOUR, "Europe/Berlin")
    assert hours == [HOUR] * 4


def test_where_clocks_move_by_half_an_hour_a_point_is_half_as_long() -> None:
    """Lord Howe goes back from 02:00 to 01:30 on 5 April 2026, 15:00 UTC the day before."""
    hours = lengths("2026-04-04T13:00", "2026-04-04T17:30", Interval.HOUR, "Australia/Lord_Howe")
    assert hours == [HOUR, HOUR, HOUR / 2, HOUR, HOUR]


def test_too_many_points() -> None:
    start = at("2026-01-01")
    longest = start + MAX_POINTS * timedelta(minutes=1)
    assert len(points(start, longest, Interval.MINUTE, ZoneInfo("UTC"))) == MAX_POINTS
    with pytest.raises(TooManyPoints):
        points(start, longest + timedelta(minutes=1), Interval.MINUTE, ZoneInfo("UTC"))
    with pytest.raises(TooManyPoints):
        points(at("1970-01-01"), at("2026-01-01"), Interval.DAY, ZoneInfo("UTC"))


def test_interval_by_length() -> None:
    start = at("2026-01-01")
    assert auto_interval(start, start + 4 * HOUR) is Interval.MINUTE
    assert auto_interval(start, start + 5 * HOUR) is Interval.HOUR
    assert auto_interval(start, start + 30 * 24 * HOUR) is Interval.DAY


@given(
    minutes=st.floats(0, 3 * 365 * 24 * 60),
    hours=st.floats(0.01, 1000),
    interval=st.sampled_from(list(Interval)),
    zone=st.sampled_from(ZONES),
)
def test_points_begin_where_the_local_clock_says(
    minutes: float, hours: float, interval: Interval, zone: str
) -> None:
    start = at("2024-01-01") + timedelta(minutes=minutes)
    end = start + timedelta(hours=hours if interval is not Interval.MINUTE else hours / 60)
    where = ZoneInfo(zone)
    starts = points(start, end, interval, where)
    assert starts[0] == start
    assert all(earlier < later for earlier, later in pairwise([*starts, end]))
    for earlier, later in pairwise(starts):
        before, after = (
            (later - timedelta(microseconds=1)).astimezone(where),
            later.astimezone(where),
        )
        parts = {Interval.MINUTE: 5, Interval.HOUR: 4, Interval.DAY: 3}[interval]
        assert (before.timetuple()[:parts], before.utcoffset()) != (
            after.timetuple()[:parts],
            after.utcoffset(),
        )
        inside = earlier.astimezone(where)
        if interval is Interval.DAY:
            assert inside.date() == before.date()
        else:
            assert inside.utcoffset() == before.utcoffset()
            assert inside.hour == before.hour
