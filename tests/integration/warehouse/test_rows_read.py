"""What a report reads is bounded by its rollups, and what one player's reads by that player's rows:
ten times the bets, and it reads no more."""

import re
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from clickhouse_connect.driver.client import Client

from warehouse.client import Parameter, Warehouse, as_text, tenant_query
from warehouse.filters import Filters
from warehouse.queries import game_figures, player_cash
from warehouse.queries_benefits import benefit_sums
from warehouse.queries_overview import overview
from warehouse.queries_players import ranked_players
from warehouse.rollups import ROLLUPS
from warehouse.time_ranges import TimeRange
from warehouse.timelines import timeline
from warehouse.transaction_pages import transaction_page

Row = TypeVar("Row")
OPERATOR = 77
FEW, MANY = 60_000, 600_000
LONE_PLAYER = UUID("00000000-0000-0000-0000-000000000099")
LONE = Filters(player_id=LONE_PLAYER)
PERIOD = TimeRange(datetime(2026, 2, 10, tzinfo=UTC), datetime(2026, 3, 21, tzinfo=UTC))
MARCH = datetime(2026, 3, 1, tzinfo=UTC)


class Counting(Warehouse):
    """Reads as the API does, adds up the rows that the engine read for it and keeps its plans."""

    def __init__(self, url: str, client: Client) -> None:
        super().__init__(url)
        self.rows_read = 0
        self.plans: list[str] = []
        self._other = client

    async def read(
        self,
        endpoint: str,
        row: type[Row],
        *,
        operator_id: int,
        pieces: Sequence[str] = (),
        **parameters: Parameter,
    ) -> list[Row]:
        """The rows, and a second run of the same query for its statistics."""
        values: dict[str, Any] = {"operator_id": operator_id}
        values |= {name: as_text(value) for name, value in parameters.items()}
        text = tenant_query(endpoint, tuple(pieces))
        plan = self._other.query(f"EXPLAIN projections = 1 {text}", parameters=values)
        self.plans.append("\n".join(line for (line,) in plan.result_rows))
        summary = self._other.query(text, parameters=values).summary
        self.rows_read += int(summary["read_rows"])
        return await super().read(
            endpoint, row, operator_id=operator_id, pieces=pieces, **parameters
        )


def insert_bets(client: Client, first: int, last: int) -> None:
    """Bets of 40 players on 20 games, spread evenly over 80 days."""
    client.command(
        "INSERT INTO bets (operator_id, bet_id, user_id, game_id, currency, bet_type, sign, wager, "
        "wager_real, win, win_real, ggr, created_at) SELECT {operator:UInt16}, generateUUIDv7(), "
        "toUUID(concat('00000000-0000-0000-0000-0000000000', leftPad(toString(number % 40), 2, "
        "'0'))), 1 + intDiv(number, 40) % 20, 'EUR', 'REAL', 1, 100, 100, 96, 96, 4, "
        "toDateTime64('2026-01-20', 6, 'UTC') + cityHash64(number) % 6912000 "
        "FROM numbers({first:UInt64}, {length:UInt64})",
        parameters={"operator": OPERATOR, "first": first, "length": last - first},
        settings={"async_insert": 0},
    )
    client.command(
        "INSERT INTO transactions (operator_id, transaction_id, event_no, user_id, kind, status, "
        "method, currency, amount, created_at, occurred_at) SELECT {operator:UInt16}, "
        "generateUUIDv7(), 1, toUUID('00000000-0000-0000-0000-000000000001'), 'BONUS', 'GRANTED', "
        "'GRANT', 'EUR', 5, toDateTime64('2026-01-20', 6, 'UTC') + cityHash64(number) % 6912000 "
        "AS at, at FROM numbers({first:UInt64}, {length:UInt64})",
        parameters={"operator": OPERATOR, "first": first, "length": last - first},
        settings={"async_insert": 0},
    )
    for table in (*ROLLUPS, "bets", "transactions"):
        client.command(f"OPTIMIZE TABLE {table} FINAL")


