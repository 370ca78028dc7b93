"""Five rollups become one: every figure stays, whenever the migration is interrupted."""

from collections.abc import Iterator, Sequence
from typing import Any

import clickhouse_connect
import pytest
from clickhouse_connect.driver.client import Client

from tests.support.gateway import GatewayProcess
from warehouse.migrate import upgrade
from warehouse.rollups import GRAIN_VIEWS, ROLLUPS, feeding_select
from warehouse.sql_files import read_sql

BETS = """
INSERT INTO bets (operator_id, bet_id, user_id, game_id, is_bot, currency, bet_type, sign, wager,
    wager_real, wager_bonus, win, win_real, win_bonus, ggr, jackpot, jackpot_contribution_e4,
    free_spin_stake, free_spin_win, theoretical_ggr_e4, liability_delta, xp_added, created_at)
WITH
    -- Every ninth row takes back the one before it.
    if(number % 9 = 8, number - 1, number) AS bet,
    if(number % 9 = 8, -1, 1) AS way,
    ['REAL', 'BONUS', 'MIXED', 'FREE_SPIN'][1 + bet % 4] AS type,
    way * [0, 20, 99, 100, 999, 1000, 5000][1 + bet % 7] AS stake,
    if(bet % 3 = 0, stake * 2, 0) AS prize,
    if(type = 'FREE_SPIN', 0, stake) AS paid,
    if(type = 'FREE_SPIN', 0, prize) AS won
SELECT
    1 + bet % 2, toUUID('00000000-0000-7000-9000-' || leftPad(toString(bet), 12, '0')),
    toUUID('00000000-0000-7000-8000-00000000000' || bet % 7), 1 + bet % 5, bet % 2, 'EUR', type,
    way, paid, intDiv(paid, 3) AS real, paid - real, won, intDiv(won, 3) AS back, won - back,
    paid - won, if(bet % 50 = 0, way * 700, 0), way * bet, stake - paid, prize - won, way * 3 * bet,
    prize - paid, way * 5, toDateTime64('2026-01-30 22:00:00', 6, 'UTC') + INTERVAL bet * 977 SECOND
FROM numbers({first:UInt32}, 2700)
"""


@pytest.fixture
def url(clickhouse: GatewayProcess) -> Iterator[str]:
    """A warehouse as it was before, with bets of three months."""
    url = f"{clickhouse.clickhouse_url}_five"
    upgrade(url, "0005")
    with clickhouse_connect.get_client(dsn=url, autogenerate_session_id=False) as client:
        client.command(BETS, parameters={"first": 0})
        client.command(BETS, parameters={"first": 2700})
    yield url
    with clickhouse_connect.get_client(dsn=url, autogenerate_session_id=False) as client:
        client.command("DROP DATABASE {name:Identifier} SYNC", parameters={"name": client.database})


@pytest.fixture
def client(url: str) -> Iterator[Client]:
    with clickhouse_connect.get_client(dsn=url, autogenerate_session_id=False) as client:
        yield client


def figures(client: Client) -> dict[str, Sequence[Any]]:
    """What each rollup says, by every column that is not a sum, and its columns' types."""
    found: dict[str, Sequence[Any]] = {}
    for name in GRAIN_VIEWS:
        columns = client.query(f"DESCRIBE TABLE {name}").result_rows
        keys = ", ".join(row[0] for row in columns[: [row[0] for row in columns].index("bets")])
        rows = client.query(
            f"SELECT {keys}, COLUMNS('.') EXCEPT ({keys}) APPLY(sum) FROM {name} "
            f"GROUP BY {keys} ORDER BY {keys}"
        ).result_rows
        found[name] = [[row[:2] for row in columns], rows]
    return found


def wrong(client: Client) -> list[Any]:
    """Where the rollup disagrees with its bets."""
    rollup = ROLLUPS["bet_rollups"]
    queries = map(rollup.difference_query, rollup.grains)
    since = {"since": "1970-01-01 00:00:00"}
    return [row for query in queries for row in client.query(query, parameters=since).result_rows]


def tables(client: Client) -> set[str]:
    rows = client.query(
        "SELECT name FROM system.tables WHERE database = currentDatabase() "
        "AND engine IN ('SummingMergeTree', 'MaterializedView')"
    ).result_rows
    return {name for (name,) in rows}


def again(client: Client, url: str) -> None:
    """Run the migration as after one that did not get to its end."""
    client.command("ALTER TABLE alembic_version DELETE WHERE 1", settings={"mutations_sync": 2})
    client.command("INSERT INTO alembic_version (version_num) VALUES ('0005')")
    upgrade(url)


def test_every_figure_stays_and_new_bets_are_added(client: Client, url: str) -> None:
    before = figures(client)
    assert all(len(rows) > 5 for _, rows in before.values())
    # As a rebuild leaves behind that was broken off.
    client.command("CREATE TABLE game_daily__rebuild CLONE AS game_daily")
    client.command(
        "CREATE MATERIALIZED VIEW game_daily__rebuild_mv TO game_daily__rebuild AS "
        + feeding_select(read_sql("retired_views", "game_daily_mv"))
    )
    upgrade(url)
    assert figures(client) == before
    assert wrong(client) == []
    ours = {name for rollup in ROLLUPS for name in (rollup, f"{rollup}_mv")}
    assert tables(client) == ours
    client.command(BETS, parameters={"first": 5400})
    assert wrong(client) == []
    assert figures(client) != before


def test_a_fill_that_was_broken_off_begins_anew(client: Client, url: str) -> None:
    before = figures(client)
    for name in GRAIN_VIEWS:
        client.command(f"CREATE TABLE kept_{name} CLONE AS {name}")
    upgrade(url)
    for name in GRAIN_VIEWS:
        client.command(f"DROP VIEW {name}")
        client.command(f"RENAME TABLE kept_{name} TO {name}")
    again(client, url)
    assert figures(client) == before


def test_nothing_is_lost_if_it_was_broken_off_among_the_old_tables(
    client: Client, url: str
) -> None:
    before = figures(client)
    client.command("CREATE TABLE kept CLONE AS player_daily")
    upgrade(url)
    client.command("DROP VIEW player_daily")
    client.command("RENAME TABLE kept TO player_daily")
    again(client, url)
    assert figures(client) == before
    again(client, url)
    assert figures(client) == before
