"""Holding the stream: while the newest, sent batch is locked, the relay plans no other.

What needs ClickHouse to stand still for a moment, a comparison or a change of its schema, does so
under this lock. Postgres and the API do not notice; rows queue in the outbox.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from warehouse.outbox import LEADER_LOCK
from warehouse.sql_files import read_sql

HOLD_SECONDS = 60.0
POLL_SECONDS = 0.1


@asynccontextmanager
async def stream_held(connection: asyncpg.Connection) -> AsyncIterator[str]:
    """Hold the newest batch, once it is sent; yields its snapshot.

    A batch that is planned while the lock is waited for is newer than the one locked: try again.
    Raises ``TimeoutError`` if the relay leaves a batch unsent for ``HOLD_SECONDS``.
    """
    async with asyncio.timeout(HOLD_SECONDS) as limit:
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


@asynccontextmanager
async def relay_stopped(connection: asyncpg.Connection) -> AsyncIterator[None]:
    """No relay sends for the length of the block: there is none, or it is held.

    Where no relay leads, one that starts meanwhile stands by; a batch that a dead one left unsent
    waits, too. Raises ``TimeoutError`` as :func:`stream_held`.
    """
    if await connection.fetchval("SELECT pg_try_advisory_lock($1)", LEADER_LOCK):
        try:
            yield
        finally:
            await connection.execute("SELECT pg_advisory_unlock($1)", LEADER_LOCK)
    else:
        async with stream_held(connection):
            yield


async def flush_marks(connection: asyncpg.Connection) -> None:
    """Make durable what the relay has marked as sent; ``connection`` is not the one that holds.

    A mark is written without a flush: a crash of Postgres could take it back, and the batch would
    be sent again. Its token stops the copy only in tables that saw the batch, so whoever makes a
    table without that memory calls this under the hold first.
    """
    async with connection.transaction():
        await connection.execute("SET LOCAL synchronous_commit = on")
        await connection.execute("SELECT pg_logical_emit_message(true, 'pitboss', '')")
