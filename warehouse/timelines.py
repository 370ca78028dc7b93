"""A period, the equally long one before it, and the points of its series, as queries take them."""

from bisect import bisect_right
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec

from warehouse.buckets import Interval, auto_interval, points
from warehouse.time_ranges import EPOCH, HOUR, LAST, QUARTER, Grain, Split, TimeRange

MANY_POINTS = 100


class Timeline(msgspec.Struct, frozen=True, kw_only=True):
    """``[start, end)`` in points from ``starts``; ``previous`` is the start of the period before.

    ``points``, which are worked out and need not be given, are where a row's point may be, in
    microseconds since 1970: before the earlier period, that period, or one of ``starts``, which are
    the last of them.

    ``read_end`` is later than ``end`` if the period is open: nothing happens after now, and then
    its last quarter, hour, day and month are answered by rollups alone. ``previous`` is None if
    there would be none after 1970. What happened from ``start`` to ``known_to``, a full hour, is
    known and not asked for.
    """

    start: datetime
    end: datetime
    read_end: datetime
    previous: datetime | None
    interval: Interval
    zone: ZoneInfo
    starts: tuple[datetime, ...]
    known_to: datetime | None = None
    points: list[int] = []

    def __post_init__(self) -> None:
        moments = {self.quarter_before, self.earliest, *self.starts}
        msgspec.structs.force_setattr(self, "points", sorted(map(microseconds, moments)))

    def head(self, until: datetime) -> "Timeline | None":
        """The points that end at a full hour by ``until`` as a timeline without an earlier period,
        if they are so many that it pays to keep what is known of them."""
        count = bisect_right(self.starts, until) - 1
        while count >= MANY_POINTS and HOUR.floor(self.starts[count]) != self.starts[count]:
            count -= 1
        if count < MANY_POINTS:
            return None
        end, starts = self.starts[count], self.starts[:count]
        return msgspec.structs.replace(self, previous=None, end=end, read_end=end, starts=starts)

    def after(self, head: "Timeline") -> "Timeline":
        """The same with all of the points of its ``head`` in one, of which nothing is asked."""
        starts = (self.start, *self.starts[len(head.starts) :])
        return msgspec.structs.replace(self, starts=starts, known_to=head.end)

    @property
    def is_open(self) -> bool:
        """Whether it ends now, so that the same question will soon be about a longer period."""
        return self.end < self.read_end

    @property
    def earliest(self) -> datetime:
        """Where the earlier period begins; without one, the period itself."""
        return self.previous or self.start

    @property
    def quarter_before(self) -> datetime:
        """The full quarter of an hour at or before the earlier period's beginning."""
        return QUARTER.floor(self.earliest)

    def shares(
        self, grain: Grain, *, raw_points: bool = False, until: datetime | None = None
    ) -> "Shares":
        """Which parts of both periods a rollup of this grain answers.

        ``raw_points``: the points are finer than the grain or lie across it, so the later period
        is read from raw rows. ``until``: the rollup answers nothing after that.
        """
        last = LAST if until is None else grain.floor(until)
        earlier = TimeRange(self.earliest, self.start).split(grain).up_to(last)
        later = TimeRange(self.known_to or self.start, self.read_end).split(grain)
        later = later.up_to(EPOCH if raw_points else last)
        first = self.quarter_before if grain is QUARTER else self.earliest
        return Shares(first, earlier, later, self.known_to and self.start)

    def cuts_hours(self) -> bool:
        """Whether a point begins inside an hour of UTC, as days do in half-hour time zones."""
        return any(HOUR.floor(point) != point for point in self.starts[1:])


class Shares(msgspec.Struct, frozen=True):
    """Two periods that meet, each split; raw rows are read from ``first`` on. What happened from
    ``known_from`` to the later one is known."""

    first: datetime
    earlier: Split
    later: Split
    known_from: datetime | None = None

    @property
    def edges(self) -> list[tuple[datetime, datetime]]:
        """What is left to raw rows: where the periods begin, meet and end."""
        middle, last = self.later.whole_start, self.later.whole_end
        if self.known_from is not None:
            middle = self.known_from
            last = last if self.later.has_whole else self.later.start
        return [
            (self.first, self.earlier.whole_start),
            (self.earlier.whole_end, middle),
            (last, self.later.end),
        ]


def timeline(
    start: datetime,
    end: datetime,
    *,
    zone: ZoneInfo,
    interval: Interval | None = None,
    read_end: datetime | None = None,
) -> Timeline:
    """The timeline of ``[start, end)``; ``interval`` None picks one by the period's length.

    Raises :class:`warehouse.buckets.TooManyPoints`.
    """
    previous = start - (end - start)
    chosen = interval or auto_interval(start, end)
    return Timeline(
        start=start,
        end=end,
        read_end=read_end or end,
        previous=previous if previous >= EPOCH else None,
        interval=chosen,
        zone=zone,
        starts=tuple(points(start, end, chosen, zone)),
    )


def microseconds(moment: datetime) -> int:
    """Microseconds since 1970."""
    # Not by dividing through a microsecond, which takes three times as long: a series has hundreds.
    since = moment - EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
