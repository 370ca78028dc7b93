"""Real bets for tests of the stream, and an independent count of where they arrived."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from clickhouse_connect.driver.client import Client

from ledger.batch import BetBatcher
from ledger.database import Role
from tests.support.world import World
from warehouse.reconcile import reconcile_warehouse

PLAYED = "SELECT operator_id, game_id, count(*), sum(wager), sum(win) FROM bet_log GROUP BY 1, 2"
BY_GAME = {
    "bets": "count(), sum(wager), sum(win)",
    "mergeTreeProjection(currentDatabase(), 'bets', 'by_player')": "count(), sum(wager), sum(win)",
    "game_hourly": "sum(bets), sum(wager), sum(win)",
    "game_daily": "sum(bets), sum(wager), sum(win)",
}
BY_OPERATOR = ("player_daily", "player_monthly", "operator_quarters")
SUMS = "sum(bets), sum(wager), sum(win)"


@asynccontextmanager
async def live_traffic(
    world: World, players_each: int = 3, pause_seconds: float = 0
) -> AsyncIterator[None]:
    """Players of every operator who spin for the length of the block."""
    batcher = BetBatcher(world.pools[Role.BATCH], world.vault, world.hits, lambda settled: None)
    batcher.start()
    stopping = asyncio.Event()

    async def play(operator_id: int) -> None:
        player = await world.player(operator_id, balance=10_000_000)
        games = list(world.games.values())
        number = 0
        while not stopping.is_set():
            number += 1
            await batcher.submit(player.spin(games[number % len(games)], 100 + number % 100))
            await asyncio.sleep(pause_seconds)

    players = [asyncio.create_task(play(operator)) for operator in world.operators * players_each]
    try:
        yield
    finally:
        stopping.set()
        await asyncio.gather(*players)
        await batcher.stop()


async def assert_books_agree(world: World, clickhouse_url: str, client: Client) -> int:
    """Postgres = raw = every rollup, by the reconciliation and by a count that shares nothing with
    it; how many bets there are. A relay must be running."""
    assert await reconcile_warehouse(world.owner_url, clickhouse_url) == []
    played = {(row[0], row[1]): tuple(row[2:]) for row in await world.owner.fetch(PLAYED)}
    for table, sums in BY_GAME.items():
        rows = client.query(f"SELECT operator_id, game_id, {sums} FROM {table} GROUP BY 1, 2")
        assert {(row[0], row[1]): row[2:] for row in rows.result_rows} == played, table
    operators: dict[int, tuple[int, ...]] = {}
    for (operator, _), sums in played.items():
        before = operators.get(operator, (0, 0, 0))
        operators[operator] = tuple(int(a + b) for a, b in zip(before, sums, strict=True))
    for table in BY_OPERATOR:
        rows = client.query(f"SELECT operator_id, {SUMS} FROM {table} GROUP BY 1")
        assert {row[0]: row[1:] for row in rows.result_rows} == operators, table
    return sum(sums[0] for sums in played.values())
