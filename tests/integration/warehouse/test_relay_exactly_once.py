"""Whatever fails and whoever else runs: every committed outbox row arrives once, none twice."""

import asyncio
from contextlib import AsyncExitStack
from datetime import datetime
from itertools import count
from uuid import UUID

import asyncpg
import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from uuid_utils.compat import uuid7

from api.stack.postgres import EmbeddedPostgres
from ledger.database import Role, role_dsn
from tests.integration.warehouse.conftest import Stream
from tests.support.outbox import bet_event, deposit_event, write
from warehouse import watermark
from warehouse.outbox import Batch, BrokenBatch, Outbox, Overtaken
from warehouse.raw_tables import RawTables

_operators = count(1000)


class Crash(Exception):
    """Stands for the death of a relay at a chosen point."""


class CrashAfterInsert(RawTables):
    """ClickHouse takes the rows, the relay never hears of it."""

    async def insert(self, topic: str, body: bytes, token: str) -> None:
        await super().insert(topic, body, token)
        raise Crash


def operator_totals(client: Client, operator_id: int) -> dict[str, tuple[int, ...]]:
    """Bets and wagers of an operator as raw table, player table and each rollup count them."""
    bets = {
        "bets": "SELECT sum(sign), sum(wager) FROM bets",
        "player_bets": "SELECT sum(sign), sum(wager) FROM player_bets",
        "game_hourly": "SELECT sum(bets), sum(wager) FROM game_hourly",
        "player_daily": "SELECT sum(bets), sum(wager) FROM player_daily",
        "player_monthly": "SELECT sum(bets), sum(wager) FROM player_monthly",
        "operator_quarters": "SELECT sum(bets), sum(wager) FROM operator_quarters",
    }
    return {
        name: tuple(client.query(f"{query} WHERE operator_id = {operator_id}").result_rows[0])
        for name, query in bets.items()
    }


def assert_exact(client: Client, operator_id: int, bets: int, wager: int) -> None:
    """Every table says the same, and the right thing."""
    for name, totals in operator_totals(client, operator_id).items():
        assert totals == (bets, wager), name


def arrived(client: Client, operator_id: int) -> list[UUID]:
    """Bet ids of an operator in the raw table, in order of arrival time within the bet."""
    rows = client.query(f"SELECT bet_id FROM bets WHERE operator_id = {operator_id}").result_rows
    return sorted(row[0] for row in rows)


async def until_arrived(client: Client, operator_id: int, rows: int) -> None:
    """Wait for so many bets of the operator."""
    while len(arrived(client, operator_id)) < rows:  # noqa: ASYNC110  the other side is a server
        await asyncio.sleep(0.01)


@pytest.fixture
def operator_id() -> int:
    """An operator no other test uses; the outbox does not ask whether it exists."""
    return next(_operators)


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


async def test_death_between_insert_and_mark(
    stream: Stream, ledger_pool: asyncpg.Pool, warehouse_client: Client, operator_id: int
) -> None:
    events = [bet_event(operator_id=operator_id, wager=wager) for wager in range(1, 51)]
    async with ledger_pool.acquire() as connection:
        await write(connection, *events[:30])
        dying = stream.relay(CrashAfterInsert(stream.tables.clickhouse_url))
        for _ in range(3):
            with pytest.raises(Crash):
                await stream.drain(dying)
        await dying.tables.close()
        await write(connection, *events[30:])
    await stream.drain()
    assert_exact(warehouse_client, operator_id, 50, sum(range(1, 51)))


async def test_a_view_that_throws_fails_the_batch_and_the_retry_is_exact(
    stream: Stream, ledger_pool: asyncpg.Pool, warehouse_client: Client, operator_id: int
) -> None:
    """The last of the views throws: the raw table and the other rollups have the rows already."""
    warehouse_client.command(
        "CREATE TABLE zz_broken (failed UInt8) ENGINE = MergeTree ORDER BY failed "
        "SETTINGS non_replicated_deduplication_window = 20000"
    )
    warehouse_client.command(
        "CREATE MATERIALIZED VIEW zz_broken_mv TO zz_broken AS "
        f"SELECT throwIf(operator_id = {operator_id}) AS failed FROM bets"
    )
    async with ledger_pool.acquire() as connection:
        await write(connection, *(bet_event(operator_id=operator_id) for _ in range(10)))
    try:
        for _ in range(2):
            with pytest.raises(ClickHouseError):
                await stream.drain()
    finally:
        warehouse_client.command("DROP TABLE zz_broken_mv SYNC")
        warehouse_client.command("DROP TABLE zz_broken SYNC")
    await stream.drain()
    assert_exact(warehouse_client, operator_id, 10, 1000)


