"""With what is kept of the settled past, and with the tail, reports say the same as without."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg
import msgspec
import pytest
from redis.asyncio import Redis

from ledger.events import Topic
from tests.integration.warehouse.conftest import Stream
from tests.integration.warehouse.test_tail_stream import Counting
from tests.support.history import FIRST, History, play_history
from tests.support.history import LAST as LAST_PLAYED
from tests.support.outbox import bet_event, write
from tests.support.questions import Question, questions
from tests.support.world import World
from warehouse import queries, queries_exports, timelines, watermark
from warehouse.buckets import Interval
from warehouse.chunks import OutboxRow
from warehouse.client import UnboundQuery, Warehouse
from warehouse.filters import Filters
from warehouse.queries import KeyFigures, game_figures
from warehouse.queries_exports import stream_transactions
from warehouse.queries_overview import Overview, overview
from warehouse.queries_players import Sort, ranked_players
from warehouse.settled_past import KeptAnswers
from warehouse.tail import TailReader
from warehouse.tail_figures import Tail
from warehouse.tail_rows import packed
from warehouse.tail_stream import Batch
from warehouse.time_ranges import HOUR, LAST, TimeRange
from warehouse.timelines import timeline
from warehouse.watermark import CATALOGUE, SETTLED_AFTER, Past, Reading, Watermark

COUNT = 60
CUTS = 40
SORTS: list[Sort] = ["handle", "ggr", "win", "rtp", "bets"]


@pytest.fixture(scope="module")
async def history(world: World, stream: Stream) -> History:
    """Three months of two brands, in both stores."""
    played = await play_history(world)
    await stream.drain()
    return played


@pytest.fixture
async def warehouse(clickhouse_url: str) -> AsyncIterator[Warehouse]:
    """Reads as the API reads."""
    opened = Warehouse(clickhouse_url)
    yield opened
    await opened.close()


def knowing(warehouse: Warehouse, brand: int, settled: datetime) -> Warehouse:
    return warehouse.knowing(Past(brand, settled, "same"), Past(CATALOGUE, settled, "same"))


class Tails:
    """What a process would have at hand of the history at any moment of it."""

    def __init__(self, events: list[OutboxRow]) -> None:
        self._reader = TailReader(Redis())
        told = Batch(
            era="",
            batch_no=1,
            previous=None,
            after=FIRST - timedelta(days=1),
            as_of=FIRST,
            bets=packed(events, Topic.BETS),
            money=packed(events, Topic.TRANSACTIONS),
        )
        self._reader.add(told)

    async def at(self, brand: int, settled: datetime) -> Tail:
        as_of = settled + SETTLED_AFTER
        mark = Watermark(as_of=as_of, polled_at=as_of, batch_no=1)
        tail = await self._reader.tail(Reading(mark, ""), brand)
        assert tail is not None
        return tail


@pytest.fixture(scope="module")
async def tails(world: World, history: History) -> Tails:
    """Of the same events that were relayed."""
    rows = await world.owner.fetch("SELECT topic, payload FROM outbox")
    return Tails([OutboxRow(row["topic"], row["payload"].encode(), 0, FIRST) for row in rows])


async def in_every_way(
    warehouse: Warehouse, tails: Tails, brand: int, settled: datetime
) -> list[Warehouse]:
    """The warehouse for one who keeps what is settled, without and with the tail."""
    past, catalogue = Past(brand, settled, "same"), Past(CATALOGUE, settled, "same")
    tail = await tails.at(brand, settled)
    return [warehouse.knowing(past, catalogue), warehouse.knowing(past, catalogue, tail)]


def shown(report: Overview) -> list[object]:
    """All there is to see of an overview: what bets moved on liability is in that, if anywhere."""
    every = [report.current, report.previous, *(point.totals for point in report.points)]
    return [
        (
            total
            and msgspec.structs.replace(total, figures=queries.total([total.figures], KeyFigures))
        )
        for total in every
    ] + [point.start for point in report.points]


def as_time_passes(name: str, history: History) -> Iterator[tuple[Question, datetime, TimeRange]]:
    """Questions, each twice, what is settled then, and their periods, some of which are open.

    Few periods and limits, so that what was kept of one is asked for by others.
    """
    picked = Random(name)  # noqa: S311 - questions, not secrets
    asked = list(questions(name, COUNT // 3, history))
    for number in range(COUNT):
        settled = FIRST + (LAST_PLAYED - FIRST) * (number + 1) / COUNT
        question = picked.choice(asked)
        end = picked.choice([LAST, question.end, settled - timedelta(days=1)])
        if end > question.start:
            for _ in range(2):
                yield question, settled, TimeRange(question.start, end)


async def test_games(history: History, warehouse: Warehouse, tails: Tails) -> None:
    for question, settled, period in as_time_passes("kept games", history):
        brand, limits = question.brand, question.limits
        expected = await game_figures(warehouse, brand, period, limits)
        for known in await in_every_way(warehouse, tails, brand, settled):
            found = await game_figures(known, brand, period, limits)
            assert found == expected, (question, settled, known.tail)


async def test_rankings(history: History, warehouse: Warehouse, tails: Tails) -> None:
    for question, settled, period in as_time_passes("kept players", history):
        brand, limits = question.brand, question.limits
        sort = question.choice.choice(SORTS)
        expected = await ranked_players(warehouse, brand, period, limits, sort=sort, limit=20)
        for known in await in_every_way(warehouse, tails, brand, settled):
            found = await ranked_players(known, brand, period, limits, sort=sort, limit=20)
            assert found == expected, (question, settled, known.tail)


@pytest.mark.parametrize("many", [2, timelines.MANY_POINTS])
async def test_overviews(
    history: History,
    warehouse: Warehouse,
    tails: Tails,
    many: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(timelines, "MANY_POINTS", many)
    found_some = 0
    for question, settled, period in as_time_passes("kept overview", history):
        brand, limits = question.brand, question.limits
        shown_end = min(period.end, settled + timedelta(seconds=question.choice.randrange(7200)))
        if shown_end <= period.start:
            continue
        line = timeline(
            period.start,
            shown_end,
            zone=ZoneInfo(question.choice.choice(["UTC", "Asia/Kolkata", "America/Havana"])),
            read_end=period.end,
        )
        expected = await overview(warehouse, brand, line, limits, [])
        for known in await in_every_way(warehouse, tails, brand, settled):
            found = await overview(known, brand, line, limits, [])
            assert shown(found) == shown(expected), (question, settled, known.tail)
        found_some += expected.current.figures.bets > 0
    assert found_some >= COUNT / 4


async def test_periods_that_begin_or_end_about_where_the_tail_begins(
    history: History, warehouse: Warehouse, tails: Tails, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Open and closed, of microseconds and of weeks, in every interval."""
    monkeypatch.setattr(timelines, "MANY_POINTS", 2)
    found_some = 0
    picked = Random("cuts")  # noqa: S311 - questions, not secrets
    asked = list(questions("cuts", 20, history))
    for number in range(CUTS):
        question = picked.choice(asked)
        brand, limits = question.brand, question.limits
        moment = picked.choice(history.moments[20:])
        settled = moment + timedelta(seconds=picked.choice([0, 1e-6, 5, 59, 61, 1_000, 4_000]))
        start, end = sorted(settled + _about(picked) for _ in range(2))
        if number % 3 == 0:
            start = min(start, question.start)
        if start == end:
            continue
        period = TimeRange(start, LAST if number % 2 else end)
        zone = ZoneInfo(picked.choice(["UTC", "Asia/Kolkata", "America/Havana"]))
        interval = picked.choice(list(Interval)) if end - start < timedelta(hours=24) else None
        line = timeline(start, end, zone=zone, interval=interval, read_end=period.end)
        without = [
            shown(await overview(warehouse, brand, line, limits, [])),
            await game_figures(warehouse, brand, period, limits),
            await ranked_players(warehouse, brand, period, limits, limit=20),
        ]
        found_some += bool(without[1])
        for known in 2 * await in_every_way(warehouse, tails, brand, settled):
            found = [
                shown(await overview(known, brand, line, limits, [])),
                await game_figures(known, brand, period, limits),
                await ranked_players(known, brand, period, limits, limit=20),
            ]
            assert found == without, (question, settled, line, known.tail)
    assert found_some >= CUTS / 4


