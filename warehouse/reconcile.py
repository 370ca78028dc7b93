"""Proves the warehouse against the ledger, and its rollups against its raw tables, to the cent.

Under live traffic both must be read at one cut. The cut is a relay batch: while the newest, sent
batch is held, the relay plans no other and ClickHouse stands still. The ledger is read in a later
snapshot, and what the outbox holds beyond the batch is taken off again.
"""

import asyncio
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import asyncpg
import clickhouse_connect
import msgspec
from clickhouse_connect.driver.asyncclient import AsyncClient

from warehouse.hold import stream_held
from warehouse.rollups import COPIES, ROLLUPS, differences
from warehouse.sql_files import read_sql
from warehouse.time_ranges import EPOCH

CATCH_UP_SECONDS = 60.0
POLL_SECONDS = 0.1
MAX_DIFFERENCES = 100

LEDGER_CHECKS = {
    "bets": ("operator_id", "game_id", "hour", "bet_type"),
    "transactions": ("operator_id", "hour", "kind", "status"),
    "benefits": ("operator_id", "hour", "kind"),
    "dimensions": ("operator_id", "dimension"),
    "liability": ("operator_id",),
}
"""Comparisons with the ledger and the key of each; every other column must be equal."""

STOCKS = {"dimensions", "liability"}
"""Comparisons of what stands at the cut, whenever it came about."""


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """Two books that disagree: which check, whose, about what, and by how much.

    ``difference`` is what the warehouse has too much (or, negative, too little) of the column
    that ``key`` ends with.
    """

    check: str
    operator_id: int
    key: str
    difference: int


async def reconcile_warehouse(
    postgres_url: str,
    clickhouse_url: str,
    since: datetime = EPOCH,
    catch_up_seconds: float = CATCH_UP_SECONDS,
) -> list[Difference]:
    """Every disagreement about what happened from ``since``, a full UTC hour, on; [] when all is
    well. At most 100 of each check.

    ``postgres_url`` is the owner's. First the relay must have sent all that is committed now; if
    it does not within ``catch_up_seconds``, that is the one difference. While ClickHouse is read
    the relay pauses. Raises the drivers' errors when a store is away.
    """
    client = await clickhouse_connect.get_async_client(
        dsn=clickhouse_url, autogenerate_session_id=False, send_receive_timeout=600
    )
    holder = await asyncpg.connect(postgres_url, server_settings={"timezone": "UTC"})
    reader = await asyncpg.connect(postgres_url, server_settings={"timezone": "UTC"})
    try:
        pending = await _catch_up(holder, catch_up_seconds)
        if pending:
            return [_behind(pending)]
        async with reader.transaction(isolation="repeatable_read", readonly=True):
            async with stream_held(holder) as snapshot:
                # The first statement fixes what the reader sees, after the batch it is held to.
                await reader.fetchval("SELECT pg_current_snapshot()")
                found = {
                    name: await _read(client, read_sql("reconcile", f"warehouse_{name}"), since)
                    for name in LEDGER_CHECKS
                }
                result = await _compare_rollups(client, since)
            for name, keys in LEDGER_CHECKS.items():
                expected = await _ledger(reader, name, snapshot, since)
                result += _compare(f"ledger_and_{name}", keys, expected, found[name])
        return result
    finally:
        await holder.close()
        await reader.close()
        await client.close()


async def _catch_up(connection: asyncpg.Connection, seconds: float) -> int:
    """Wait until all that is committed now is sent; how many rows still are not."""
    now = await connection.fetchval("SELECT pg_current_snapshot()::text")
    deadline = asyncio.get_running_loop().time() + seconds
    while True:
        pending = int(await connection.fetchval(read_sql("reconcile", "pending"), now) or 0)
        if pending == 0 or asyncio.get_running_loop().time() > deadline:
            return pending
        await asyncio.sleep(POLL_SECONDS)


async def _ledger(
    connection: asyncpg.Connection, name: str, snapshot: str, since: datetime
) -> list[dict[str, Any]]:
    query = read_sql("reconcile", f"ledger_{name}")
    arguments = (snapshot,) if name in STOCKS else (snapshot, since)
    return [dict(row) for row in await connection.fetch(query, *arguments)]


async def _read(client: AsyncClient, query: str, since: datetime) -> list[dict[str, Any]]:
    result = await client.query(query, parameters={"since": since.strftime("%Y-%m-%d %H:%M:%S.%f")})
    return list(result.named_results())


async def _compare_rollups(client: AsyncClient, since: datetime) -> list[Difference]:
    """What ClickHouse itself finds between each rollup or copy and the raw table that feeds it."""
    queries = {name: rollup.difference_query for name, rollup in ROLLUPS.items()}
    queries |= {name: read_sql("reconcile", f"rollup_{name}") for name in COPIES}
    found: list[Difference] = []
    for name, query in queries.items():
        for row in await _read(client, query, since):
            found += _columns(f"rollup_{name}", row["operator_id"], row["key"], differences(row))
    return found


def _compare(
    check: str,
    keys: Iterable[str],
    expected: list[dict[str, Any]],
    found: list[dict[str, Any]],
) -> list[Difference]:
    """Rows of equal key, column by column; a row that one side lacks counts as zeros there."""
    sides: dict[tuple[Any, ...], dict[str, int]] = {}
    for rows, sign in ((found, 1), (expected, -1)):
        for row in rows:
            key = tuple(row.pop(name) for name in keys)
            sums = sides.setdefault(key, dict.fromkeys(row, 0))
            for column, value in row.items():
                sums[column] += sign * int(value)
    differences: list[Difference] = []
    for key, sums in sides.items():
        label = " ".join(str(part) for part in key[1:])
        differences += _columns(check, key[0], label, sums)
    return differences[:MAX_DIFFERENCES]


def _columns(check: str, operator_id: int, key: str, sums: dict[str, Any]) -> list[Difference]:
    return [
        Difference(
            check=check, operator_id=operator_id, key=f"{key}: {column}", difference=int(value)
        )
        for column, value in sums.items()
        if value
    ]


def _behind(pending: int) -> Difference:
    return Difference(check="relay_has_caught_up", operator_id=0, key="rows", difference=-pending)
