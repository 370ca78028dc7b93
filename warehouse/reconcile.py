"""Proves the warehouse against the ledger, and its rollups against its raw tables, to the cent.

Under live traffic both must be read at one cut. The cut is a relay batch: while the newest, sent
batch is held, the relay plans no other and ClickHouse stands still. The ledger is read in a later
snapshot, and what the outbox holds beyond the batch is taken off again.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import asyncpg
import clickhouse_connect
import msgspec
from clickhouse_connect.driver.asyncclient import AsyncClient

from warehouse.sql_files import read_sql, sql_names
from warehouse.time_ranges import EPOCH

CATCH_UP_SECONDS = 60.0
POLL_SECONDS = 0.1
MAX_DIFFERENCES = 100

LEDGER_CHECKS = {
    "bets": ("operator_id", "game_id", "hour", "bet_type"),
    "transactions": ("operator_id", "hour", "kind", "status"),
    "benefits": ("operator_id", "hour", "kind"),
    "dimensions": ("operator_id", "dimension"),
}
"""Comparisons with the ledger and the key of each; every other column must be equal."""


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
            async with _held(holder) as snapshot:
                # The first statement fixes what the reader sees, after the batch it is held to.
                await reader.fetchval("SELECT pg_current_snapshot()")
                found = {
                    name: await _read(client, f"warehouse_{name}", since) for name in LEDGER_CHECKS
                }
                differences = await _compare_rollups(client, since)
            for name, keys in LEDGER_CHECKS.items():
                expected = await _ledger(reader, name, snapshot, since)
                differences += _compare(f"ledger_and_{name}", keys, expected, found[name])
        return differences
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


@asynccontextmanager
async def _held(connection: asyncpg.Connection) -> AsyncIterator[str]:
    """Hold the newest batch, once it is sent; yields its snapshot.

    A batch that is planned while the lock is waited for is newer than the one locked: try again.
    Raises ``TimeoutError`` if the relay leaves a batch unsent.
    """
    async with asyncio.timeout(CATCH_UP_SECONDS) as limit:
        while True:
            transaction = connection.transaction(isolation="read_committed")
            await transaction.start()
            batch = await connection.fetchrow(read_sql("reconcile", "hold"))
            newest = await connection.fetchval(read_sql("reconcile", "newest_batch"))
            if batch is not None and batch["sent"] and batch["batch_no"] == newest:
                break
            await transaction.rollback()
            await asyncio.sleep(POLL_SECONDS)
        limit.reschedule(None)
        try:
            yield batch["snapshot"]
        finally:
            await transaction.rollback()


async def _ledger(
    connection: asyncpg.Connection, name: str, snapshot: str, since: datetime
) -> list[dict[str, Any]]:
    query = read_sql("reconcile", f"ledger_{name}")
    arguments = (snapshot,) if name == "dimensions" else (snapshot, since)
    return [dict(row) for row in await connection.fetch(query, *arguments)]


async def _read(client: AsyncClient, name: str, since: datetime) -> list[dict[str, Any]]:
    result = await client.query(
        read_sql("reconcile", name),
        parameters={"since": since.strftime("%Y-%m-%d %H:%M:%S.%f")},
    )
    return list(result.named_results())


async def _compare_rollups(client: AsyncClient, since: datetime) -> list[Difference]:
    """What ClickHouse itself finds between each rollup and the raw table that feeds it."""
    differences: list[Difference] = []
    for check in sql_names("reconcile"):
        if check.startswith("rollup_"):
            for row in await _read(client, check, since):
                operator_id, key = row.pop("operator_id"), row.pop("key")
                differences += _columns(check, operator_id, key, row)
    return differences


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
