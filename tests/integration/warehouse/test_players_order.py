"""One player's history: the projection takes the place of copies, old parts or new ones."""

import time
from collections.abc import Iterator, Sequence
from typing import Any

import clickhouse_connect
import pytest
from clickhouse_connect.driver.client import Client

from tests.support.gateway import GatewayProcess
from warehouse.migrate import upgrade

Rows = Sequence[Sequence[Any]]
RAW_TABLES = ("bets", "transactions")
COPIES = """
CREATE TABLE player_{table} AS {table} ENGINE = MergeTree PARTITION BY toYYYYMM(created_at)
ORDER BY (operator_id, user_id, created_at) SETTINGS non_replicated_deduplication_window = 20000
"""
PLAYER = "00000000-0000-7000-8000-000000000003"
BETS = """
INSERT INTO bets (operator_id, bet_id, user_id, game_id, currency, bet_type, sign, wager,
    wager_real, ggr, created_at)
SELECT
    1 + number % 2, generateUUIDv7(),
    toUUID('00000000-0000-7000-8000-' || leftPad(toString(intDiv(number, 2) % 50), 12, '0')),
    1 + number % 5, 'EUR', 'REAL', 1, number AS stake, stake, stake,
    toDateTime64('2026-01-30 22:00:00', 6, 'UTC') + INTERVAL number * 97 SECOND
FROM numbers({first:UInt32}, 60000)
"""
TRANSACTIONS = """
INSERT INTO transactions (operator_id, transaction_id, event_no, user_id, kind, status, currency,
    amount, created_at, occurred_at)
SELECT
    operator_id, bet_id, 1, user_id, 'DEPOSIT', 'COMPLETED', 'EUR', wager, created_at, created_at
FROM bets
"""
PAGE = """
SELECT * FROM tenant_player_{table}(operator_id = 2, user_id = '{player}')
ORDER BY created_at DESC LIMIT 50
"""


def insert(client: Client, first: int) -> None:
    """60,000 bets of 50 players of two operators in ten weeks, and as many transactions again."""
    client.command(BETS, parameters={"first": first})
    client.command(TRANSACTIONS)


def page(client: Client, table: str) -> tuple[Rows, str]:
    """The newest rows of the player, asked for without any setting, and how they were found."""
    query = PAGE.format(table=table, player=PLAYER)
    plan = client.query(f"EXPLAIN indexes = 1, projections = 1 {query}").result_rows
    return client.query(query).result_rows, "\n".join(line for (line,) in plan)


def scanned(client: Client, table: str) -> Rows:
    """The same rows, from the table itself."""
    query = (
        f"SELECT * FROM {table} WHERE operator_id = 2 AND user_id = '{PLAYER}' "
        "ORDER BY created_at DESC LIMIT 50"
    )
    return client.query(query, settings={"optimize_use_projections": 0}).result_rows


@pytest.fixture
def before(clickhouse: GatewayProcess) -> Iterator[Client]:
    """A database with rows as it was when copies held them in the order of players."""
    url = f"{clickhouse.clickhouse_url}_copies"
    upgrade(url, "0003")
    with clickhouse_connect.get_client(dsn=url, autogenerate_session_id=False) as client:
        for table in RAW_TABLES:
            client.command(f"ALTER TABLE {table} DROP PROJECTION by_player")
            client.command(COPIES.format(table=table))
            client.command(
                f"CREATE MATERIALIZED VIEW player_{table}_mv TO player_{table} "
                f"AS SELECT * FROM {table}"
            )
        insert(client, 0)
        yield client
        client.command("DROP DATABASE {name:Identifier}", parameters={"name": client.database})


def declared(client: Client) -> dict[str, str]:
    """What made each table and view, without the database's name."""
    rows = client.query(
        "SELECT name, create_table_query FROM system.tables WHERE database = currentDatabase()"
    ).result_rows
    return {name: text.replace(f"{client.database}.", "") for name, text in rows}


def test_the_upgrade_gives_old_parts_the_order_of_players(
    before: Client, clickhouse: GatewayProcess, warehouse_client: Client
) -> None:
    """Right at once, from new parts' projections and old parts themselves, and soon as quick."""
    for table in RAW_TABLES:
        before.command(f"SYSTEM STOP MERGES {table}")
    upgrade(f"{clickhouse.clickhouse_url}_copies")
    assert declared(before) == declared(warehouse_client)
    insert(before, 60_000)
    for table in RAW_TABLES:
        rows, plan = page(before, table)
        assert rows == scanned(before, table)
        assert "(by_player)" in plan
        assert f".{table})" in plan
        before.command(f"SYSTEM START MERGES {table}")
    while before.query("SELECT 1 FROM system.mutations WHERE NOT is_done").result_rows:
        time.sleep(0.05)
    for table in RAW_TABLES:
        rows, plan = page(before, table)
        assert rows == scanned(before, table)
        assert "(by_player)" in plan
        assert f".{table})" not in plan
