"""The relay's side of Postgres: leadership, batches by snapshot pairs, and their rows.

Everything goes over one connection that also holds the leader's advisory lock. A leader that lost
its connection has lost the lock and cannot plan, read or mark anything any more.
"""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Self
from uuid import UUID

import asyncpg
import msgspec

from warehouse.chunks import MAX_CHUNK_BYTES, MAX_CHUNK_ROWS, SERIALIZER_VERSION, OutboxRow
from warehouse.sql_files import read_sql

LEADER_LOCK = 0x71B0552E
"""Advisory lock of the one active relay; the number only has to be our own."""

FETCH_ROWS = 4_000
COMMAND_TIMEOUT_SECONDS = 60.0

_SESSION = {
    "application_name": "pitboss_relay",
    "timezone": "UTC",
    "jit": "off",
    # A server must notice within seconds that a leader's machine is gone, and free the lock.
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "15000",
    # Young partitions have no statistics; both ranges of a batch are index ranges by design.
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
}


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """A row of ``relay_batch`` with the bounds of its snapshot pair."""

    batch_no: int
    stream_id: UUID
    snapshot: str
    as_of: datetime
    row_count: int
    chunk_rows: int
    chunk_bytes: int
    serializer_version: int
    sent: bool
    lower_xid: int | None
    stragglers: list[int]
    upper_xid: int
    in_progress: list[int]


class Look(msgspec.Struct, frozen=True):
    """What a poll saw: everything committed before ``as_of`` is in ``snapshot``."""

    snapshot: str
    as_of: datetime
    has_rows: bool


class Overtaken(Exception):
    """Another relay has planned or marked in between; read the newest batch again."""


class BrokenBatch(Exception):
    """A planned batch cannot be read as it was planned; sending it would lose or double rows."""


class Outbox:
    """One connection to the outbox; not for concurrent use."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    @classmethod
    @asynccontextmanager
    async def connect(cls, dsn: str) -> AsyncIterator[Self]:
        """Open the connection as the relay's role; closing it gives the leadership up.

        Raises what asyncpg raises when the server is away.
        """
        connection = await asyncpg.connect(
            dsn, timeout=10, command_timeout=COMMAND_TIMEOUT_SECONDS, server_settings=_SESSION
        )
        try:
            yield cls(connection)
        finally:
            connection.terminate()

    async def try_lead(self) -> bool:
        """Whether this connection is now the leader's; it stays so until it closes."""
        return bool(await self._connection.fetchval("SELECT pg_try_advisory_lock($1)", LEADER_LOCK))

    async def last_batch(self) -> Batch:
        """The newest batch, sent or not."""
        row = await self._connection.fetchrow(read_sql("outbox", "last_batch"))
        if row is None:
            raise BrokenBatch("relay_batch is empty: the ledger's migration writes batch 0")
        return Batch(**row)

    async def look(self, last: Batch) -> Look:
        """See whether anything was committed since ``last``; writes nothing."""
        row = await self._connection.fetchrow(
            read_sql("outbox", "poll"), last.upper_xid, last.in_progress
        )
        if row is None:
            raise BrokenBatch("the poll query returned no row")
        return Look(**row)

    async def plan(
        self, last: Batch, max_rows: int = MAX_CHUNK_ROWS, max_bytes: int = MAX_CHUNK_BYTES
    ) -> Batch:
        """Fix the batch after ``last`` and return it; it is durable before anything is sent.

        A batch without rows is stored as well; it only moves the snapshot on.
        Raises ``Overtaken`` if ``last`` is not the newest batch or is not sent, or if somebody
        else holds it.
        """
        try:
            async with self._connection.transaction(isolation="read_committed"):
                fence = await self._connection.fetchrow(read_sql("outbox", "fence"))
                if fence is None or fence["batch_no"] != last.batch_no or not fence["sent"]:
                    raise Overtaken(f"batch {last.batch_no} is not the newest sent batch")
                await self._connection.execute(
                    read_sql("outbox", "plan"),
                    last.batch_no,
                    last.upper_xid,
                    last.in_progress,
                    max_rows,
                    max_bytes,
                    SERIALIZER_VERSION,
                )
        except (asyncpg.LockNotAvailableError, asyncpg.UniqueViolationError) as error:
            raise Overtaken(str(error)) from error
        return await self.last_batch()

    async def rows(self, batch: Batch) -> AsyncGenerator[list[OutboxRow]]:
        """The batch's rows in order, a few thousand at a time.

        Raises ``BrokenBatch`` if they are not as many as were planned, before the last of them
        is yielded.
        """
        if batch.lower_xid is None or batch.serializer_version != SERIALIZER_VERSION:
            raise BrokenBatch(f"batch {batch.batch_no} was planned in a way this relay cannot read")
        seen = 0
        async with self._connection.transaction(readonly=True):
            cursor = await self._connection.cursor(
                read_sql("outbox", "rows"),
                batch.stragglers,
                batch.lower_xid,
                batch.upper_xid,
                batch.snapshot,
            )
            last = False
            while not last:
                page = await cursor.fetch(FETCH_ROWS)
                seen, last = seen + len(page), len(page) < FETCH_ROWS
                if seen > batch.row_count or (last and seen < batch.row_count):
                    break
                if page:
                    yield [_outbox_row(record) for record in page]
        if seen != batch.row_count:
            raise BrokenBatch(f"batch {batch.batch_no}: {seen} rows, planned {batch.row_count}")

    async def mark_sent(self, batch: Batch) -> None:
        """Record that every row of the batch is in ClickHouse.

        Raises ``Overtaken`` if another relay did so first. Losing this write in a crash only
        means that the same batch is sent, and deduplicated, once more: it needs no flush.
        """
        async with self._connection.transaction():
            await self._connection.execute("SET LOCAL synchronous_commit = off")
            done = await self._connection.execute(read_sql("outbox", "mark_sent"), batch.batch_no)
        if done != "UPDATE 1":
            raise Overtaken(f"batch {batch.batch_no} was marked by another relay")


def _outbox_row(record: asyncpg.Record) -> OutboxRow:
    return OutboxRow(
        record["topic"],
        record["payload"].encode(),
        record["operator_id"],
        record["created_at"],
        record["happened_at"],
    )
