"""A range is shared between rollup and raw rows without gap or overlap."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse.time_ranges import DAY, EPOCH, HOUR, LAST, TimeRange

MOMENTS = st.integers(0, (LAST - EPOCH) // timedelta(microseconds=1)).map(
    lambda microseconds: EPOCH + timedelta(microseconds=microseconds)
)


@given(MOMENTS, MOMENTS, st.sampled_from([HOUR, DAY]))
def test_split_covers_the_range_once(one: datetime, other: datetime, grain: timedelta) -> None:
    start, end = sorted((one, other))
    split = TimeRange(start, end).split(grain)
    assert start == split.start <= split.whole_start <= split.whole_end <= split.end == end
    assert split.whole_start == split.whole_end or (
        (split.whole_start - EPOCH) % grain == (split.whole_end - EPOCH) % grain == timedelta(0)
    )
    if split.whole_start < split.whole_end:
        assert split.whole_start - start < grain
        assert end - split.whole_end < grain
    else:
        assert end - start < 2 * grain


@pytest.mark.parametrize("grain", [HOUR, DAY])
def test_an_open_range_needs_no_raw_rows(grain: timedelta) -> None:
    split = TimeRange().split(grain)
    assert (split.start, split.end) == (split.whole_start, split.whole_end) == (EPOCH, LAST)


def test_worked_example() -> None:
    at = datetime(2026, 3, 5, 10, 20, tzinfo=UTC)
    split = TimeRange(at, at + timedelta(hours=3)).split(HOUR)
    assert split.whole_start.hour == 11
    assert split.whole_end.hour == 13
