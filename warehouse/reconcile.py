"""Proves the warehouse against the ledger, and its rollups against its raw tables, to the cent.

Under live traffic both must be read at one cut. The cut is a relay batch: while the newest, sent
batch is held, the relay plans no other and ClickHouse stands still, as long as it takes to fix what
it holds as hard links. The ledger is read in a later snapshot, and what the outbox holds beyond the
batch is taken off again.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import asyncpg
import clickhouse_connect
import msgspec
from clickhouse_connect.driver.asyncclient import AsyncClient

from warehouse.hold import stream_held
from warehouse.rollups import ROLLUPS, differences
from warehouse.sql_files import read_sql
from warehouse.time_ranges import DAY, EPOCH, MONTH, Grain

CATCH_UP_SECONDS = 60.0
POLL_SECONDS = 0.1
MAX_DIFFERENCES = 100

PATIENT = {"timezone": "UTC", "idle_in_transaction_session_timeout": "0"}
"""Of connections that keep a snapshot or a lock while ClickHouse works."""

LEDGER_CHECKS = {
    "bets": ("operator_id", "game_id", "hour", "bet_type"),
    "transactions": ("operator_id", "hour", "kind", "status"),
    "benefits": ("operator_id", "hour", "kind"),
    "dimensions": ("operator_id", "dimension"),
    "liability": ("operator_id",),
}
"""Comparisons with the ledger and the key of each; every other column must be equal."""

CHECKS_OF = {
    "bets": ("bets",),
    "transactions": ("transactions", "benefits"),
    "players": ("dimensions",),
    "games": ("dimensions",),
    "operators": ("dimensions",),
}
"""What proves each raw table by itself."""

CHECKED_TABLES = (*CHECKS_OF, *ROLLUPS)

STOCKS = {"dimensions", "liability"}
"""Comparisons of what stands at the cut, whenever it came about."""


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """Two books that disagree: which check, whose, about what, and by how much.

    ``hour`` is the UTC hour that it is about as ``2026-03-05 12:00``, the day where a check goes
    by days or months, or empty for what stands at the cut. ``difference`` is what the warehouse
    has too much (or, negative, too little) of the column that ``key`` ends with.
    """

    check: str
    operator_id: int
    hour: str
    key: str
    difference: int


async def reconcile_warehouse(
    postgres_url: str,
    clickhouse_url: str,
    since: datetime = EPOCH,
    catch_up_seconds: float = CATCH_UP_SECONDS,
) -> list[Difference]:
    """Every disagreement about what happened from ``since``, a full UTC hour, on; [] when all is
    well. At most 100 of each check. Without ``since`` what has no time, the dimensions and what
    is owed to players, is compared as well.

    ``postgres_url`` is the owner's. First the relay must have sent all that is committed now; if
    it does not within ``catch_up_seconds``, that is the one difference. The relay pauses for a
    moment. Raises the drivers' errors when a store is away.
    """
    client = await clickhouse_connect.get_async_client(
        dsn=clickhouse_url,
        autogenerate_session_id=False,
        send_receive_timeout=600,
        query_retries=0,
    )
    holder = await asyncpg.connect(postgres_url, server_settings=PATIENT)
    reader = await asyncpg.connect(postgres_url, server_settings=PATIENT)
    try:
        pending = await catch_up(holder, catch_up_seconds)
        if pending:
            return [_behind(pending)]
        await holder.execute(read_sql("reconcile", "one_at_a_time"))
        async with (
            reader.transaction(isolation="repeatable_read", readonly=True),
            _checked_tables(client, holder, reader) as snapshot,
        ):
            return await _differences(client, reader, snapshot, since)
    finally:
        await holder.close()
        await reader.close()
        await client.close()


async def _differences(
    client: AsyncClient, reader: asyncpg.Connection, snapshot: str, since: datetime
) -> list[Difference]:
    result: list[Difference] = []
    for name, rollup in ROLLUPS.items():
        result += await rollup_differences(
            client, name, _checked(name), _checked(rollup.source), since
        )
    for name, keys in LEDGER_CHECKS.items():
        if since == EPOCH or name not in STOCKS:
            found = await _read(
                client, _of_checked(read_sql("reconcile", f"warehouse_{name}")), since
            )
            expected = await _ledger(reader, name, snapshot, since)
            result += _compare(f"ledger_and_{name}", keys, expected, found)
    return result


@asynccontextmanager
async def _checked_tables(
    client: AsyncClient, holder: asyncpg.Connection, reader: asyncpg.Connection
) -> AsyncIterator[str]:
    """Every table as it is at one batch, as hard links under another name; yields the batch's
    snapshot. ``reader``, in a transaction that has not read yet, sees that batch and all before.
    """
    await _drop_checked(client)
    try:
        async with stream_held(holder) as snapshot:
            await reader.fetchval("SELECT pg_current_snapshot()")
            for name in CHECKED_TABLES:
                await client.command(f"CREATE TABLE {_checked(name)} CLONE AS {name}")
        yield snapshot
    finally:
        await _drop_checked(client)


async def _drop_checked(client: AsyncClient) -> None:
    settings = {"max_table_size_to_drop": 0, "max_partition_size_to_drop": 0}
    for name in CHECKED_TABLES:
        await client.command(f"DROP TABLE IF EXISTS {_checked(name)} SYNC", settings=settings)


def _checked(table: str) -> str:
    return f"{table}__checked"


def _of_checked(query: str) -> str:
    """The query on the tables as they were at the cut."""
    names = "|".join(CHECKED_TABLES)
    return re.sub(rf"\bFROM ({names})\b", r"FROM \1__checked", query)


async def catch_up(connection: asyncpg.Connection, seconds: float) -> int:
    """Wait until all that is committed now is sent; how many rows are not after ``seconds``."""
    now = await connection.fetchval("SELECT pg_current_snapshot()::text")
    deadline = asyncio.get_running_loop().time() + seconds
    while True:
        pending = int(await connection.fetchval(read_sql("reconcile", "pending"), now) or 0)
        if pending == 0 or asyncio.get_running_loop().time() > deadline:
            return pending
        await asyncio.sleep(POLL_SECONDS)


async def ledger_differences(
    client: AsyncClient,
    reader: asyncpg.Connection,
    topic: str,
    table: str,
    snapshot: str,
    since: datetime,
) -> list[Difference]:
    """Where ``table``, made like the raw table ``topic``, and the ledger disagree.

    ``table`` holds the batches up to the one with ``snapshot``; ``reader`` is in a later one.
    """
    found: list[Difference] = []
    for name in CHECKS_OF[topic]:
        query = re.sub(
            rf"\bFROM {topic}\b", f"FROM {table}", read_sql("reconcile", f"warehouse_{name}")
        )
        there = await _read(client, query, since)
        expected = await _ledger(reader, name, snapshot, since)
        if name == "dimensions":
            there = [row for row in there if row["dimension"] == topic]
            expected = [row for row in expected if row["dimension"] == topic]
        found += _compare(f"ledger_and_{name}", LEDGER_CHECKS[name], expected, there)
    return found


async def rollup_differences(
    client: AsyncClient, name: str, table: str, source: str, since: datetime
) -> list[Difference]:
    """Where ``table``, made like the rollup ``name``, and its raw rows disagree: grain by grain,
    each from the start of the one that holds ``since``."""
    rollup, found = ROLLUPS[name], list[Difference]()
    for grain, length in rollup.grains.items():
        query = rollup.difference_query(grain, table, source)
        found += [
            Difference(
                check=f"rollup_{grain or name}",
                operator_id=row["operator_id"],
                hour=_hour(row["at"], length),
                key=f"{row['key']}: {column}",
                difference=value,
            )
            for row in await _read(client, query, length.floor(since))
            for column, value in differences(row).items()
        ]
    return found


async def _ledger(
    connection: asyncpg.Connection, name: str, snapshot: str, since: datetime
) -> list[dict[str, Any]]:
    query = read_sql("reconcile", f"ledger_{name}")
    arguments = (snapshot,) if name in STOCKS else (snapshot, since)
    return [dict(row) for row in await connection.fetch(query, *arguments)]


async def _read(client: AsyncClient, query: str, since: datetime) -> list[dict[str, Any]]:
    result = await client.query(
        query,
        parameters={"since": since.strftime("%Y-%m-%d %H:%M:%S.%f")},
        # A table with a row a player and day has millions of keys: beyond this they go to disk.
        settings={"max_bytes_before_external_group_by": 256 << 20},
    )
    return list(result.named_results())


def _compare(
    check: str,
    keys: Sequence[str],
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
    result: list[Difference] = []
    for key, sums in sides.items():
        named = dict(zip(keys, key, strict=True))
        label = " ".join(str(value) for name, value in named.items() if name != "operator_id")
        result += [
            Difference(
                check=check,
                operator_id=named["operator_id"],
                hour=named.get("hour", ""),
                key=f"{label}: {column}",
                difference=value,
            )
            for column, value in sums.items()
            if value
        ]
    return result[:MAX_DIFFERENCES]


def _hour(at: str, length: Grain) -> str:
    """The hour in which a grain starts, or the day if it is made of days."""
    return at[:10] if length in (DAY, MONTH) else f"{at[:13]}:00"


def _behind(pending: int) -> Difference:
    return Difference(
        check="relay_has_caught_up", operator_id=0, hour="", key="rows", difference=-pending
    )
