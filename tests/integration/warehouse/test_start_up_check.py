"""The relay refuses to stream into a warehouse that could lose or double rows."""

import asyncio
from collections.abc import Iterator

import pytest
from clickhouse_connect.driver.client import Client

from tests.integration.warehouse.conftest import Stream
from warehouse import raw_tables
from warehouse.migrate import materialized_views, plain_views, upgrade
from warehouse.raw_tables import RawTables, UnsafeWarehouse
from warehouse.sql_files import sql_names


async def problems(stream: Stream) -> list[str]:
    """What the check says against the warehouse as it is."""
    tables = RawTables(stream.tables.clickhouse_url)
    try:
        await tables.check()
    except UnsafeWarehouse as error:
        return error.problems
    finally:
        await tables.close()
    return []


async def test_a_migrated_warehouse_passes(stream: Stream) -> None:
    assert await problems(stream) == []


@pytest.mark.parametrize(
    "table", [name for name in sql_names("tables") if name not in ("games", "operators")]
)
async def test_a_short_window_anywhere_is_refused(
    table: str, stream: Stream, warehouse_client: Client
) -> None:
    setting = "non_replicated_deduplication_window"
    warehouse_client.command(f"ALTER TABLE {table} MODIFY SETTING {setting} = 100")
    assert await problems(stream) == [f"{table} has a deduplication window of 100"]
    warehouse_client.command(f"ALTER TABLE {table} MODIFY SETTING {setting} = 20000")


@pytest.mark.parametrize("setting", ["fsync_after_insert", "fsync_part_directory"])
@pytest.mark.parametrize("table", ["bets", "bet_rollups"])
async def test_a_table_that_does_not_flush_is_refused(
    table: str, setting: str, stream: Stream, warehouse_client: Client
) -> None:
    warehouse_client.command(f"ALTER TABLE {table} MODIFY SETTING {setting} = 0")
    assert await problems(stream) == [f"{table} does not flush its parts to the disk"]
    warehouse_client.command(f"ALTER TABLE {table} MODIFY SETTING {setting} = 1")


@pytest.fixture
def without_a_view(warehouse_client: Client, clickhouse_url: str) -> Iterator[None]:
    """A warehouse in which somebody dropped a view that feeds a rollup."""
    warehouse_client.command("DROP TABLE bet_rollups_mv SYNC")
    yield
    warehouse_client.command("DROP TABLE alembic_version SYNC")
    upgrade(clickhouse_url)


@pytest.mark.usefixtures("without_a_view")
async def test_a_missing_view_is_refused_and_nothing_is_sent(stream: Stream) -> None:
    assert await problems(stream) == ["bet_rollups_mv is missing or feeds another table"]
    relay = stream.relay(RawTables(stream.tables.clickhouse_url))
    task = asyncio.create_task(relay.run())
    async with stream.outbox() as outbox:
        before = await outbox.last_batch()
        await asyncio.sleep(0.3)
        assert (await outbox.last_batch()).batch_no == before.batch_no
    assert relay.alive
    relay.stop()
    await task


async def test_a_column_that_events_lack_is_refused(
    stream: Stream, warehouse_client: Client
) -> None:
    warehouse_client.command("ALTER TABLE operators ADD COLUMN colour String")
    assert await problems(stream) == ["operators and its events differ in colour"]
    warehouse_client.command("ALTER TABLE operators DROP COLUMN colour")


def test_a_setting_that_does_not_arrive_is_refused() -> None:
    arrived = {name: str(value) for name, value in raw_tables.PINNED_SETTINGS.items()}
    assert raw_tables.unsafe_settings(arrived) == []
    assert raw_tables.unsafe_settings({**arrived, "async_insert": "1"}) == [
        "setting async_insert is 1"
    ]
    assert raw_tables.unsafe_settings({**arrived, "deduplicate_insert": "disable"}) == [
        "setting deduplicate_insert is off"
    ]


def test_migrating_again_changes_nothing(clickhouse_url: str, warehouse_client: Client) -> None:
    query = (
        "SELECT name, create_table_query FROM system.tables "
        "WHERE database = currentDatabase() ORDER BY name"
    )
    before = warehouse_client.query(query).result_rows
    upgrade(clickhouse_url)
    assert warehouse_client.query(query).result_rows == before
    names = {name for name, _ in before}
    assert {*sql_names("tables"), *plain_views(), *materialized_views()} < names
