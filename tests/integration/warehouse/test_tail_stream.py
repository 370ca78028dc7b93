"""What the relay tells besides sending it, as a process reads it from Redis."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg
import msgspec
import pytest

from tests.integration.warehouse.conftest import Stream
from tests.support.outbox import bet_event, write
from warehouse import relay, watermark
from warehouse.buckets import Interval
from warehouse.client import Warehouse
from warehouse.filters import Filters
from warehouse.queries import game_figures
from warehouse.queries_overview import overview
from warehouse.tail import TailReader
from warehouse.tail_figures import Tail
from warehouse.tail_stream import TAIL_KEY
from warehouse.time_ranges import LAST, QUARTER, TimeRange
from warehouse.timelines import timeline
from warehouse.watermark import CATALOGUE, SETTLED_AFTER, Reading

LATER = timedelta(seconds=130)
"""By then whoever has begun to read has read for long enough."""


@pytest.fixture
async def reader(stream: Stream) -> AsyncIterator[TailReader]:
    await stream.redis.delete(TAIL_KEY)
    following = TailReader(stream.redis)
    following.start()
    yield following
    await following.stop()


class Playing:
    """Bets of one operator that happen later than they are written, by two minutes."""

    def __init__(self, stream: Stream, pool: asyncpg.Pool, operator_id: int) -> None:
        self._stream = stream
        self._pool = pool
        self._relay = stream.relay()
        self.operator_id = operator_id
        self.soon = datetime.now(UTC) + LATER

    async def relayed(self, *wagers: int) -> None:
        async with self._pool.acquire() as connection:
            for wager in wagers:
                event = bet_event(
                    operator_id=self.operator_id, wager=wager, created_at=self.soon, win=0
                )
                await write(connection, event)
        await self._stream.drain(self._relay)

    async def later(self) -> Reading:
        """The watermark as it will be when those bets are recent."""
        read = await watermark.read(self._stream.redis)
        assert read is not None
        as_of = self.soon + timedelta(seconds=1)
        return Reading(msgspec.structs.replace(read.mark, as_of=as_of), read.rebuilt)


class Counting(Warehouse):
    """Knows what it was asked."""

    def __init__(self, clickhouse_url: str) -> None:
        super().__init__(clickhouse_url)
        self.asked: list[str] = []

    async def _body(self, name: str, text: str, parameters: Any, fmt: str) -> bytes:
        self.asked.append(name)
        return await super()._body(name, text, parameters, fmt)


def wagered(tail: Tail | None) -> int | None:
    """What all bets of the tail come to; None without one."""
    if tail is None:
        return None
    return sum(sums["wager"] for _, sums in tail.by_game(TimeRange(), Filters(), ["wager"]))


async def test_a_report_is_the_same_and_asks_nothing(
    stream: Stream,
    ledger_pool: asyncpg.Pool,
    operator_id: int,
    reader: TailReader,
    clickhouse_url: str,
) -> None:
    playing, warehouse = Playing(stream, ledger_pool, operator_id), Counting(clickhouse_url)
    await playing.relayed()
    for wager in (1, 20, 300):
        await playing.relayed(wager, wager)
    read = await playing.later()
    tail = await reader.tail(read, operator_id)
    assert tail is not None
    assert tail.since <= read.as_of - SETTLED_AFTER
    period = TimeRange(tail.since, LAST)
    known = warehouse.knowing(read.past_of(operator_id), read.past_of(CATALOGUE), tail)
    expected = await game_figures(warehouse, operator_id, period, Filters())
    assert [game.wager for game in expected] == [642]
    for asked in (["games"], []):
        warehouse.asked.clear()
        assert await game_figures(known, operator_id, period, Filters()) == expected
        assert warehouse.asked == asked, "the catalogue, once"
    await warehouse.close()


async def test_an_overview_goes_on_with_what_comes(
    stream: Stream,
    ledger_pool: asyncpg.Pool,
    operator_id: int,
    reader: TailReader,
    clickhouse_url: str,
) -> None:
    """What is kept of a quarter of an hour that is not over has nothing of what the tail has."""
    playing, warehouse = Playing(stream, ledger_pool, operator_id), Warehouse(clickhouse_url)
    while QUARTER.floor(playing.soon) > playing.soon - timedelta(minutes=2):
        playing.soon += timedelta(minutes=1)
    await playing.relayed()
    start = playing.soon - timedelta(hours=3)
    utc = ZoneInfo("UTC")
    line = timeline(start, playing.soon, zone=utc, interval=Interval.HOUR, read_end=LAST)
    for wagered_so_far in (100, 200, 300):
        await playing.relayed(100)
        read = await playing.later()
        tail = await reader.tail(read, operator_id)
        assert tail is not None
        known = warehouse.knowing(read.past_of(operator_id), read.past_of(CATALOGUE), tail)
        report = await overview(known, operator_id, line, Filters(), [])
        assert report.current.figures.wager == wagered_so_far
        assert report == await overview(warehouse, operator_id, line, Filters(), [])
    await warehouse.close()


async def test_who_comes_later_reads_what_was_told_before(
    stream: Stream, ledger_pool: asyncpg.Pool, operator_id: int, reader: TailReader
) -> None:
    playing = Playing(stream, ledger_pool, operator_id)
    for wager in (4, 50, 600):
        await playing.relayed(wager)
    read = await playing.later()
    assert wagered(await reader.tail(read, operator_id)) == 654
    newcomer = TailReader(stream.redis)
    assert await newcomer.tail(read, operator_id) is None
    newcomer.start()
    await asyncio.sleep(0.2)
    assert wagered(await newcomer.tail(read, operator_id)) == 654
    await newcomer.stop()


async def test_a_batch_too_large_to_be_told_is_left_to_the_warehouse(
    stream: Stream,
    ledger_pool: asyncpg.Pool,
    operator_id: int,
    reader: TailReader,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(relay, "TOLD_ROWS", 3)
    playing = Playing(stream, ledger_pool, operator_id)
    await playing.relayed(1, 1, 1)
    assert wagered(await reader.tail(await playing.later(), operator_id)) == 3
    await playing.relayed(1, 1, 1, 1)
    read = await watermark.read(stream.redis)
    assert read is not None
    assert await reader.tail(read, operator_id) is None
    assert wagered(await reader.tail(await playing.later(), operator_id)) == 0, "from then on"


async def test_a_new_leader_tells_anew(
    stream: Stream, ledger_pool: asyncpg.Pool, operator_id: int, reader: TailReader
) -> None:
    before = Playing(stream, ledger_pool, operator_id)
    await before.relayed(5)
    old = await before.later()
    assert wagered(await reader.tail(old, operator_id)) == 5
    after = Playing(stream, ledger_pool, operator_id)
    await after.relayed(70)
    assert wagered(await reader.tail(await after.later(), operator_id)) == 70
    assert await reader.tail(old, operator_id) is None


async def test_a_batch_that_could_not_be_told_is_missed(
    stream: Stream, ledger_pool: asyncpg.Pool, operator_id: int, reader: TailReader
) -> None:
    playing = Playing(stream, ledger_pool, operator_id)
    await playing.relayed(5)
    read = await playing.later()
    assert wagered(await reader.tail(read, operator_id)) == 5
    await reader.stop()
    await playing.relayed(6)
    newest: Any = await stream.redis.xrevrange(TAIL_KEY, count=1)
    await stream.redis.xdel(TAIL_KEY, newest[0][0])
    reader.start()
    await playing.relayed(7)
    now = await watermark.read(stream.redis)
    assert now is not None
    assert await reader.tail(now, operator_id) is None
    assert wagered(await reader.tail(await playing.later(), operator_id)) == 7


async def test_a_leader_that_finds_nothing_to_send_tells_where_it_begins(
    stream: Stream, ledger_pool: asyncpg.Pool, operator_id: int, reader: TailReader
) -> None:
    await Playing(stream, ledger_pool, operator_id).relayed(1)
    playing = Playing(stream, ledger_pool, operator_id)
    await stream.redis.delete(TAIL_KEY)
    await playing.relayed()
    assert wagered(await reader.tail(await playing.later(), operator_id)) == 0
    assert await stream.redis.xlen(TAIL_KEY) == 1
    await playing.relayed()
    assert await stream.redis.xlen(TAIL_KEY) == 1, "once is enough"
    await playing.relayed(20)
    assert wagered(await reader.tail(await playing.later(), operator_id)) == 20


async def test_an_entry_that_cannot_be_read_is_passed_over(
    stream: Stream, ledger_pool: asyncpg.Pool, operator_id: int, reader: TailReader
) -> None:
    """One of another version, for example; what is told after it is followed all the same."""
    playing = Playing(stream, ledger_pool, operator_id)
    await playing.relayed(5)
    assert wagered(await reader.tail(await playing.later(), operator_id)) == 5
    entries: list[dict[Any, Any]] = [{"batch": b"nonsense"}, {"other": b""}]
    for entry in entries:
        await stream.redis.xadd(TAIL_KEY, entry)
    await playing.relayed(60)
    await playing.relayed(700)
    assert wagered(await reader.tail(await playing.later(), operator_id)) in (760, 765)
