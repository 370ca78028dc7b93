"""The warehouse thrown away and made again from the ledger is what it was, row by row."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import clickhouse_connect
import pytest
from clickhouse_connect.driver.client import Client
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from redis.asyncio import Redis

from ledger.database import Role, role_dsn
from tests.integration.warehouse.conftest import Stream
from tests.support.casino import Casino, open_casino
from tests.support.gateway import GatewayProcess
from tests.support.machine.bonuses import BonusRules
from tests.support.machine.payments import PaymentRules
from tests.support.machine.play import PlayRules
from warehouse.migrate import upgrade
from warehouse.raw_tables import RawTables
from warehouse.rebuild import RebuildFailed, rebuild
from warehouse.recipes import RECIPES
from warehouse.reconcile import reconcile_warehouse
from warehouse.rollups import ROLLUPS
from warehouse.time_ranges import TimeRange

DIMENSIONS = ("players", "games", "operators")
NOW = {"mutations_sync": 2}
OLD_BET = """
INSERT INTO bets (operator_id, bet_id, sign, created_at)
VALUES (1, generateUUIDv7(), 1, '2019-05-05')
"""


class HistoryMachine(PaymentRules, BonusRules, PlayRules):
    """Any commands in any order, as the money machine gives them."""


@pytest.fixture(scope="module")
def casino(postgres_url: str, secret_key: str) -> Iterator[Casino]:
    with open_casino(postgres_url, secret_key) as opened:
        yield opened


@pytest.fixture(scope="module")
def rich_history(casino: Casino) -> dict[str, int]:
    """Some hundred commands of every kind, around a change of what games are; what there was."""
    for _ in range(2):
        run_state_machine_as_test(
            type("Machine", (HistoryMachine,), {"casino": casino}),
            settings=settings(
                max_examples=6,
                stateful_step_count=120,
                deadline=None,
                phases=(Phase.generate,),
                derandomize=True,
                database=None,
                suppress_health_check=list(HealthCheck),  # pyright: ignore[reportArgumentType]
            ),
        )
        casino.run(
            casino.world.owner.execute(
                "UPDATE game SET provider = provider || '+', rtp_bps = rtp_bps - 7, "
                "category_id = 3 - category_id"
            )
        )
    return casino.run(casino.tally())


def rows_of(client: Client) -> dict[str, list[Any]]:
    """Every row of every table as it is read, in one order."""
    queries = {
        name: f"SELECT * FROM {name}{' FINAL' if name in DIMENSIONS else ''} ORDER BY ALL"
        for name in RECIPES
    }
    for name, rollup in ROLLUPS.items():
        keys = ", ".join(rollup.key)
        queries[name] = (
            f"SELECT {keys}, COLUMNS('.') EXCEPT ({keys}) APPLY(sum) FROM {name} "
            f"GROUP BY {keys} ORDER BY {keys}"
        )
    return {name: list(client.query(query).result_rows) for name, query in queries.items()}


def drain(casino: Casino, dsn: str, redis_url: str, clickhouse_url: str) -> None:
    async def work() -> None:
        tables = RawTables(clickhouse_url)
        async with Redis.from_url(redis_url) as redis:
            await Stream(dsn, redis, tables).drain()
        await tables.close()

    casino.run(work())


@pytest.fixture(scope="module")
def warehouse_at(
    casino: Casino,
    rich_history: dict[str, int],
    secret_key: str,
    redis_url: str,
    clickhouse: GatewayProcess,
) -> str:
    """A warehouse into which the whole history was streamed."""
    url = f"{clickhouse.clickhouse_url}_lost"
    upgrade(url)
    drain(casino, role_dsn(casino.world.owner_url, Role.RELAY, secret_key), redis_url, url)
    return url


def test_everything_made_again_equals_what_was_streamed(
    casino: Casino, rich_history: dict[str, int], warehouse_at: str
) -> None:
    url, owner_url = warehouse_at, casino.world.owner_url
    with clickhouse_connect.get_client(dsn=url, autogenerate_session_id=False) as client:
        before = rows_of(client)
        client.command("DROP DATABASE {name:Identifier} SYNC", parameters={"name": client.database})
    upgrade(url)
    for recipe in RECIPES.values():
        casino.run(rebuild(owner_url, url, recipe))
    with clickhouse_connect.get_client(dsn=url, autogenerate_session_id=False) as client:
        after = rows_of(client)
    for name, rows in before.items():
        assert rows, name
        assert after[name] == rows, name
    assert casino.run(reconciled(owner_url, url)) == []
    assert not {"rollbacks", "jackpots", "deposit completed"} - {
        what for what, times in rich_history.items() if times
    }


async def reconciled(owner_url: str, url: str) -> list[Any]:
    return await reconcile_warehouse(owner_url, url, catch_up_seconds=0)


def test_a_range_is_made_again_and_nothing_else(
    casino: Casino, rich_history: dict[str, int], warehouse_at: str
) -> None:
    """Rows that went wrong inside of the range are put right; those outside stay as they are."""
    with clickhouse_connect.get_client(dsn=warehouse_at, autogenerate_session_id=False) as client:
        before = rows_of(client)
        edges = client.query("SELECT min(created_at), max(created_at) FROM bets").result_rows
        ((first, last),) = edges
        part = TimeRange(first.replace(tzinfo=UTC), last.replace(tzinfo=UTC))
        client.command("INSERT INTO bets SELECT * FROM bets ORDER BY ALL LIMIT 7")
        client.command("ALTER TABLE transactions DELETE WHERE kind = 'DEPOSIT'", settings=NOW)
        client.command(OLD_BET)
        for name in ("bets", "transactions"):
            casino.run(rebuild(casino.world.owner_url, warehouse_at, RECIPES[name], part))
        old = client.query("SELECT count() FROM bets WHERE created_at < '2020-01-01'").result_rows
        assert old == [(1,)]
        client.command("ALTER TABLE bets DELETE WHERE created_at < '2020-01-01'", settings=NOW)
        for name in RECIPES:
            casino.run(rebuild(casino.world.owner_url, warehouse_at, RECIPES[name]))
        assert rows_of(client) == before


def test_an_hour_of_a_rollup_is_made_again_with_its_day_and_its_month(
    casino: Casino, rich_history: dict[str, int], warehouse_at: str
) -> None:
    with clickhouse_connect.get_client(dsn=warehouse_at, autogenerate_session_id=False) as client:
        before = rows_of(client)
        ((first,),) = client.query("SELECT min(created_at) FROM bets").result_rows
        hour = first.replace(minute=0, second=0, microsecond=0, tzinfo=UTC)
        doubled = client.query(
            "INSERT INTO bet_rollups SELECT * FROM bet_rollups "
            "WHERE toStartOfMonth(start) = toStartOfMonth({first:DateTime}) "
            "ORDER BY ALL LIMIT 1 BY grain",
            parameters={"first": hour},
        ).summary["written_rows"]
        assert doubled == str(len(ROLLUPS["bet_rollups"].grains))
        assert rows_of(client) != before
        client.command(
            "INSERT INTO bet_rollups (operator_id, grain, start, bets) "
            "VALUES (1, 'game_day', '2019-05-05 00:00:00', 1)"
        )
        part = TimeRange(hour, hour + timedelta(hours=1))
        made = casino.run(
            rebuild(casino.world.owner_url, warehouse_at, RECIPES["bet_rollups"], part)
        )
        assert made.since == hour.replace(day=1, hour=0)
        old = "FROM bet_rollups WHERE start < '2020-01-01'"
        assert client.query(f"SELECT count() {old}").result_rows == [(1,)]
        client.command(f"DELETE {old}", settings=NOW | {"lightweight_deletes_sync": 2})
        assert rows_of(client) == before


def test_what_the_ledger_does_not_explain_is_not_put_in_place(
    casino: Casino, rich_history: dict[str, int], warehouse_at: str
) -> None:
    """Events that were told before they were kept for good cannot be had again."""
    owner = casino.world.owner
    with clickhouse_connect.get_client(dsn=warehouse_at, autogenerate_session_id=False) as client:
        before = rows_of(client)
        casino.run(owner.execute("ALTER TABLE money_event DISABLE TRIGGER USER"))
        kept = "SELECT * FROM money_event WHERE payload ->> 'kind' = 'DEPOSIT'"
        casino.run(owner.execute(f"CREATE TABLE forgotten AS {kept}"))
        casino.run(owner.execute("DELETE FROM money_event WHERE payload ->> 'kind' = 'DEPOSIT'"))
        with pytest.raises(RebuildFailed, match="DEPOSIT"):
            casino.run(rebuild(casino.world.owner_url, warehouse_at, RECIPES["transactions"]))
        assert rows_of(client) == before
        casino.run(owner.execute("INSERT INTO money_event SELECT * FROM forgotten"))
        casino.run(rebuild(casino.world.owner_url, warehouse_at, RECIPES["transactions"]))
        assert rows_of(client) == before


def test_a_dimension_has_no_ranges(casino: Casino, warehouse_at: str) -> None:
    part = TimeRange(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC))
    with pytest.raises(ValueError, match="whole"):
        casino.run(rebuild(casino.world.owner_url, warehouse_at, RECIPES["players"], part))