def insert_lone_player(client: Client) -> None:
    """A player with 80 bets and 80 deposits, one each a day, whatever the others do."""
    client.command(
        "INSERT INTO bets (operator_id, bet_id, user_id, game_id, currency, bet_type, sign, wager, "
        "wager_real, ggr, created_at) SELECT {operator:UInt16}, generateUUIDv7(), {player:UUID}, "
        "1, 'EUR', 'REAL', 1, 100, 100, 100, "
        "toDateTime64('2026-01-20', 6, 'UTC') + INTERVAL number DAY FROM numbers(80)",
        parameters={"operator": OPERATOR, "player": str(LONE_PLAYER)},
    )
    client.command(
        "INSERT INTO transactions (operator_id, transaction_id, event_no, user_id, kind, status, "
        "method, currency, amount, created_at, occurred_at) SELECT {operator:UInt16}, "
        "generateUUIDv7(), 1, {player:UUID}, 'DEPOSIT', 'COMPLETED', 'CARD', 'EUR', 5, "
        "toDateTime64('2026-01-20', 6, 'UTC') + INTERVAL number DAY AS at, at FROM numbers(80)",
        parameters={"operator": OPERATOR, "player": str(LONE_PLAYER)},
    )


REPORTS: dict[str, Callable[[Warehouse], Awaitable[Any]]] = {
    "overview": lambda warehouse: overview(
        warehouse,
        OPERATOR,
        timeline(PERIOD.start, PERIOD.end, zone=ZoneInfo("Asia/Kolkata")),
        Filters(),
        [],
    ),
    "games": lambda warehouse: game_figures(warehouse, OPERATOR, PERIOD, Filters()),
    "players": lambda warehouse: ranked_players(warehouse, OPERATOR, PERIOD, Filters(), limit=50),
    "transactions": lambda warehouse: transaction_page(warehouse, OPERATOR, PERIOD, limit=50),
    "benefits": lambda warehouse: benefit_sums(warehouse, OPERATOR, PERIOD, Filters()),
}
REPORTS_OF_A_PLAYER: dict[str, Callable[[Warehouse], Awaitable[Any]]] = {
    "overview of a player": lambda warehouse: overview(
        warehouse, OPERATOR, timeline(MARCH, PERIOD.end, zone=ZoneInfo("UTC")), LONE, []
    ),
    "games of a player": lambda warehouse: game_figures(
        warehouse, OPERATOR, PERIOD, Filters(player_id=LONE_PLAYER)
    ),
    "transactions of a player": lambda warehouse: transaction_page(
        warehouse, OPERATOR, PERIOD, limit=50, filters=LONE
    ),
    "benefits of a player": lambda warehouse: benefit_sums(warehouse, OPERATOR, PERIOD, LONE),
    "cash of a player": lambda warehouse: player_cash(warehouse, OPERATOR, LONE_PLAYER),
}


@pytest.fixture(scope="module")
async def measured(
    clickhouse_url: str, warehouse_client: Client
) -> dict[str, tuple[Counting, Counting]]:
    """By report: what was read with few bets, and with ten times as many."""

    async def measure() -> dict[str, Counting]:
        found = {}
        for name, report in {**REPORTS, **REPORTS_OF_A_PLAYER}.items():
            found[name] = Counting(clickhouse_url, warehouse_client)
            await report(found[name])
            await found[name].close()
        return found

    insert_lone_player(warehouse_client)
    insert_bets(warehouse_client, 0, FEW)
    few = await measure()
    insert_bets(warehouse_client, FEW, MANY)
    many = await measure()
    return {name: (few[name], many[name]) for name in few}


@pytest.mark.parametrize("report", REPORTS)
def test_ten_times_the_bets_are_not_more_rows_to_read(
    report: str, measured: dict[str, tuple[Counting, Counting]]
) -> None:
    few, many = (found.rows_read for found in measured[report])
    assert 0 < many <= 2 * few
    assert many < MANY / 10


@pytest.mark.parametrize("report", REPORTS_OF_A_PLAYER)
def test_others_bets_are_not_more_rows_to_read_for_a_player(
    report: str, measured: dict[str, tuple[Counting, Counting]]
) -> None:
    """Each query reads a granule or two of each month's part: a player's rows lie together."""
    few, many = measured[report]
    assert 0 < many.rows_read <= 2 * few.rows_read
    read = {
        found for plan in many.plans for found in re.findall(r"ReadFromMergeTree \((.+?)\)", plan)
    }
    assert read == {"by_player"}
