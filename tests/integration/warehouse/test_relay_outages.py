"""ClickHouse killed 20 times in the middle of inserts and away for a while, leaders that stop and
wake, transactions that stay open: every bet arrives once, and only those concerned wait."""

import asyncio
import random
import secrets
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import clickhouse_connect
import pytest
from clickhouse_connect.driver.client import Client

from api.stack.postgres import EmbeddedPostgres
from tests.integration.warehouse.conftest import Stream
from tests.support.gateway import GatewayProcess, start_gateway
from tests.support.outbox import bet_event, write
from tests.support.relay_process import RelayProcess, Stores, relay_process
from tests.support.traffic import assert_books_agree, live_traffic
from tests.support.world import World
from warehouse.migrate import upgrade

GATEWAY_KILLS = 20
AWAY_SECONDS = 4.0
OPEN_SECONDS = 4.0
LONGEST_WAIT_SECONDS = 1.0

# How long a row waited to be planned while the relay was free: from its transaction's start, or
# from the end of the batch before if that was later. $1 is the transaction that is held open.
LONGEST_WAIT = """
SELECT max(extract(epoch FROM planned.planned_at - greatest(o.created_at, planned.free_at)))
FROM outbox AS o, LATERAL (
    SELECT b.planned_at, before.sent_at AS free_at
    FROM relay_batch AS b JOIN relay_batch AS before ON before.batch_no = b.batch_no - 1
    WHERE pg_visible_in_snapshot(o.xid, b.snapshot) ORDER BY b.batch_no LIMIT 1
) AS planned
WHERE o.xid <> $1::xid8 AND o.created_at >= $2
"""


class OwnGateway:
    """A gateway that this module may kill; it comes back on the same port with its data."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.process: GatewayProcess = start_gateway(path)
        self.url = f"{self.process.clickhouse_url}_kills"
        upgrade(self.url)

    def kill(self) -> None:
        self.process.kill()

    def start(self) -> None:
        self.process = start_gateway(self._path, port=self.process.port)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnGateway]:
    own = OwnGateway(tmp_path_factory.mktemp("killed"))
    yield own
    own.process.stop()


@pytest.fixture(scope="module")
def clickhouse_url(gateway: OwnGateway) -> str:
    return gateway.url


@pytest.fixture
def client(gateway: OwnGateway) -> Iterator[Client]:
    with clickhouse_connect.get_client(dsn=gateway.url, autogenerate_session_id=False) as opened:
        yield opened


@pytest.fixture
def stores(stream: Stream, redis_url: str, gateway: OwnGateway) -> Stores:
    return Stores(stream.dsn, redis_url, gateway.url)


async def sent_rows(pool: asyncpg.Pool) -> int:
    return await pool.fetchval(
        "SELECT coalesce(sum(row_count), 0)::bigint FROM relay_batch WHERE sent_at IS NOT NULL"
    )


async def until_sent_more(pool: asyncpg.Pool) -> None:
    """Wait until the relay has got on."""
    before = await sent_rows(pool)
    async with asyncio.timeout(60):
        while await sent_rows(pool) == before:  # noqa: ASYNC110  the other side is a process
            await asyncio.sleep(0.01)


async def test_gateway_killed_in_the_middle_of_inserts(
    world: World, stores: Stores, gateway: OwnGateway, client: Client
) -> None:
    seed = secrets.randbits(32)
    print(f"seed {seed}")
    chance = random.Random(seed)  # noqa: S311  it only picks moments
    under_way = 0
    with relay_process(stores):
        async with live_traffic(world):
            for _ in range(GATEWAY_KILLS):
                await until_sent_more(world.owner)
                await asyncio.sleep(chance.random() * 0.1)
                gateway.kill()
                under_way += await world.owner.fetchval(
                    "SELECT count(*) FROM relay_batch WHERE sent_at IS NULL"
                )
                await asyncio.to_thread(gateway.start)
        assert await assert_books_agree(world, gateway.url, client) > 0, seed
    assert under_way > 0, f"seed {seed}: no kill met a batch under way"


async def test_clickhouse_away_until_a_backlog_has_grown(
    world: World, stores: Stores, gateway: OwnGateway, client: Client
) -> None:
    """The relay's pauses have grown to their limit by then; it comes back by itself."""
    with relay_process(stores):
        async with live_traffic(world):
            await until_sent_more(world.owner)
            gateway.kill()
            before = await sent_rows(world.owner)
            await asyncio.sleep(AWAY_SECONDS)
            assert await sent_rows(world.owner) == before
            await asyncio.to_thread(gateway.start)
        assert await assert_books_agree(world, gateway.url, client) > 0
        largest = await world.owner.fetchval("SELECT max(row_count) FROM relay_batch")
        assert largest > 200


