"""A period is cut without gap or overlap, and answers are kept for as long as they hold."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse.settled_past import ROW_BYTES, KeptAnswers, Piece, pieces, settled_and_recent
from warehouse.time_ranges import DAY, HOUR, MINUTE, QUARTER, Grain, TimeRange
from warehouse.watermark import Past

START = datetime(2026, 10, 1, tzinfo=UTC)
MOMENTS = st.integers(0, 40 * 24 * 3600 * 1000).map(lambda ms: START + timedelta(milliseconds=ms))
Cut = Callable[[TimeRange, Past, Grain], list[Piece]]
MORNING = Past(1, datetime(2026, 11, 3, 9, 40, 10, tzinfo=UTC), "era:1")


@given(
    MOMENTS,
    MOMENTS,
    MOMENTS,
    st.sampled_from([QUARTER, HOUR]),
    st.booleans(),
    st.sampled_from([pieces, settled_and_recent]),
)
def test_pieces_are_the_period(
    one: datetime, other: datetime, settled: datetime, finest: Grain, has_tail: bool, cut: Cut
):
    start, end = sorted((one, other))
    tail_from = MINUTE.floor(settled) if has_tail else None
    found = cut(TimeRange(start, end), Past(1, settled, "", tail_from=tail_from), finest)
    assert (found[0].range.start, found[-1].range.end) == (start, end)
    assert all(before.range.end == after.range.start for before, after in pairwise(found))
    assert all(piece.range.end <= settled for piece in found if not piece.recent)
    assert not any(piece.recent for piece in found[:-1])
    if found[-1].recent and found[-1].range.start != start:
        assert settled - found[-1].range.start <= timedelta(hours=1)
    if found[-1].recent and tail_from is not None:
        assert found[-1].range.start >= tail_from
        cuts = [piece.range.start for piece in found[1:-1]]
        assert all(QUARTER.floor(cut) == cut for cut in cuts), "kept for a quarter of an hour"


def test_an_open_period_is_cut_where_it_stays_the_same() -> None:
    start, end = datetime(2026, 10, 1, 12, 30, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
    bounds = [
        start,
        datetime(2026, 10, 2, tzinfo=UTC),
        datetime(2026, 11, 3, tzinfo=UTC),
        datetime(2026, 11, 3, 9, tzinfo=UTC),
        end,
    ]
    assert [piece.range for piece in pieces(TimeRange(start, end), MORNING)] == [
        TimeRange(*pair) for pair in pairwise(bounds)
    ]


def test_nothing_is_cut_without_a_past() -> None:
    period = TimeRange(START, DAY.ceiling(START + timedelta(days=3)))
    assert pieces(period, None) == [Piece(period)]


async def test_an_answer_is_kept_for_its_operator_and_version() -> None:
    kept = KeptAnswers()
    kept.keep(MORNING, "question", [1])
    assert kept.get(Past(1, MORNING.settled + timedelta(days=1), "era:1"), "question") == [1]
    assert kept.get(Past(2, MORNING.settled, "era:1"), "question") is None
    assert kept.get(Past(1, MORNING.settled, "era:2"), "question") is None


async def test_those_who_ask_at_once_ask_together_and_one_may_leave() -> None:
    kept, asked, go_on = KeptAnswers(), 0, asyncio.Event()

    async def ask() -> list[int]:
        nonlocal asked
        asked += 1
        await go_on.wait()
        return [7]

    callers = [asyncio.create_task(kept.recall(MORNING, "q", ask)) for _ in range(3)]
    await asyncio.sleep(0)
    callers[0].cancel()
    go_on.set()
    answers = await asyncio.gather(*callers, return_exceptions=True)
    assert isinstance(answers[0], asyncio.CancelledError)
    assert answers[1:] == [[7], [7]]
    assert await kept.recall(MORNING, "q", ask) == [7]
    assert asked == 1


async def test_a_failure_is_told_to_all_and_not_kept() -> None:
    kept = KeptAnswers()

    async def fail() -> list[int]:
        await asyncio.sleep(0)
        raise ValueError("away")

    answers = await asyncio.gather(
        *(kept.recall(MORNING, "q", fail) for _ in range(2)), return_exceptions=True
    )
    assert [type(answer) for answer in answers] == [ValueError, ValueError]

    async def answer() -> list[int]:
        return []

    assert await kept.recall(MORNING, "q", answer) == []


async def test_what_was_asked_for_long_ago_makes_room() -> None:
    kept = KeptAnswers(max_bytes=4 * 2 * ROW_BYTES)
    for number in range(4):
        kept.keep(MORNING, number, [number])
    assert kept.get(MORNING, 0) == [0]
    kept.keep(MORNING, 4, [4])
    assert [kept.get(MORNING, number) for number in range(5)] == [[0], None, [2], [3], [4]]
    kept.keep(MORNING, "large", list(range(100)))
    assert kept.get(MORNING, "large") is None


@pytest.mark.parametrize("empty", [[], ()])
async def test_an_empty_answer_is_an_answer(empty: list[int]) -> None:
    kept = KeptAnswers()
    kept.keep(MORNING, "q", empty)
    assert kept.get(MORNING, "q") == empty
