"""A batch that failed half-way is sent again, whatever has changed meanwhile, and counts once."""

import json
from typing import Any

import asyncpg
import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from ledger.events import encode
from tests.integration.warehouse.conftest import Stream
from tests.support.arrivals import assert_exact
from tests.support.outbox import bet_event, deposit_event, write
from warehouse import raw_tables
from warehouse.outbox import BrokenBatch
from warehouse.raw_tables import PINNED_SETTINGS, RawTables


class Crash(Exception):
    """Stands for the death of a relay at a chosen point."""


class CrashAfterInsert(RawTables):
    """ClickHouse takes the rows, the relay never hears of it."""

    async def insert(self, topic: str, body: bytes, token: str) -> None:
        await super().insert(topic, body, token)
        raise Crash


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


LARGE_CHUNK_ROWS = 9_000

OTHER_SETTINGS: dict[str, dict[str, Any]] = {
    "the server's own": {
        name: PINNED_SETTINGS[name]
        for name in (
            "async_insert",
            "insert_deduplicate",
            "deduplicate_blocks_in_dependent_materialized_views",
            "date_time_input_format",
            "wait_end_of_query",
        )
    },
    "more threads": {**PINNED_SETTINGS, "max_insert_threads": 4, "parallel_view_processing": 1},
    "parallel parsing": {**PINNED_SETTINGS, "input_format_parallel_parsing": 1},
}
"""Under which an earlier version may have sent what is now sent again."""


@pytest.mark.parametrize("settings", OTHER_SETTINGS)
async def test_a_retry_after_the_insert_settings_changed(
    settings: str,
    stream: Stream,
    ledger_pool: asyncpg.Pool,
    warehouse_client: Client,
    operator_id: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two chunks of the largest size: each must be one block before and after the change."""
    template = json.loads(outbox_payload(operator_id))
    await ledger_pool.execute(
        "INSERT INTO outbox (topic, key, payload) SELECT 'bets', '', "
        "$1::jsonb || jsonb_build_object('bet_id', gen_random_uuid()) "
        "FROM generate_series(1, $2)",
        json.dumps(template),
        LARGE_CHUNK_ROWS,
    )
    with monkeypatch.context() as changed:
        changed.setattr(raw_tables, "PINNED_SETTINGS", OTHER_SETTINGS[settings])
        dying = stream.relay(CrashAfterInsert(stream.tables.clickhouse_url))
        with pytest.raises(Crash):
            await stream.drain(dying)
        await dying.tables.close()
    last = await stream.drain()
    assert last.row_count == LARGE_CHUNK_ROWS
    assert_exact(warehouse_client, operator_id, LARGE_CHUNK_ROWS, 100 * LARGE_CHUNK_ROWS)


def outbox_payload(operator_id: int) -> str:
    """A bet's payload."""
    return encode(bet_event(operator_id=operator_id))


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
