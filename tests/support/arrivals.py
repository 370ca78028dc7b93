"""What of an operator's bets has arrived in the warehouse, for tests that write outbox rows."""

import asyncio
from uuid import UUID

from clickhouse_connect.driver.client import Client


def operator_totals(client: Client, operator_id: int) -> dict[str, tuple[int, ...]]:
    """Bets and wagers of an operator as raw table, its projection and each rollup count them."""
    bets = {
        "bets": "SELECT sum(sign), sum(wager) FROM bets",
        "by_player": "SELECT sum(sign), sum(wager) "
        "FROM mergeTreeProjection(currentDatabase(), 'bets', 'by_player')",
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
