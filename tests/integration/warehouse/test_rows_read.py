"""What a report reads is bounded by its rollups: ten times the bets, and it reads no more."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import pytest
from clickhouse_connect.driver.client import Client

from warehouse.client import Parameter, Warehouse, as_text, tenant_query
from warehouse.filters import Filters
from warehouse.queries import game_figures
from warehouse.queries_benefits import benefit_sums
from warehouse.queries_overview import overview
from warehouse.queries_players import ranked_players
from warehouse.time_ranges import TimeRange
from warehouse.timelines import timeline
from warehouse.transaction_pages import transaction_page

Row = TypeVar("Row")
OPERATOR = 77
FEW, MANY = 60_000, 600_000
PERIOD = TimeRange(datetime(2026, 2, 10, tzinfo=UTC), datetime(2026, 3, 21, tzinfo=UTC))
ROLLUPS = (
    "game_hourly",
    "game_daily",
    "player_daily",
    "player_monthly",
    "operator_quarters",
    "transaction_quarters",
)


class Counting(Warehouse):
    """Reads as the API does and adds up the rows that the engine read for it."""

    def __init__(self, url: str, client: Client) -> None:
        super().__init__(url)
        self.rows_read = 0
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


@pytest.fixture(scope="module")
async def rows_read(clickhouse_url: str, warehouse_client: Client) -> dict[str, tuple[int, int]]:
    """By report: rows read with few bets, and with ten times as many."""

    async def measure() -> dict[str, int]:
        found = {}
        for name, report in REPORTS.items():
            warehouse = Counting(clickhouse_url, warehouse_client)
            await report(warehouse)
            await warehouse.close()
            found[name] = warehouse.rows_read
        return found

    insert_bets(warehouse_client, 0, FEW)
    few = await measure()
    insert_bets(warehouse_client, FEW, MANY)
    many = await measure()
    return {name: (few[name], many[name]) for name in REPORTS}


@pytest.mark.parametrize("report", REPORTS)
def test_ten_times_the_bets_are_not_more_rows_to_read(
    report: str, rows_read: dict[str, tuple[int, int]]
) -> None:
    few, many = rows_read[report]
    assert 0 < many <= 2 * few
    assert many < MANY / 10
