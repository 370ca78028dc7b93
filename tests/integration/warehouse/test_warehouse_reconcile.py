"""Reconciliation is silent about a correct system under live traffic and finds a single cent."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from clickhouse_connect.driver.client import Client

from tests.integration.warehouse.conftest import Stream
from tests.support.traffic import live_traffic
from tests.support.world import World
from warehouse.raw_tables import RawTables
from warehouse.reconcile import Difference, reconcile_warehouse


@asynccontextmanager
async def running_relay(stream: Stream) -> AsyncIterator[None]:
    """A relay that streams for the length of the block."""
    relay = stream.relay(RawTables(stream.tables.clickhouse_url))
    task = asyncio.create_task(relay.run())
    try:
        yield
    finally:
        relay.stop()
        await task


async def reconcile(world: World, clickhouse_url: str) -> list[Difference]:
    """Everything, from the beginning."""
    return await reconcile_warehouse(world.owner_url, clickhouse_url)


async def test_live_traffic_reconciles(
    world: World, stream: Stream, clickhouse_url: str, warehouse_client: Client
) -> None:
    async with running_relay(stream), live_traffic(world):
        for _ in range(4):
            await asyncio.sleep(0.2)
            assert await reconcile(world, clickhouse_url) == []
    bets = await world.owner.fetchval("SELECT count(*) FROM bet_log")
    async with running_relay(stream):
        assert await reconcile(world, clickhouse_url) == []
    assert warehouse_client.query("SELECT count() FROM bets").result_rows == [(bets,)]
    assert bets > 0


OF_GRAIN = (
    "INSERT INTO bet_rollups (operator_id, grain, user_id, start, game_id, bet_type, {column}) "
    "SELECT operator_id, grain, user_id, start, game_id, bet_type, {{sign}} FROM bet_rollups "
    "WHERE grain = '{grain}' ORDER BY ALL LIMIT 1"
)
TAMPERING = {
    grain: (OF_GRAIN.format(column=column, grain=grain), {f"rollup_{grain}"})
    for grain, column in (
        ("game_hour", "wager"),
        ("game_day", "win_squared"),
        ("operator_quarter", "jackpot"),
        ("player_day", "win"),
        ("player_month", "xp_added"),
    )
} | {
    "transaction_quarters": (
        "INSERT INTO transaction_quarters (operator_id, quarter, kind, amount) "
        "VALUES (1, '2026-01-01 00:00:00', 'DEPOSIT', {sign})",
        {"rollup_transaction_quarters"},
    ),
}


@pytest.mark.parametrize("rollup", TAMPERING)
async def test_a_cent_in_a_rollup_is_found(
    rollup: str, world: World, stream: Stream, clickhouse_url: str, warehouse_client: Client
) -> None:
    statement, checks = TAMPERING[rollup]
    async with running_relay(stream):
        warehouse_client.command(statement.format(sign="1"))
        found = await reconcile(world, clickhouse_url)
        assert {difference.check for difference in found} == checks
        assert [difference.difference for difference in found] == [1]
        warehouse_client.command(statement.format(sign="-1"))
        assert await reconcile(world, clickhouse_url) == []


async def test_a_doubled_bet_is_found(
    world: World, stream: Stream, clickhouse_url: str, warehouse_client: Client
) -> None:
    """The rollups agree with the doubled row; only the ledger knows better."""
    row = "SELECT * FROM bets WHERE liability_delta != 0 ORDER BY ALL LIMIT 1"
    warehouse_client.command(f"INSERT INTO bets {row}", settings={"insert_deduplicate": 0})
    async with running_relay(stream):
        found = await reconcile(world, clickhouse_url)
    assert {difference.check for difference in found} == {
        "ledger_and_bets",
        "ledger_and_liability",
    }
    assert any(
        difference.key.endswith(": bets") and difference.difference == 1 for difference in found
    )


async def test_a_relay_that_is_away_is_a_difference(world: World, clickhouse_url: str) -> None:
    await world.player()
    found = await reconcile_warehouse(world.owner_url, clickhouse_url, catch_up_seconds=0.3)
    assert [difference.check for difference in found] == ["relay_has_caught_up"]
    assert found[0].difference < 0