def _about(picked: Random) -> timedelta:
    """A way from a moment: nearly none, or up to a quarter of an hour, an hour or a day."""
    longest = picked.choice([0, 1e-6, 90, 900, 4_000, 90_000])
    return timedelta(seconds=picked.choice([longest, -longest, picked.uniform(-longest, longest)]))


async def test_the_past_of_one_operator_tells_nothing_of_another(
    history: History, warehouse: Warehouse
) -> None:
    one, other = history.brands[:2]
    with pytest.raises(UnboundQuery):
        await game_figures(knowing(warehouse, one, FIRST), other, TimeRange(), Filters())


async def reading(stream: Stream) -> Reading:
    read = await watermark.read(stream.redis)
    assert read is not None
    return read


async def test_a_late_row_is_told_and_counted(
    stream: Stream, ledger_pool: asyncpg.Pool, warehouse: Warehouse
) -> None:
    """A bet of two hours ago that is rolled back now, seen by one who had kept its hour."""
    relay, operator, other = stream.relay(), 4001, 4002
    long_ago = datetime.now(UTC) - timedelta(hours=2)
    bet = bet_event(operator_id=operator, created_at=long_ago)

    async def relayed(sign: int = 1, created_at: datetime = long_ago) -> Reading:
        event = bet_event(
            operator_id=operator,
            bet_id=bet.bet_id if sign == -1 else None,
            user_id=bet.user_id,
            sign=sign,
            wager=100,
            win=50,
            created_at=created_at,
        )
        async with ledger_pool.acquire() as connection:
            await write(connection, event)
        await stream.drain(relay)
        return await reading(stream)

    async def wagered(read: Reading) -> int:
        known = warehouse.knowing(read.past_of(operator), read.past_of(CATALOGUE))
        period = TimeRange(HOUR.floor(long_ago), HOUR.ceiling(long_ago))
        return sum(game.wager for game in await game_figures(known, operator, period, Filters()))

    first = await relayed()
    assert await wagered(first) == 100
    recent = await relayed(created_at=datetime.now(UTC))
    assert recent.past_of(operator).version == first.past_of(operator).version
    late = await relayed()
    assert late.past_of(operator).version != recent.past_of(operator).version
    assert late.past_of(other).version == recent.past_of(other).version
    assert await wagered(late) == 200
    assert await wagered(recent) == 100, "an older promise is still kept"
    assert await wagered(await relayed(sign=-1)) == 100


