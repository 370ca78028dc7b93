"""Half-open time ranges, and how a rollup and raw rows share one exactly."""

from datetime import UTC, datetime, timedelta

import msgspec

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LAST = datetime(2100, 1, 1, tzinfo=UTC)
"""Later than any row; an open end that both DateTime and Date columns can hold."""

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


class TimeRange(msgspec.Struct, frozen=True):
    """``[start, end)`` in UTC."""

    start: datetime = EPOCH
    end: datetime = LAST

    def split(self, grain: timedelta) -> "Split":
        """Which part of the range a rollup of this grain answers, and which raw rows do.

        Whole grains are ``[whole_start, whole_end)``; the edges ``[start, whole_start)`` and
        ``[whole_end, end)`` are left to raw rows. Without a whole grain inside, the first edge is
        the whole range.
        """
        whole_start = -_floor(-_since_epoch(self.start), grain)
        whole_end = _floor(_since_epoch(self.end), grain)
        if whole_start >= whole_end:
            return Split(self.start, self.end, self.end, self.end)
        return Split(
            self.start,
            EPOCH + timedelta(microseconds=whole_start),
            EPOCH + timedelta(microseconds=whole_end),
            self.end,
        )


class Split(msgspec.Struct, frozen=True):
    """A range cut at the grain: two edges and what is between them."""

    start: datetime
    whole_start: datetime
    whole_end: datetime
    end: datetime


def _since_epoch(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)


def _floor(microseconds: int, grain: timedelta) -> int:
    return microseconds - microseconds % (grain // timedelta(microseconds=1))
