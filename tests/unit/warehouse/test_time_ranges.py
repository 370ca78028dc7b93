"""A range is shared between rollup and raw rows without gap or overlap."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse.time_ranges import (
    DAY,
    EPOCH,
    HOUR,
    LAST,
    MONTH,
    QUARTER,
    Grain,
    TimeRange,
)

MOMENTS = st.integers(0, (LAST - EPOCH) // timedelta(microseconds=1)).map(
    lambda microseconds: EPOCH + timedelta(microseconds=microseconds)
)


LONGEST = {QUARTER: timedelta(minutes=15), HOUR: timedelta(hours=1), DAY: timedelta(days=1)}


@given(MOMENTS, MOMENTS, st.sampled_from([QUARTER, HOUR, DAY, MONTH]))
def test_split_covers_the_range_once(one: datetime, other: datetime, grain: Grain) -> None:
    start, end = sorted((one, other))
    split = TimeRange(start, end).split(grain)
    assert start == split.start <= split.whole_start <= split.whole_end <= split.end == end
    longest = LONGEST.get(grain, timedelta(days=31))  # type: ignore[arg-type]
    if split.whole_start < split.whole_end:
        for moment in (split.whole_start, split.whole_end):
            assert grain.floor(moment) == grain.ceiling(moment) == moment
        assert split.whole_start - start < longest
        assert end - split.whole_end < longest
    else:
        assert end - start < 2 * longest


@given(MOMENTS, st.sampled_from([QUARTER, HOUR, DAY, MONTH]))
def test_a_moment_lies_in_one_piece(moment: datetime, grain: Grain) -> None:
    start, end = grain.floor(moment), grain.ceiling(moment)
    assert start <= moment <= end
    assert grain.floor(start) == grain.ceiling(start) == start
    assert (start == end) == (start == moment)
    assert start == end or grain.floor(end - timedelta(microseconds=1)) == start


@given(MOMENTS, MOMENTS, st.sampled_from([(QUARTER, HOUR), (HOUR, DAY), (DAY, MONTH)]))
def test_nested_parts_cover_the_range_once(
    one: datetime, other: datetime, grains: tuple[Grain, Grain]
) -> None:
    start, end = sorted((one, other))
    split, outer = TimeRange(start, end).nested(*grains), TimeRange(start, end).split(grains[0])
    cuts = [
        split.start,
        split.fine_start,
        split.coarse_start,
        split.coarse_end,
        split.fine_end,
        split.end,
    ]
    assert cuts == sorted(cuts)
    assert (cuts[0], cuts[-1]) == (start, end)
    assert (split.fine_start, split.fine_end) == (outer.whole_start, outer.whole_end)
    if split.coarse_start < split.coarse_end:
        assert grains[1].ceiling(split.fine_start) == split.coarse_start
        assert grains[1].floor(split.fine_end) == split.coarse_end


@pytest.mark.parametrize("grain", [HOUR, DAY, MONTH])
def test_an_open_range_needs_no_raw_rows(grain: Grain) -> None:
    split = TimeRange().split(grain)
    assert (split.start, split.end) == (split.whole_start, split.whole_end) == (EPOCH, LAST)


def test_months_by_example() -> None:
    split = TimeRange(
        datetime(2024, 1, 31, 12, tzinfo=UTC), datetime(2024, 4, 2, 1, 30, tzinfo=UTC)
    ).nested(DAY, MONTH)
    assert [split.fine_start, split.coarse_start, split.coarse_end, split.fine_end] == [
        datetime(2024, 2, 1, tzinfo=UTC),
        datetime(2024, 2, 1, tzinfo=UTC),
        datetime(2024, 4, 1, tzinfo=UTC),
        datetime(2024, 4, 2, tzinfo=UTC),
    ]


def test_worked_example() -> None:
    at = datetime(2026, 3, 5, 10, 20, tzinfo=UTC)
    split = TimeRange(at, at + timedelta(hours=3)).split(HOUR)
    assert split.whole_start.hour == 11
    assert split.whole_end.hour == 13
