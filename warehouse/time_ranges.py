"""Half-open time ranges, and how a rollup and raw rows share one exactly."""

from datetime import UTC, datetime, timedelta
from typing import Protocol

import msgspec

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LAST = datetime(2100, 1, 1, tzinfo=UTC)
"""Later than any row; an open end that both DateTime and Date columns can hold."""


class Grain(Protocol):
    """A way to cut time into pieces that rollups have a row for."""

    def floor(self, moment: datetime) -> datetime:
        """The start of the piece that holds the moment."""
        ...

    def ceiling(self, moment: datetime) -> datetime:
        """The moment itself if a piece starts there, or else the start of the next."""
        ...


class Fixed(msgspec.Struct, frozen=True):
    """Pieces of one length, counted from the epoch."""

    length: timedelta

    def floor(self, moment: datetime) -> datetime:
        """The start of the piece that holds the moment."""
        return moment - (moment - EPOCH) % self.length

    def ceiling(self, moment: datetime) -> datetime:
        """The start of the first piece that does not start before the moment."""
        return moment + (EPOCH - moment) % self.length


class Month:
    """UTC calendar months."""

    def floor(self, moment: datetime) -> datetime:
        """The month's first midnight."""
        return moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0)

    def ceiling(self, moment: datetime) -> datetime:
        """The first midnight of a month that does not start before the moment."""
        first = self.floor(moment)
        # 31 days on from a month's first day lie in the next month, whatever its length.
        return first if first == moment else self.floor(first + timedelta(days=31))


MINUTE = Fixed(timedelta(minutes=1))
QUARTER = Fixed(timedelta(minutes=15))
HOUR = Fixed(timedelta(hours=1))
DAY = Fixed(timedelta(days=1))
MONTH = Month()


class TimeRange(msgspec.Struct, frozen=True):
    """``[start, end)`` in UTC."""

    start: datetime = EPOCH
    end: datetime = LAST

    def nested(self, fine: "Grain", coarse: "Grain | None") -> "NestedSplit":
        """Which part a coarse rollup answers, which a fine one, and which raw rows do.

        Coarse grains are ``[coarse_start, coarse_end)``; fine ones go on to either side,
        ``[fine_start, coarse_start)`` and ``[coarse_end, fine_end)``; raw rows are the edges.
        Every coarse grain must begin with a fine one; None is no coarse rollup.
        """
        outer = self.split(fine)
        whole = TimeRange(outer.whole_start, outer.whole_end)
        inner = whole.split(coarse) if coarse else Split(whole.start, *[whole.end] * 3)
        return NestedSplit(
            outer.start,
            outer.whole_start,
            inner.whole_start,
            inner.whole_end,
            outer.whole_end,
            outer.end,
        )

    def split(self, grain: "Grain") -> "Split":
        """Which part of the range a rollup of this grain answers, and which raw rows do.

        Whole grains are ``[whole_start, whole_end)``; the edges ``[start, whole_start)`` and
        ``[whole_end, end)`` are left to raw rows. Without a whole grain inside, the first edge is
        the whole range.
        """
        whole_start, whole_end = grain.ceiling(self.start), grain.floor(self.end)
        if whole_start >= whole_end:
            return Split(self.start, self.end, self.end, self.end)
        return Split(self.start, whole_start, whole_end, self.end)


class Split(msgspec.Struct, frozen=True):
    """A range cut at the grain: two edges and what is between them."""

    start: datetime
    whole_start: datetime
    whole_end: datetime
    end: datetime

    def up_to(self, last: datetime) -> "Split":
        """The same range with no whole grain after ``last``, where one must begin or end."""
        if last <= self.whole_start:
            return Split(self.start, self.end, self.end, self.end)
        return Split(self.start, self.whole_start, min(self.whole_end, last), self.end)

    @property
    def has_whole(self) -> bool:
        """Whether there are whole grains."""
        return self.whole_start < self.whole_end

    @property
    def has_edges(self) -> bool:
        """Whether there is anything besides."""
        return self.start < self.whole_start or self.whole_end < self.end


class NestedSplit(msgspec.Struct, frozen=True):
    """A range cut at two grains, one within the other."""

    start: datetime
    fine_start: datetime
    coarse_start: datetime
    coarse_end: datetime
    fine_end: datetime
    end: datetime

    @property
    def has_coarse(self) -> bool:
        """Whether a coarse rollup has a part in it."""
        return self.coarse_start < self.coarse_end

    @property
    def has_fine(self) -> bool:
        """Whether a fine rollup has one."""
        return self.fine_start < self.coarse_start or self.coarse_end < self.fine_end

    @property
    def has_edges(self) -> bool:
        """Whether raw rows have one."""
        return self.start < self.fine_start or self.fine_end < self.end

    def parameters(self) -> dict[str, datetime]:
        """The bounds as endpoint queries take them."""
        return {
            "from_time": self.start,
            "fine_from": self.fine_start,
            "coarse_from": self.coarse_start,
            "coarse_to": self.coarse_end,
            "fine_to": self.fine_end,
            "to_time": self.end,
        }
