"""Relays killed with SIGKILL, 50 in all, while bets go on: every bet arrives once, none twice."""

import asyncio
import random
import secrets

import asyncpg
import pytest
from clickhouse_connect.driver.client import Client

from tests.integration.warehouse.conftest import Stream
from tests.support.relay_process import RelayProcess, Stores, relay_process
from tests.support.traffic import assert_books_agree, live_traffic
from tests.support.world import World

KILLS_AT_A_POINT = 6
KILLS_AT_RANDOM = 50 - 3 * KILLS_AT_A_POINT
LONGEST_LIFE_SECONDS = 0.4


@pytest.fixture
def stores(stream: Stream, redis_url: str, clickhouse_url: str) -> Stores:
    return Stores(stream.dsn, redis_url, clickhouse_url)


async def unsent_batches(pool: asyncpg.Pool) -> int:
    return await pool.fetchval("SELECT count(*) FROM relay_batch WHERE sent_at IS NULL") or 0


@pytest.mark.parametrize("point", ["before insert", "before mark"])
async def test_killed_around_an_insert(
    point: str, world: World, stores: Stores, clickhouse_url: str, warehouse_client: Client
) -> None:
    """Each relay finds the batch of the one before it unsent, and dies on it as well."""
    async with live_traffic(world):
        for _ in range(KILLS_AT_A_POINT):
            relay = RelayProcess(stores, stop_at=point)
            await relay.wait_reached()
            assert await unsent_batches(world.owner) == 1
            await relay.kill()
    with relay_process(stores):
        assert await assert_books_agree(world, clickhouse_url, warehouse_client) > 0


async def test_killed_while_planning(
    world: World, stores: Stores, clickhouse_url: str, warehouse_client: Client
) -> None:
    """A lock lets the relay hold the newest batch and blocks it where it stores the next one."""
    blocked = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation='relay_batch'::regclass"
    async with live_traffic(world):
        for _ in range(KILLS_AT_A_POINT):
            async with world.owner.acquire() as connection, connection.transaction():
                await connection.execute("LOCK TABLE relay_batch IN SHARE MODE")
                relay = RelayProcess(stores)
                async with asyncio.timeout(30):
                    while not await world.owner.fetchval(blocked):  # noqa: ASYNC110
                        await asyncio.sleep(0.01)
                await relay.kill()
    with relay_process(stores):
        assert await assert_books_agree(world, clickhouse_url, warehouse_client) > 0


async def test_killed_at_random(
    world: World, stores: Stores, clickhouse_url: str, warehouse_client: Client
) -> None:
    """Wherever it is; the chunks are small, so that many a batch has several inserts."""
    seed = secrets.randbits(32)
    print(f"seed {seed}")
    chance = random.Random(seed)  # noqa: S311  it only picks moments
    left_unsent = 0
    async with live_traffic(world):
        for _ in range(KILLS_AT_RANDOM):
            relay = RelayProcess(stores, chunk_rows=chance.choice([5, 50, 20_000]))
            await asyncio.sleep(0.05 + chance.random() * LONGEST_LIFE_SECONDS)
            await relay.kill()
            left_unsent += await unsent_batches(world.owner)
    assert left_unsent > 0, f"seed {seed}: no relay died with a batch under way"
    with relay_process(stores):
        assert await assert_books_agree(world, clickhouse_url, warehouse_client) > 0, seed
