"""The points of a time series: minutes, hours or days of a time zone, as instants in UTC.

Days last from local midnight to local midnight, so 23 to 25 hours where clocks change; hours begin
where the local wall clock shows a full one.
"""

from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo

from warehouse.time_ranges import QUARTER, Fixed

MAX_POINTS = 1_500
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

MINUTES_UP_TO = timedelta(hours=4)
HOURS_UP_TO = timedelta(days=8)


class Interval(StrEnum):
    """The length of a point."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"


class TooManyPoints(Exception):
    """A series would have more than ``MAX_POINTS`` points."""


def auto_interval(start: datetime, end: datetime) -> Interval:
    """Minutes up to four hours, hours up to eight days, then days."""
    length = end - start
    if length <= MINUTES_UP_TO:
        return Interval.MINUTE
    return Interval.HOUR if length <= HOURS_UP_TO else Interval.DAY


def points(start: datetime, end: datetime, interval: Interval, zone: ZoneInfo) -> list[datetime]:
    """Where the points of ``[start, end)`` begin, the first at ``start`` itself.

    Raises ``TooManyPoints``.
    """
    shortest = {Interval.MINUTE: MINUTE, Interval.HOUR: HOUR, Interval.DAY: DAY}[interval]
    if (end - start) / shortest > MAX_POINTS:
        raise TooManyPoints
    match interval:
        case Interval.MINUTE:
            found = _minutes(start, end)
        case Interval.HOUR:
            found = _hours(start, end, zone)
        case Interval.DAY:
            found = _days(start, end, zone)
    if len(found) > MAX_POINTS:
        raise TooManyPoints
    return found


def _minutes(start: datetime, end: datetime) -> list[datetime]:
    """Minutes are everywhere those of UTC."""
    found = [start]
    following = Fixed(MINUTE).floor(start) + MINUTE
    while following < end:
        found.append(following)
        following += MINUTE
    return found


def _hours(start: datetime, end: datetime, zone: ZoneInfo) -> list[datetime]:
    """A point begins where the local hour or the offset from UTC changes.

    Offsets are multiples of a quarter of an hour; so are the instants at which they change.
    """
    found = [start]
    current = QUARTER.floor(start)
    local = current.astimezone(zone)
    while True:
        step = HOUR - timedelta(minutes=local.minute)
        following = current + step
        if following.astimezone(zone).utcoffset() != local.utcoffset():
            following = _next_change(current, zone)
        if following >= end:
            return found
        found.append(following)
        current, local = following, following.astimezone(zone)


def _next_change(moment: datetime, zone: ZoneInfo) -> datetime:
    before = moment.astimezone(zone)
    following = moment + QUARTER.length
    while True:
        local = following.astimezone(zone)
        if (local.hour, local.utcoffset()) != (before.hour, before.utcoffset()):
            return following
        following += QUARTER.length


def _days(start: datetime, end: datetime, zone: ZoneInfo) -> list[datetime]:
    found = [start]
    day = start.astimezone(zone).date() + DAY
    while (midnight := _midnight(day, zone)) < end:
        found.append(midnight)
        day += DAY
    return found


@lru_cache(maxsize=4096)  # the days of a year, in a few time zones
def _midnight(day: date, zone: ZoneInfo) -> datetime:
    """Where clocks skip midnight the day begins with the skip, which fold 0 stands for."""
    return datetime.combine(day, time(), zone).astimezone(UTC)
