"""Makes a table of the warehouse again, or for the first time, while rows stream in.

The new table is built aside. Under a short hold of the relay it is created, a view begins to feed
it, and a snapshot of the rows so far is fixed: hard links in ClickHouse, a batch in the ledger.
It is filled from that snapshot piece by piece, compared with what it must equal, and put in place
under another short hold. Readers see the old table, then the new one, and never half of one.

Whatever is interrupted is run again: it drops what was left and begins anew, so nothing depends on
how long ClickHouse remembers a token.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime, timedelta
from functools import partial
from string import Template
from typing import Any

import asyncpg
import clickhouse_connect
import msgspec
from clickhouse_connect.driver.asyncclient import AsyncClient
from clickhouse_connect.driver.exceptions import OperationalError

from warehouse.hold import flush_marks, stream_held
from warehouse.ledger_rows import ledger_chunks
from warehouse.raw_tables import PINNED_SETTINGS
from warehouse.recipes import WHOLE, Recipe
from warehouse.reconcile import (
    PATIENT,
    Difference,
    catch_up,
    ledger_differences,
    rollup_differences,
)
from warehouse.sql_files import read_sql
from warehouse.time_ranges import TimeRange

PIECE_ROWS = 100_000
"""Source rows that one insert makes its rows of, unless a single hour has more: with the widest
rows, some of which become five in a rollup, a block of about 100 MB while it is sorted."""

RETRY_SECONDS = 60.0
CATCH_UP_SECONDS = 60.0
STATEMENT_SECONDS = 600
DROP_ANY_SIZE = {"max_table_size_to_drop": 0, "max_partition_size_to_drop": 0}
FILL_SETTINGS = {
    **PINNED_SETTINGS,
    # One block, and so one token, whatever the piece's size; one thread, to leave the others to
    # the stream and its readers.
    "max_threads": 1,
    "max_block_size": 100_000,
    "optimize_on_insert": 1,
}

Progress = Callable[[int, int], None]
"""Told of the rows that are done and of those there are, 0 while nobody knows."""


class RebuildFailed(Exception):
    """The table was not put in place, and the one before it stands; says why."""


class Rebuilt(msgspec.Struct, frozen=True, kw_only=True):
    """A table that was made again: from how many rows, in how many inserts, how long it took, and
    how long the relay was held each time, in seconds."""

    table: str
    since: datetime
    until: datetime
    rows: int
    pieces: int
    seconds: float
    held_seconds: list[float]


class Piece(msgspec.Struct, frozen=True):
    """Rows of one operator in ``[first, last)``, hours by ``created_at``."""

    operator_id: int
    first: datetime
    last: datetime
    rows: int


async def rebuild(
    postgres_url: str,
    clickhouse_url: str,
    recipe: Recipe,
    asked: TimeRange = WHOLE,
    progress: Progress = lambda done, of: None,
) -> Rebuilt:
    """Make ``recipe``'s table again, whole or the grains that ``asked`` touches.

    ``postgres_url`` is the owner's. A whole rollup that is not there yet is made for the first
    time, with its view. Raises ``RebuildFailed``, the drivers' errors when a store goes away
    (inserts are tried again for a minute), ``ValueError`` for a range of a dimension.
    """
    async with AsyncExitStack() as stack:
        work = await _opened(postgres_url, clickhouse_url, recipe, asked, progress, stack)
        return await work.run()


async def _opened(
    postgres_url: str,
    clickhouse_url: str,
    recipe: Recipe,
    asked: TimeRange,
    progress: Progress,
    stack: AsyncExitStack,
) -> "_Rebuild":
    client = await clickhouse_connect.get_async_client(
        dsn=clickhouse_url,
        autogenerate_session_id=False,
        send_receive_timeout=STATEMENT_SECONDS,
        query_retries=0,
    )
    stack.push_async_callback(client.close)
    connections: list[asyncpg.Connection] = []
    for _ in range(3):
        connection = await asyncpg.connect(
            postgres_url, server_settings={**PATIENT, "application_name": "pitboss_rebuild"}
        )
        stack.push_async_callback(connection.close)
        connections.append(connection)
    keeper = connections[2]
    if not await keeper.fetchval(read_sql("rebuild", "one_at_a_time")):
        raise RebuildFailed("another rebuild is running")
    part = asked if asked == WHOLE else recipe.widened(asked)
    holder, reader, _ = connections
    return _Rebuild(client, holder, reader, keeper, recipe, part, progress)


class _Rebuild:
    """One run. ``holder`` holds the relay, ``reader`` reads the ledger as of a hold, and
    ``keeper`` keeps others from rebuilding."""

    def __init__(
        self,
        client: AsyncClient,
        holder: asyncpg.Connection,
        reader: asyncpg.Connection,
        keeper: asyncpg.Connection,
        recipe: Recipe,
        part: TimeRange,
        progress: Progress,
    ) -> None:
        self._client, self._holder, self._reader = client, holder, reader
        self._keeper = keeper
        self._recipe, self._part, self._progress = recipe, part, progress
        name = recipe.name
        self._side, self._view = f"{name}__rebuild", f"{name}__rebuild_mv"
        self._rows, self._seen = f"{name}__rows", f"{name}__seen"
        self._held: list[float] = []
        self._done = self._pieces = 0

    async def run(self) -> Rebuilt:
        began = time.monotonic()
        await self._sweep()
        if self._recipe.from_ledger:
            async with self._reader.transaction(isolation="repeatable_read", readonly=True):
                await self._fill_from_ledger(await self._cut())
        else:
            await self._cut()
            await self._fill_from_rows()
        await self._compare()
        await self._put_in_place()
        await self._sweep()
        return Rebuilt(
            table=self._recipe.name,
            since=self._part.start,
            until=self._part.end,
            rows=self._done,
            pieces=self._pieces,
            seconds=round(time.monotonic() - began, 3),
            held_seconds=[round(seconds, 3) for seconds in self._held],
        )

    @asynccontextmanager
    async def _hold(self) -> AsyncIterator[str]:
        """Hold the relay; leaving it fails if the hold was lost meanwhile."""
        async with stream_held(self._holder) as snapshot:
            began = time.monotonic()
            yield snapshot
            await self._holder.fetchval("SELECT 1")
            self._held.append(time.monotonic() - began)

    async def _sweep(self) -> None:
        """Drop what is left of this run or of one before it; the view first, which is fed."""
        names = [self._view, self._side, self._rows, self._seen]
        left = await self._there(*names)
        if self._view in left:
            async with self._hold():
                await self._drop(self._view)
        for name in names[1:]:
            if name in left:
                await self._drop(name)

    async def _cut(self) -> str:
        """Begin to feed the new table, and fix the rows that came before."""
        recipe, name = self._recipe, self._recipe.name
        if self._part != WHOLE:
            # Hard links would not take along what still changes a table's parts.
            await self._mutated(name)
        async with self._hold() as snapshot:
            await flush_marks(self._keeper)
            # The reader's first statement fixes what it sees: this batch and all before it.
            await self._reader.fetchval("SELECT pg_current_snapshot()")
            if self._part == WHOLE:
                await self._command(recipe.table_text(self._side))
            else:
                await self._command(f"CREATE TABLE {self._side} CLONE AS {name}")
                await self._command(self._text("delete_range", self._side), self._range())
            if not recipe.from_ledger:
                await self._command(f"CREATE TABLE {self._rows} CLONE AS {recipe.source}")
            await self._command(
                f"CREATE MATERIALIZED VIEW {self._view} TO {self._side} AS {recipe.select}"
            )
        await self._mutated(self._side)
        return snapshot

    async def _mutated(self, table: str) -> None:
        """Wait until nothing changes the table's parts any more: a range is out of them, or a
        projection is in them. Raises ``RebuildFailed`` if it cannot be done."""
        while rows := await self._query(read_sql("rebuild", "mutations"), {"table": table}):
            if rows[0][0]:
                raise RebuildFailed(f"{table}: {rows[0][0]}")
            await asyncio.sleep(0.05)

    async def _fill_from_rows(self) -> None:
        pieces = await self._plan()
        total = sum(piece.rows for piece in pieces)
        statement = self._recipe.fill_text(self._side, self._rows)
        for number, piece in enumerate(pieces):
            parameters = self._range() | {
                "operator_id": piece.operator_id,
                "first": _text_of(piece.first),
                "last": _text_of(piece.last),
            }
            await self._insert(number, partial(self._command, statement, parameters))
            self._count(piece.rows, total)

    async def _plan(self) -> list[Piece]:
        """The snapshot's rows in pieces of about ``PIECE_ROWS``."""
        text = Template(read_sql("rebuild", "pieces")).substitute(
            rows=self._rows, clock=self._recipe.clock
        )
        return pieces_of(await self._query(text, self._range()))

    async def _fill_from_ledger(self, snapshot: str) -> None:
        chunks = ledger_chunks(self._reader, self._recipe.name, snapshot, self._part)
        number = 0
        async for chunk in chunks:
            await self._insert(number, partial(self._send, chunk.body))
            self._count(chunk.rows, 0)
            number += 1

    async def _insert(self, number: int, work: Callable[[dict[str, Any]], Awaitable[Any]]) -> None:
        """Do one insert until it is in, trying again while ClickHouse is away.

        Seconds later the table still knows the token of what got in before it went.
        """
        settings = FILL_SETTINGS | {"insert_deduplication_token": f"{self._side}:{number}"}
        deadline = time.monotonic() + RETRY_SECONDS
        while True:
            try:
                await work(settings)
                return
            except OperationalError:  # no answer; what the engine itself refuses is another error
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(0.5)

    async def _send(self, body: bytes, settings: dict[str, Any]) -> None:
        await self._client.raw_insert(
            self._side, insert_block=body, fmt="JSONEachRow", settings=settings
        )

    async def _compare(self) -> None:
        """Raises ``RebuildFailed`` unless the new table is what it must be, found on hard links of
        one moment, so that the relay waits only while those are made."""
        recipe = self._recipe
        if recipe.from_ledger and await catch_up(self._keeper, CATCH_UP_SECONDS):
            raise RebuildFailed("the relay has not sent what the new table was filled with")
        await self._drop(self._rows)
        async with self._reader.transaction(isolation="repeatable_read", readonly=True):
            async with self._hold() as snapshot:
                await self._reader.fetchval("SELECT pg_current_snapshot()")
                await self._command(f"CREATE TABLE {self._seen} CLONE AS {self._side}")
                if not recipe.from_ledger:
                    await self._command(f"CREATE TABLE {self._rows} CLONE AS {recipe.source}")
            start = self._part.start
            if recipe.from_ledger:
                found = await ledger_differences(
                    self._client, self._reader, recipe.name, self._seen, snapshot, start
                )
            else:
                found = await rollup_differences(
                    self._client, recipe.name, self._seen, self._rows, start
                )
        end = self._part.end.strftime("%Y-%m-%d %H:%M")
        wrong = [item for item in found if item.hour < end]
        if wrong:
            raise RebuildFailed(f"{self._side} is not what it must be: {_first(wrong)}")

    async def _put_in_place(self) -> None:
        name = self._recipe.name
        async with self._hold():
            await flush_marks(self._keeper)
            await self._drop(self._view)
            if name in await self._there(name):
                await self._command(f"EXCHANGE TABLES {name} AND {self._side}")
            else:
                await self._command(f"RENAME TABLE {self._side} TO {name}")
            if self._recipe.has_view:
                await self._command(read_sql("views", f"{name}_mv"))

    def _count(self, rows: int, total: int) -> None:
        self._done += rows
        self._pieces += 1
        self._progress(self._done, total)

    def _range(self) -> dict[str, Any]:
        return {"since": _text_of(self._part.start), "until": _text_of(self._part.end)}

    def _text(self, name: str, table: str) -> str:
        return Template(read_sql("rebuild", name)).substitute(table=table, time=self._recipe.time)

    async def _there(self, *names: str) -> set[str]:
        rows = await self._query(read_sql("rebuild", "there"), {"names": list(names)})
        return {row[0] for row in rows}

    async def _query(self, text: str, parameters: dict[str, Any]) -> list[Any]:
        return list((await self._client.query(text, parameters=parameters)).result_rows)

    async def _command(
        self,
        text: str,
        parameters: dict[str, Any] | None = None,
        settings: dict[str, Any] | None = None,
    ) -> None:
        await self._client.command(text, parameters=parameters, settings=settings)

    async def _drop(self, name: str) -> None:
        await self._command(f"DROP TABLE IF EXISTS {name} SYNC", settings=DROP_ANY_SIZE)


def pieces_of(hours: list[Any], limit: int = PIECE_ROWS) -> list[Piece]:
    """(operator, hour, rows) in order, joined into pieces of at most ``limit`` rows; an hour that
    has more is a piece alone."""
    pieces: list[Piece] = []
    for operator_id, hour, rows in hours:
        last = pieces[-1] if pieces else None
        end = hour + timedelta(hours=1)
        if last and last.operator_id == operator_id and last.rows + rows <= limit:
            pieces[-1] = Piece(operator_id, last.first, end, last.rows + rows)
        else:
            pieces.append(Piece(operator_id, hour, end, rows))
    return pieces


def _first(differences: list[Difference]) -> str:
    item = differences[0]
    return (
        f"operator {item.operator_id}, {item.hour} {item.key}: {item.difference}"
        + f", and {len(differences) - 1} more" * (len(differences) > 1)
    )


def _text_of(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S.%f")
