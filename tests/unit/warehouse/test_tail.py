"""A reader's tail has every row from a full minute on, or says that it has not."""

import zlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.asyncio import Redis

from ledger.events import BetEvent, Topic, encode
from tests.support.outbox import bet_event, deposit_event
from warehouse import tail as tail_module
from warehouse.chunks import OutboxRow
from warehouse.filters import Filters
from warehouse.tail import KEPT, TailReader
from warehouse.tail_figures import Tail
from warehouse.tail_rows import packed
from warehouse.tail_stream import TOLD, Batch
from warehouse.time_ranges import LAST, MINUTE, TimeRange
from warehouse.watermark import SETTLED_AFTER, Reading, Watermark

NOON = datetime(2026, 3, 5, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def rows(events: Sequence[Any]) -> list[OutboxRow]:
    return [
        OutboxRow(
            Topic.BETS if isinstance(event, BetEvent) else Topic.TRANSACTIONS,
            encode(event).encode(),
            event.operator_id,
            NOON,
        )
        for event in events
    ]


class Told:
    """A relay that tells a batch whenever it is asked to; times are seconds after noon."""

    def __init__(self, era: str = "era") -> None:
        self.era = era
        self.batch_no = 0
        self.as_of = NOON

    def batch(self, at: float, *events: Any, follows: bool = True) -> Batch:
        before, self.as_of = self.as_of, NOON + at * SECOND
        self.batch_no += 1
        told = rows(events)
        return Batch(
            era=self.era,
            batch_no=self.batch_no,
            previous=self.batch_no - 1 if follows else None,
            after=before if follows else self.as_of,
            as_of=self.as_of,
            bets=packed(told, Topic.BETS),
            money=packed(told, Topic.TRANSACTIONS),
        )

    def reading(self, at: float | None = None) -> Reading:
        as_of = self.as_of if at is None else NOON + at * SECOND
        mark = Watermark(as_of=as_of, polled_at=as_of, batch_no=self.batch_no, era=self.era)
        return Reading(mark, "")


@pytest.fixture
def reader() -> TailReader:
    return TailReader(Redis())  # not connected: it is given what it would read


def bet(at: float, wager: int = 100, **fields: Any) -> BetEvent:
    return bet_event(wager=wager, created_at=NOON + at * SECOND, **fields)


def wagers(tail: Tail | None, since: float = 0) -> int:
    assert tail is not None
    period = TimeRange(NOON + since * SECOND, LAST)
    return sum(sums["wager"] for _, sums in tail.by_game(period, Filters(), ["wager"]))


async def test_it_is_told_from_the_second_minute_on(reader: TailReader) -> None:
    relay = Told()
    for at in range(1, 200):
        reader.add(relay.batch(at, bet(at - 0.5)))
        tail = await reader.tail(relay.reading(), 1)
        # A bet of up to half a minute before the first batch may have come earlier.
        settled = MINUTE.floor(relay.as_of - SETTLED_AFTER)
        if settled < NOON + SETTLED_AFTER:
            assert tail is None
            continue
        assert tail is not None
        assert tail.since == settled
        since = (tail.since - NOON) / SECOND
        assert wagers(tail, since) == 100 * (at - since)


async def test_rows_of_others_are_not_told(reader: TailReader) -> None:
    relay = Told()
    reader.add(relay.batch(1))
    reader.add(relay.batch(90, bet(80, operator_id=1), bet(80, operator_id=2, wager=7)))
    assert wagers(await reader.tail(relay.reading(), 1)) == 100
    assert wagers(await reader.tail(relay.reading(), 2)) == 7
    assert wagers(await reader.tail(relay.reading(), 3)) == 0


async def test_after_a_batch_that_was_missed_it_begins_anew(reader: TailReader) -> None:
    relay = Told()
    reader.add(relay.batch(1, bet(1)))
    reader.add(relay.batch(100, bet(99)))
    assert wagers(await reader.tail(relay.reading(), 1), 60) == 100
    relay.batch(101, bet(100))
    reader.add(relay.batch(102, bet(101)))
    assert await reader.tail(relay.reading(), 1) is None
    reader.add(relay.batch(161, bet(135)))
    assert await reader.tail(relay.reading(at=191), 1) is None
    assert wagers(await reader.tail(relay.reading(at=211), 1), 132) == 100


@pytest.mark.parametrize("era", ["era", "another"])
async def test_what_does_not_follow_ends_what_was_told(reader: TailReader, era: str) -> None:
    relay = Told()
    reader.add(relay.batch(1))
    reader.add(relay.batch(100, bet(99)))
    relay.era = era
    reader.add(relay.batch(101, follows=False))
    assert await reader.tail(relay.reading(), 1) is None
    assert wagers(await reader.tail(relay.reading(at=211), 1)) == 0


async def test_another_era_than_the_watermark_s_says_nothing(reader: TailReader) -> None:
    relay = Told()
    reader.add(relay.batch(1))
    reader.add(relay.batch(100))
    assert await reader.tail(relay.reading(), 1) is not None
    relay.era = "another"
    assert await reader.tail(relay.reading(), 1) is None


async def test_a_batch_told_twice_counts_once(reader: TailReader) -> None:
    relay = Told()
    reader.add(relay.batch(1))
    again = relay.batch(100, bet(99))
    for _ in range(3):
        reader.add(again)
    reader.add(relay.batch(101))
    assert wagers(await reader.tail(relay.reading(), 1)) == 100


async def test_a_batch_on_its_way_is_waited_for_a_moment(reader: TailReader) -> None:
    relay = Told()
    reader.add(relay.batch(1))
    reader.add(relay.batch(100))
    relay.batch(101, bet(100))
    assert await reader.tail(relay.reading(), 1) is None


async def test_who_is_told_nothing_is_waited_for_once(reader: TailReader) -> None:
    """A batch that was not told is not on its way, however many ask before the next one."""
    relay = Told()
    reader.add(relay.batch(1))
    reader.add(relay.batch(100))
    relay.batch(101, bet(100))
    began = monotonic()
    for _ in range(10):
        assert await reader.tail(relay.reading(), 1) is None
    assert monotonic() - began < 0.3


async def test_half_of_a_batch_is_not_all_of_it(reader: TailReader) -> None:
    relay = Told()
    reader.add(relay.batch(1))
    reader.add(relay.batch(100, bet(99)))
    cut_off = msgspec.structs.replace(relay.batch(101, bet(100)), bets=b"half a row")
    with pytest.raises(zlib.error):
        reader.add(cut_off)
    tail = await reader.tail(relay.reading(), 1)
    assert tail is None or wagers(tail) == 200


async def test_what_was_given_does_not_change(reader: TailReader) -> None:
    relay = Told()
    reader.add(relay.batch(1))
    reader.add(relay.batch(100, bet(99)))
    before = await reader.tail(relay.reading(), 1)
    for _ in range(3):
        reader.add(relay.batch(101, *(bet(100) for _ in range(700))))
    assert wagers(before) == 100
    assert wagers(await reader.tail(relay.reading(), 1)) == 100 + 2100 * 100


async def test_old_rows_make_room_and_new_ones_stay(reader: TailReader) -> None:
    """Bets of an hour, some of which come late, never take more room than those of minutes."""
    relay = Told()
    every: list[BetEvent] = []
    for at in range(1, 3600, 5):
        events = [bet(at - 1 - 7 * (number % 4)) for number in range(20)]
        every += events
        reader.add(relay.batch(at, *events))
        tail = await reader.tail(relay.reading(), 1)
        if tail is not None:
            since = (tail.since - NOON) / SECOND
            told = msgspec.json.encode(tail.since)[1:20].decode()
            assert wagers(tail, since) == 100 * sum(bet.created_at[:19] >= told for bet in every)
            assert len(tail.bets["moment"]) < 5_000
            assert len(tail.players.keys) < 5_000


def test_redis_keeps_what_a_new_reader_needs() -> None:
    assert TOLD >= SETTLED_AFTER + KEPT
    assert SETTLED_AFTER + timedelta(minutes=1) < KEPT


BETS = st.lists(
    st.builds(
        bet,
        at=st.integers(0, 100),
        wager=st.integers(0, 10**6),
        win=st.integers(0, 10**6),
        jackpot=st.sampled_from([0, 0, 5]),
        sign=st.sampled_from([1, 1, -1]),
        game_id=st.integers(1, 3),
        is_bot=st.integers(0, 1),
        user_id=st.uuids(),
    ),
    max_size=30,
)
POINTS = st.lists(st.integers(0, 120), min_size=1, unique=True).map(sorted)


@given(BETS, POINTS, st.integers(0, 120), st.integers(0, 120), st.booleans())
async def test_sums_are_those_of_the_bets(
    bets: list[BetEvent], points: list[int], one: int, other: int, include_bots: bool
) -> None:
    relay, reader = Told(), TailReader(Redis())
    reader.add(relay.batch(1, follows=False))
    reader.add(relay.batch(2, *bets))
    tail = await reader.tail(relay.reading(at=91), 1)
    assert tail is not None
    start, end = sorted((NOON + one * SECOND, NOON + other * SECOND))
    shown = [
        event
        for event in bets
        if start <= datetime.fromisoformat(event.created_at) < end
        and (include_bots or not event.is_bot)
    ]
    filters, names = Filters(include_bots=include_bots), ("bets", "wager", "win", "jackpot_hits")

    def expected(key: Any) -> dict[Any, list[int]]:
        found: dict[Any, list[int]] = {}
        for event in shown:
            sums = found.setdefault(key(event), [0, 0, 0, 0])
            hit = event.sign if event.jackpot else 0
            for place, amount in enumerate((event.sign, event.wager, event.win, hit)):
                sums[place] += amount
        return found

    def found(answer: Any) -> dict[Any, list[int]]:
        return {key: [sums[name] for name in names] for key, sums in answer}

    def point_of(event: BetEvent) -> datetime:
        moment = datetime.fromisoformat(event.created_at)
        before = [point for point in points if NOON + point * SECOND <= moment]
        return NOON + (before[-1] if before else points[0]) * SECOND

    period = TimeRange(start, end)
    assert found(tail.by_game(period, filters, names)) == expected(lambda event: event.game_id)
    players = {event.user_id for event in shown[::2]}
    by_player = expected(lambda event: event.user_id)
    assert found(tail.by_player(period, filters, players, names)) == {
        player: by_player[player] for player in players
    }
    micros = [round((NOON + point * SECOND).timestamp() * 1_000_000) for point in points]
    by_point = found(tail.bets_by_point(period, micros, filters, None, names))
    assert by_point == {
        round(point.timestamp() * 1_000_000): sums for point, sums in expected(point_of).items()
    }
    on_one = found(tail.bets_by_point(period, micros, filters, [2], names))
    shown = [event for event in shown if event.game_id == 2]
    assert on_one == {
        round(point.timestamp() * 1_000_000): sums for point, sums in expected(point_of).items()
    }


async def test_payments_count_when_they_happen(reader: TailReader) -> None:
    relay = Told()
    reader.add(relay.batch(1))
    paid = deposit_event(event_no=2, status="COMPLETED", occurred_at=NOON + 80 * SECOND)
    steps = [
        deposit_event(occurred_at=NOON + 80 * SECOND),
        msgspec.structs.replace(paid, first_deposit=1, liability_delta=5000),
        msgspec.structs.replace(paid, status="REVERSED", amount=700),
        msgspec.structs.replace(paid, kind="WITHDRAWAL", amount=300),
        msgspec.structs.replace(paid, kind="BONUS", status="GRANTED", amount=90),
        msgspec.structs.replace(paid, kind="BONUS", status="EXPIRED", amount=20),
        msgspec.structs.replace(paid, kind="BONUS", status="COMPLETED", amount=70),
        msgspec.structs.replace(paid, is_bot=1),
    ]
    reader.add(relay.batch(100, *steps))
    tail = await reader.tail(relay.reading(), 1)
    assert tail is not None
    names = ("deposits", "deposit_count", "first_deposits", "withdrawals", "bonus_cost")
    point = round(NOON.timestamp() * 1_000_000)
    [(_, sums)] = tail.money_by_point(TimeRange(), [point], names, include_bots=False)
    assert sums == {
        "deposits": 4300,
        "deposit_count": 0,
        "first_deposits": 1,
        "withdrawals": 300,
        "bonus_cost": 70,
    }


async def test_more_than_is_added_up_soon_is_left_to_the_engine(
    reader: TailReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tail_module, "MAX_ROWS", 3)
    relay = Told()
    reader.add(relay.batch(1))
    reader.add(relay.batch(59, *(bet(58) for _ in range(10))))  # there, but not asked for any more
    reader.add(relay.batch(100, *(bet(99) for _ in range(3)), bet(99, operator_id=2)))
    assert wagers(await reader.tail(relay.reading(), 1), 60) == 300
    reader.add(relay.batch(101, bet(100)))
    assert await reader.tail(relay.reading(), 1) is None
    assert wagers(await reader.tail(relay.reading(), 2)) == 100
