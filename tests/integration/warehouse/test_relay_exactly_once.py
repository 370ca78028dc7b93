"""Whatever fails and whoever else runs: every committed outbox row arrives once, none twice."""

import asyncio

import asyncpg
from clickhouse_connect.driver.client import Client
from uuid_utils.compat import uuid7

from api.stack.postgres import EmbeddedPostgres
from tests.integration.warehouse.conftest import Stream
from tests.support.arrivals import arrived, assert_exact, until_arrived
from tests.support.outbox import bet_event, deposit_event, write
from warehouse.outbox import Overtaken
from warehouse.raw_tables import RawTables


async def test_rows_and_rollups_arrive_once(
    stream: Stream, ledger_pool: asyncpg.Pool, warehouse_client: Client, operator_id: int
) -> None:
    async with ledger_pool.acquire() as connection:
        await write(
            connection, *(bet_event(operator_id=operator_id, wager=w) for w in (1, 20, 300))
        )
        await write(connection, deposit_event(operator_id=operator_id))
    await stream.drain()
    await stream.drain()
    assert_exact(warehouse_client, operator_id, 3, 321)
    deposits = warehouse_client.query(
        f"SELECT sum(events), sum(amount) FROM transaction_quarters WHERE operator_id={operator_id}"
    )
    assert deposits.result_rows == [(1, 5000)]


async def test_a_rollback_corrects_every_rollup(
    stream: Stream, ledger_pool: asyncpg.Pool, warehouse_client: Client, operator_id: int
) -> None:
    bet = {"operator_id": operator_id, "bet_id": uuid7(), "user_id": uuid7(), "wager": 700}
    async with ledger_pool.acquire() as connection:
        await write(connection, bet_event(**bet), bet_event(operator_id=operator_id, wager=5))
        await stream.drain()
        await write(connection, bet_event(**bet, sign=-1))
    await stream.drain()
    assert_exact(warehouse_client, operator_id, 1, 5)
    squares = warehouse_client.query(
        f"SELECT sum(wager_squared), sum(winning_bets) FROM game_hourly "
        f"WHERE operator_id = {operator_id}"
    )
    assert squares.result_rows == [(25, 1)]


async def test_late_commits_arrive_and_delay_nobody(
    stream: Stream, ledger_pool: asyncpg.Pool, warehouse_client: Client, operator_id: int
) -> None:
    late, early = bet_event(operator_id=operator_id), bet_event(operator_id=operator_id)
    async with ledger_pool.acquire() as slow, ledger_pool.acquire() as quick:
        transaction = slow.transaction()
        await transaction.start()
        await write(slow, late)
        await write(quick, early)
        await stream.drain()
        assert arrived(warehouse_client, operator_id) == [early.bet_id]
        await write(quick, bet_event(operator_id=operator_id))
        await stream.drain()
        await transaction.commit()
    await stream.drain()
    assert late.bet_id in arrived(warehouse_client, operator_id)
    assert_exact(warehouse_client, operator_id, 3, 300)


async def test_a_transaction_in_another_database_delays_nobody(
    stream: Stream,
    postgres: EmbeddedPostgres,
    ledger_pool: asyncpg.Pool,
    warehouse_client: Client,
    operator_id: int,
) -> None:
    other = await asyncpg.connect(postgres.url_of("postgres"))
    try:
        async with other.transaction():
            await other.execute("SELECT pg_current_xact_id()")
            async with ledger_pool.acquire() as connection:
                for _ in range(3):
                    await write(connection, bet_event(operator_id=operator_id))
                    await stream.drain()
            assert_exact(warehouse_client, operator_id, 3, 300)
    finally:
        await other.close()


async def test_rolled_back_and_savepoint_rows(
    stream: Stream, ledger_pool: asyncpg.Pool, warehouse_client: Client, operator_id: int
) -> None:
    kept = bet_event(operator_id=operator_id, wager=7)
    async with ledger_pool.acquire() as connection:
        abandoned = connection.transaction()
        await abandoned.start()
        await write(connection, bet_event(operator_id=operator_id))
        await stream.drain()
        await abandoned.rollback()
        async with connection.transaction():
            savepoint = connection.transaction()
            await savepoint.start()
            await write(connection, bet_event(operator_id=operator_id))
            await savepoint.rollback()
            async with connection.transaction():
                await write(connection, kept)
    await stream.drain()
    assert arrived(warehouse_client, operator_id) == [kept.bet_id]


async def test_two_relays_at_once(
    stream: Stream, ledger_pool: asyncpg.Pool, warehouse_client: Client, operator_id: int
) -> None:
    """Both believe to lead, as after a lost lock; the stored batches keep them exact."""
    stopping = asyncio.Event()

    async def lead() -> int:
        relay, moved = stream.relay(RawTables(stream.tables.clickhouse_url)), 0
        async with stream.outbox() as outbox:
            last = await outbox.last_batch()
            while not stopping.is_set() or not last.sent:
                try:
                    newer = await relay.step(outbox, last)
                except Overtaken:
                    newer = await outbox.last_batch()
                moved += newer is not None
                last = newer or last
        await relay.tables.close()
        return moved

    leaders = [asyncio.create_task(lead()) for _ in range(2)]
    async with ledger_pool.acquire() as connection:
        for _ in range(60):
            await write(connection, bet_event(operator_id=operator_id))
            await asyncio.sleep(0.01)
    stopping.set()
    assert min(await asyncio.gather(*leaders)) > 0
    await stream.drain()
    assert_exact(warehouse_client, operator_id, 60, 6000)


async def test_one_leader_streams_and_a_standby_takes_over(
    stream: Stream, ledger_pool: asyncpg.Pool, warehouse_client: Client, operator_id: int
) -> None:
    relays = [stream.relay(RawTables(stream.tables.clickhouse_url)) for _ in range(2)]
    tasks = [asyncio.create_task(relay.run()) for relay in relays]
    async with ledger_pool.acquire() as connection:
        for number in range(1, 3):
            await write(connection, bet_event(operator_id=operator_id))
            await until_arrived(warehouse_client, operator_id, number)
            leader = await connection.fetchval(
                "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted "
                "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            )
            await connection.execute("SELECT pg_terminate_backend($1)", leader)
        await write(connection, bet_event(operator_id=operator_id))
    await until_arrived(warehouse_client, operator_id, 3)
    for relay in relays:
        relay.stop()
    await asyncio.gather(*tasks)
    await stream.drain()
    assert_exact(warehouse_client, operator_id, 3, 300)