async def test_a_retry_keeps_the_chunks_it_was_planned_with(
    stream: Stream, ledger_pool: asyncpg.Pool, warehouse_client: Client, operator_id: int
) -> None:
    """A relay with other limits takes over: the stored ones hold, or tokens would cover others."""
    async with ledger_pool.acquire() as connection, connection.transaction():
        await write(connection, *(bet_event(operator_id=operator_id) for _ in range(25)))
    dying = stream.relay(CrashAfterInsert(stream.tables.clickhouse_url), chunk_rows=10)
    with pytest.raises(Crash):
        await stream.drain(dying)
    await dying.tables.close()
    last = await stream.drain(stream.relay(chunk_rows=7))
    assert last.chunk_rows == 10
    assert_exact(warehouse_client, operator_id, 25, 2500)


async def test_chunks_by_bytes(
    stream: Stream, ledger_pool: asyncpg.Pool, warehouse_client: Client, operator_id: int
) -> None:
    async with ledger_pool.acquire() as connection, connection.transaction():
        await write(connection, *(bet_event(operator_id=operator_id) for _ in range(25)))
        await write(connection, deposit_event(operator_id=operator_id))
    await stream.drain(stream.relay(chunk_bytes=4000))
    assert_exact(warehouse_client, operator_id, 25, 2500)


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


async def test_an_unknown_field_stops_the_stream_instead_of_vanishing(
    stream: Stream, ledger_pool: asyncpg.Pool, warehouse_client: Client
) -> None:
    before = (await stream.drain()).batch_no
    relay = stream.relay()
    async with stream.outbox() as outbox:
        with pytest.raises(ClickHouseError):
            await relay.tables.insert("operators", b'{"operator_id":1,"colour":"red"}', "colour")
        assert (await outbox.last_batch()).batch_no == before
    assert warehouse_client.query("SELECT count() FROM operators WHERE slug = ''").result_rows == [
        (0,)
    ]


async def test_a_batch_that_lost_rows_is_never_sent(
    stream: Stream, ledger_pool: asyncpg.Pool, operator_id: int
) -> None:
    async with ledger_pool.acquire() as connection:
        await write(connection, bet_event(operator_id=operator_id))
    async with stream.outbox() as outbox:
        planned = await outbox.plan(await outbox.last_batch())
        await ledger_pool.execute(
            "UPDATE relay_batch SET row_count = row_count + 1 WHERE batch_no = $1", planned.batch_no
        )
        with pytest.raises(BrokenBatch):
            await stream.drain()
    await ledger_pool.execute(
        "UPDATE relay_batch SET row_count = row_count - 1 WHERE batch_no = $1", planned.batch_no
    )
    await stream.drain()


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


ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["write", "commit", "rollback"]), st.integers(0, 4)),
        st.tuples(st.sampled_from(["batch", "checkpoint", "reread"]), st.just(0)),
    ),
    min_size=5,
    max_size=40,
)


@given(actions=ACTIONS)
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_snapshot_pairs_partition_the_committed_rows(
    actions: list[tuple[str, int]], postgres_url: str, secret_key: str
) -> None:
    """However transactions overlap, the batches hold each committed row once and no other."""
    asyncio.run(_play(actions, postgres_url, secret_key))


async def _play(actions: list[tuple[str, int]], postgres_url: str, secret_key: str) -> None:
    committed: set[bytes] = set()
    open_rows: dict[int, set[bytes]] = {}
    relayed: list[bytes] = []
    reads: dict[int, list[bytes]] = {}
    async with AsyncExitStack() as stack:
        connections = [await asyncpg.connect(postgres_url) for _ in range(5)]
        for connection in connections:
            stack.push_async_callback(connection.close)
        dsn = role_dsn(postgres_url, Role.RELAY, secret_key)
        outbox = await stack.enter_async_context(Outbox.connect(dsn))

        async def read(batch: Batch) -> list[bytes]:
            return [row.payload async for page in outbox.rows(batch) for row in page]

        async def relay(force: bool) -> None:
            last = await outbox.last_batch()
            if not last.sent:
                await outbox.mark_sent(last)
                last = await outbox.last_batch()
            look = await outbox.look(last)
            if look.has_rows or force:
                batch = await outbox.plan(last)
                reads[batch.batch_no] = await read(batch)
                relayed.extend(reads[batch.batch_no])
                await outbox.mark_sent(batch)

        await relay(force=True)
        relayed.clear()
        reads.clear()
        for action, number in [*actions, *(("commit", n) for n in range(5)), ("batch", 0)]:
            connection = connections[number]
            if action == "write":
                if number not in open_rows:
                    await connection.execute("BEGIN")
                    open_rows[number] = set()
                event = bet_event()
                await write(connection, event)
                open_rows[number].add(str(event.bet_id).encode())
            elif action in ("commit", "rollback") and number in open_rows:
                await connection.execute(action)
                rows = open_rows.pop(number)
                committed |= rows if action == "commit" else set()
            elif action in ("batch", "checkpoint"):
                await relay(force=action == "checkpoint")
            elif action == "reread" and reads:
                newest = await outbox.last_batch()
                if newest.batch_no in reads:
                    assert await read(newest) == reads[newest.batch_no]
    found = [next(bet for bet in committed if bet in payload) for payload in relayed]
    assert len(found) == len(set(found)) == len(committed)
