"""Every rollup is declared as the engine has it, and a migration fills what it makes again."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import clickhouse_connect
import pytest
from clickhouse_connect.driver.client import Client

from tests.support.gateway import GatewayProcess
from warehouse.migrate import materialized_views, upgrade
from warehouse.rollups import GRAIN_VIEWS, ROLLUPS, differences

RAW_BETS = """
INSERT INTO bets (operator_id, bet_id, user_id, game_id, is_bot, currency, bet_type, sign,
    wager, wager_real, win, win_real, ggr, liability_delta, created_at)
SELECT
    1 + number % 2, generateUUIDv7(), toUUID('00000000-0000-7000-8000-00000000000' || number % 7),
    1 + number % 5, number % 2, 'EUR', 'REAL', 1, 50 * (1 + number % 60) AS stake, stake,
    if(number % 3 = 0, stake * 2, 0) AS prize, prize, stake - prize, prize - stake,
    toDateTime64('2026-01-30 22:00:00', 6, 'UTC') + INTERVAL number * 977 SECOND
FROM numbers(3000)
"""


def test_every_feeding_view_is_a_declared_rollup() -> None:
    assert set(ROLLUPS) == {name.removesuffix("_mv") for name in materialized_views()}


@pytest.mark.parametrize("name", ROLLUPS)
def test_declared_keys_are_the_order_keys(name: str, warehouse_client: Client) -> None:
    (key,) = warehouse_client.query(
        f"SELECT sorting_key FROM system.tables WHERE database = currentDatabase() "
        f"AND name = '{name}'"
    ).result_rows[0]
    assert tuple(key.split(", ")) == ROLLUPS[name].key


@pytest.mark.parametrize("name", ROLLUPS)
def test_the_select_has_the_tables_columns_in_order(name: str, warehouse_client: Client) -> None:
    """A rollup is filled and checked by position."""
    table = warehouse_client.query(f"DESCRIBE TABLE {name}").result_rows
    select = warehouse_client.query(f"DESCRIBE TABLE ({ROLLUPS[name].select})").result_rows
    assert [row[0] for row in select] == [row[0] for row in table]


@pytest.fixture
def at_the_first_revision(clickhouse: GatewayProcess) -> Iterator[Client]:
    """A database as the first migration leaves it, with bets of several months."""
    url = f"{clickhouse.clickhouse_url}_rollups"
    upgrade(url, "0001")
    with clickhouse_connect.get_client(dsn=url, autogenerate_session_id=False) as client:
        client.command(RAW_BETS)
        yield client
        client.command("DROP DATABASE {name:Identifier}", parameters={"name": client.database})


def disagreements(client: Client, name: str) -> list[dict[str, Any]]:
    """Where the rollup disagrees with its raw rows, from the beginning, at every grain."""
    since, rollup = {"since": datetime(1970, 1, 1, tzinfo=UTC)}, ROLLUPS[name]
    results = [client.query(rollup.difference_query(g), parameters=since) for g in rollup.grains]
    return [row for result in results for row in result.named_results()]


def test_a_migration_fills_the_rollups_it_makes(
    at_the_first_revision: Client, clickhouse: GatewayProcess
) -> None:
    client = at_the_first_revision
    client.command("INSERT INTO game_hourly (operator_id, hour, bets) VALUES (1, now(), 5)")
    upgrade(f"{clickhouse.clickhouse_url}_rollups")
    assert all(disagreements(client, name) == [] for name in ROLLUPS)
    for view in GRAIN_VIEWS:
        assert client.query(f"SELECT sum(bets) FROM {view}").result_rows == [(3000,)]
    client.command(RAW_BETS)
    assert client.query("SELECT sum(bets) FROM player_monthly").result_rows == [(6000,)]
    assert all(disagreements(client, name) == [] for name in ROLLUPS)


def test_a_difference_says_where_and_how_much(
    at_the_first_revision: Client, clickhouse: GatewayProcess
) -> None:
    upgrade(f"{clickhouse.clickhouse_url}_rollups")
    at_the_first_revision.command(
        "INSERT INTO bet_rollups (operator_id, grain, start, bet_type, is_bot, wager, win) "
        "VALUES (2, 'operator_quarter', '2026-02-01 10:15:00', 'BONUS', 1, 7, -3)"
    )
    (row,) = disagreements(at_the_first_revision, "bet_rollups")
    of_everybody = "00000000-0000-0000-0000-000000000000"
    assert (row["operator_id"], row["at"]) == (2, "2026-02-01 10:15:00")
    assert row["key"] == f"operator_quarter {of_everybody} 2026-02-01 10:15:00 0 BONUS 1 0"
    assert differences(row) == {"wager": 7, "win": -3}