async def test_a_new_leader_begins_anew_and_so_does_who_makes_tables_again(
    stream: Stream, ledger_pool: asyncpg.Pool
) -> None:
    versions: list[str] = []
    for relay in (stream.relay(), stream.relay()):
        async with ledger_pool.acquire() as connection:
            await write(connection, bet_event(operator_id=4003, created_at=datetime.now(UTC)))
        await stream.drain(relay)
        versions.append((await reading(stream)).past_of(4003).version)
    await watermark.tell_rebuilt(stream.redis)
    versions.append((await reading(stream)).past_of(4003).version)
    assert len(set(versions)) == len(versions)


async def test_what_is_settled_lies_before_the_watermark(
    stream: Stream, ledger_pool: asyncpg.Pool
) -> None:
    async with ledger_pool.acquire() as connection:
        await write(connection, bet_event(operator_id=4004, user_id=UUID(int=1)))
    await stream.drain()
    read = await reading(stream)
    assert read.past_of(4004).settled == read.as_of - SETTLED_AFTER


async def test_a_registration_is_seen_at_once(
    world: World, stream: Stream, warehouse: Warehouse
) -> None:
    """Also by one who had kept that there was none."""
    brand = (await world.owner.fetchval("SELECT min(operator_id) FROM operator")) or 0
    start = datetime.now(UTC) - timedelta(days=1)
    relay = stream.relay()

    async def registered() -> tuple[int, Reading]:
        await stream.drain(relay)
        read = await reading(stream)
        known = warehouse.knowing(read.past_of(brand), read.past_of(CATALOGUE))
        line = timeline(start, datetime.now(UTC), zone=ZoneInfo("UTC"), read_end=LAST)
        report = await overview(known, brand, line, Filters(), [])
        return report.current.registrations or 0, read

    before, first = await registered()
    again, _ = await registered()
    await world.player(brand)
    after, then = await registered()
    assert (again, after) == (before, before + 1)
    assert then.past_of(brand).registered != first.past_of(brand).registered


async def test_an_export_takes_no_room_from_what_is_kept(
    history: History, clickhouse_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its pages are asked for once, and of a million bets they are more than there is room for."""
    monkeypatch.setattr(queries_exports, "PAGE_ROWS", 50)
    warehouse, brand = Counting(clickhouse_url), history.brands[0]
    warehouse._kept = KeptAnswers(max_bytes=100_000)
    known, period = knowing(warehouse, brand, LAST_PLAYED), TimeRange(FIRST, LAST_PLAYED)
    expected = await game_figures(known, brand, period, Filters())
    rows = stream_transactions(known, brand, period, Filters())
    assert sum([len(page) async for page, _ in rows]) > 200
    warehouse.asked.clear()
    assert await game_figures(known, brand, period, Filters()) == expected
    assert warehouse.asked == []
    await warehouse.close()