@asynccontextmanager
async def open_transaction(pool: asyncpg.Pool, operator_id: int) -> AsyncIterator[int]:
    """A transaction that has written a row and stays open; it is rolled back. Its xid."""
    async with pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await write(connection, bet_event(operator_id=operator_id))
        yield await connection.fetchval("SELECT pg_current_xact_id()")
        await transaction.rollback()


async def test_open_transactions_delay_nobody(
    world: World,
    postgres: EmbeddedPostgres,
    stores: Stores,
    gateway: OwnGateway,
    client: Client,
) -> None:
    """One in this database and one in another of the same server."""
    elsewhere = await asyncpg.connect(postgres.url_of("postgres"))
    try:
        with relay_process(stores):
            await until_sent_more_after_a_bet(world)
            began = await world.owner.fetchval("SELECT now()")
            async with elsewhere.transaction():
                await elsewhere.execute("SELECT pg_current_xact_id()")
                async with (
                    open_transaction(world.owner, world.operators[0]) as xid,
                    live_traffic(world, pause_seconds=0.02),
                ):
                    await asyncio.sleep(OPEN_SECONDS)
                    waited = await world.owner.fetchval(LONGEST_WAIT, xid, began)
            assert 0 < waited < LONGEST_WAIT_SECONDS
            assert await assert_books_agree(world, gateway.url, client) > 0
    finally:
        await elsewhere.close()


async def until_sent_more_after_a_bet(world: World) -> None:
    """Wait until the relay streams."""
    waiting = asyncio.create_task(until_sent_more(world.owner))
    await asyncio.sleep(0)
    await world.player(balance=100)
    await waiting


async def test_leaders_that_stop_and_wake(
    world: World, stores: Stores, gateway: OwnGateway, client: Client
) -> None:
    """Leadership goes round under traffic: by a lost connection, by a relay that is stopped until
    the server has given its lock away, and that still believes to lead when it wakes."""
    leader = (
        "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND database = "
        "(SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    with relay_process(stores) as first, relay_process(stores) as second:
        async with live_traffic(world, pause_seconds=0.005):
            await until_sent_more(world.owner)
            for stopped in (first, second, first, second):
                stopped.signal(signal.SIGSTOP)
                await asyncio.sleep(0.1)
                held_by = await world.owner.fetchval(leader)
                await world.owner.execute("SELECT pg_terminate_backend($1)", held_by)
                await until_sent_more(world.owner)
                stopped.signal(signal.SIGCONT)
                await until_sent_more(world.owner)
        assert await assert_books_agree(world, gateway.url, client) > 0


async def test_two_relays_that_both_believe_to_lead(
    world: World, stores: Stores, gateway: OwnGateway, client: Client
) -> None:
    """A stopped leader wakes in the middle of a batch that its successor has sent meanwhile."""
    async with live_traffic(world, pause_seconds=0.005):
        for _ in range(3):
            stopped = RelayProcess(stores, stop_at="before insert")
            await stopped.wait_reached()
            stopped.signal(signal.SIGSTOP)
            await world.owner.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE application_name = 'pitboss_relay' AND datname = current_database()"
            )
            with relay_process(stores):
                await until_sent_more(world.owner)
                stopped.go_on()
                stopped.signal(signal.SIGCONT)
                await until_sent_more(world.owner)
                await until_sent_more(world.owner)
            stopped.end()
    with relay_process(stores):
        assert await assert_books_agree(world, gateway.url, client) > 0
