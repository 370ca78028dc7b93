"""What an answer's ``as_of`` promises: everything committed before it is in the answer."""

import asyncio
import random
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from uuid import UUID

import asyncpg
from clickhouse_connect.driver.client import Client
from redis.asyncio import Redis

from api.freshness import provide_freshness
from api.stack.redis import EmbeddedRedis
from ledger.database import Role
from tests.integration.warehouse.conftest import Stream
from tests.support.arrivals import arrived, assert_exact, operator_totals
from tests.support.outbox import bet_event, write
from tests.support.relay_process import RelayProcess, Stores
from tests.support.world import World
from warehouse import watermark
from warehouse.raw_tables import RawTables

DISTURBED_SECONDS = 6.0
WRITERS = 4


class Committed:
    """Bets written to the outbox, each with a moment after its commit."""

    def __init__(self, pool: asyncpg.Pool, operator_id: int) -> None:
        self._pool = pool
        self._operator_id = operator_id
        self.bets: list[tuple[datetime, UUID]] = []

    async def write(self, open_seconds: float) -> None:
        """A transaction that stays open for so long after it has written."""
        event = bet_event(operator_id=self._operator_id)
        async with self._pool.acquire() as connection:
            async with connection.transaction():
                await write(connection, event)
                await asyncio.sleep(open_seconds)
            moment = await connection.fetchval("SELECT clock_timestamp()")
            assert moment is not None
            self.bets.append((moment, event.bet_id))

    def before(self, as_of: datetime) -> set[UUID]:
        """Committed for certain before that moment."""
        return {bet_id for moment, bet_id in self.bets if moment < as_of}


@asynccontextmanager
async def own_redis(folder: Path) -> AsyncIterator[tuple[EmbeddedRedis, Redis]]:
    """A Redis that a test may stop, with a client like the API's."""
    with EmbeddedRedis(folder) as server:
        async with Redis.from_url(
            server.url, socket_timeout=1, socket_connect_timeout=0.5
        ) as client:
            yield server, client


async def disturb(
    stores: Stores, redis: EmbeddedRedis, chance: random.Random, until: float
) -> None:
    """Relays are killed one after the other; Redis is away for a third of the time."""
    loop = asyncio.get_running_loop()
    round_no = 0
    while loop.time() < until:
        round_no += 1
        relay = RelayProcess(stores, chunk_rows=chance.choice([3, 20_000]))
        if round_no % 3 == 0:
            await asyncio.to_thread(redis.stop)
        await asyncio.sleep(0.5 + chance.random() * 1.5)
        if round_no % 3 == 0:
            await asyncio.to_thread(redis.start)
            await asyncio.sleep(0.3)
        await relay.kill()


async def test_as_of_is_true_whatever_fails(
    world: World,
    stream: Stream,
    ledger_pool: asyncpg.Pool,
    warehouse_client: Client,
    clickhouse_url: str,
    operator_id: int,
    tmp_path: Path,
) -> None:
    """``as_of`` is read as the API does, then the warehouse."""
    seed = secrets.randbits(32)
    print(f"seed {seed}")
    chance = random.Random(seed)  # noqa: S311  it only picks moments
    committed = Committed(ledger_pool, operator_id)
    until = asyncio.get_running_loop().time() + DISTURBED_SECONDS

    async def writer() -> None:
        while asyncio.get_running_loop().time() < until:
            await committed.write(chance.choice([0, 0.001, 0.01, 0.3, 1.5]))

    async with own_redis(tmp_path) as (redis, client):
        stores = Stores(stream.dsn, redis.url, clickhouse_url)
        disturbing = asyncio.create_task(disturb(stores, redis, chance, until))
        writers = [asyncio.create_task(writer()) for _ in range(WRITERS)]
        promises = 0
        while not disturbing.done():
            freshness = await provide_freshness(client, {Role.APP: world.pools[Role.APP]})
            promised = committed.before(freshness.as_of)
            present = await asyncio.to_thread(arrived, warehouse_client, operator_id)
            assert promised <= set(present), f"seed {seed}"
            totals = await asyncio.to_thread(operator_totals, warehouse_client, operator_id)
            assert min(bets for bets, _ in totals.values()) >= len(promised), f"seed {seed}"
            promises = max(promises, len(promised))
            await asyncio.sleep(0.005)
        await disturbing
        await asyncio.gather(*writers)
    assert promises > len(committed.bets) // 4, f"seed {seed}: hardly anything was promised"
    await stream.drain()
    assert_exact(warehouse_client, operator_id, len(committed.bets), 100 * len(committed.bets))


async def test_the_watermark_is_true(
    stream: Stream, ledger_pool: asyncpg.Pool, warehouse_client: Client, operator_id: int
) -> None:
    """Writers commit all the while; whatever was committed before as_of must be readable."""
    relay = stream.relay(RawTables(stream.tables.clickhouse_url))
    task = asyncio.create_task(relay.run())
    committed: list[tuple[datetime, UUID]] = []

    async def writer() -> None:
        async with ledger_pool.acquire() as connection:
            for number in range(40):
                event = bet_event(operator_id=operator_id)
                async with connection.transaction():
                    await write(connection, event)
                    await asyncio.sleep(number % 7 * 0.003)
                moment = await connection.fetchval("SELECT clock_timestamp()")
                assert moment is not None
                committed.append((moment, event.bet_id))

    writers = [asyncio.create_task(writer()) for _ in range(4)]
    checks = 0
    while not all(task.done() for task in writers) or checks < 5:
        mark = await watermark.read(stream.redis)
        present = set(arrived(warehouse_client, operator_id))
        if mark is not None:
            promised = {bet_id for moment, bet_id in committed if moment < mark.as_of}
            assert promised <= present
            checks += 1
        await asyncio.sleep(0.01)
    await asyncio.gather(*writers)
    relay.stop()
    await task
    await stream.drain()
    assert_exact(warehouse_client, operator_id, 160, 16000)


async def test_why_the_watermark_is_now_and_not_statement_timestamp(
    ledger_pool: asyncpg.Pool,
) -> None:
    """Bind takes the snapshot, Execute sets statement_timestamp() anew: it may be later."""
    async with ledger_pool.acquire() as reader, ledger_pool.acquire() as other:
        async with reader.transaction():
            cursor = await reader.cursor(
                "SELECT now(), statement_timestamp(), pg_current_snapshot()::text"
            )
            committed_xid = await other.fetchval("SELECT pg_current_xact_id()")
            committed_at = await other.fetchval("SELECT clock_timestamp()")
            row = await cursor.fetchrow()
        assert row is not None
        visible = await other.fetchval(
            "SELECT pg_visible_in_snapshot($1, $2::text::pg_snapshot)", committed_xid, row[2]
        )
        assert not visible
        assert row[0] < committed_at < row[1]
