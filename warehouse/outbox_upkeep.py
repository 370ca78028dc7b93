"""Keeps the outbox small: partitions made ahead, consumed ones dropped, old batches forgotten."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import asyncpg
import structlog

from warehouse.sql_files import read_sql

logger = structlog.get_logger(__name__)

DAYS_AHEAD = 3
RETENTION_DAYS = 2
LOCK_TIMEOUT = "200ms"
ATTEMPTS = 20


async def maintain_outbox(pool: asyncpg.Pool, today: date | None = None) -> list[str]:
    """Prepare the next days' partitions and drop those consumed and past retention.

    ``pool`` is the relay role's. Returns the names of the dropped partitions. Making or dropping
    a partition waits behind every open writer, and writers would queue behind it; so each attempt
    gives up after ``LOCK_TIMEOUT`` and comes again.
    Raises ``asyncpg.LockNotAvailableError`` when no attempt got its lock.
    """
    today = today or datetime.now(UTC).date()
    for ahead in range(DAYS_AHEAD + 1):
        day = today + timedelta(days=ahead)
        await _with_short_lock(pool, lambda c, day=day: _create_partition(c, day))
    before = today - timedelta(days=RETENTION_DAYS)
    dropped: list[str] = await _with_short_lock(
        pool, lambda c: c.fetchval(read_sql("upkeep", "drop_consumed"), before)
    )
    await pool.execute(read_sql("upkeep", "forget_batches"))
    if dropped:
        logger.info("outbox partitions dropped", partitions=dropped)
    return dropped


async def _create_partition(connection: Any, day: date) -> None:
    """A day whose rows already went to the default partition stays there; it is not lost."""
    try:
        async with connection.transaction():
            await connection.execute(read_sql("upkeep", "create_partition"), day)
    except asyncpg.CheckViolationError:
        logger.warning("outbox rows of the day are in the default partition", day=str(day))


async def _with_short_lock(pool: asyncpg.Pool, work: Callable[[Any], Awaitable[Any]]) -> Any:
    for attempt in range(1, ATTEMPTS + 1):
        try:
            async with pool.acquire() as connection, connection.transaction():
                await connection.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
                return await work(connection)
        except asyncpg.LockNotAvailableError:
            if attempt == ATTEMPTS:
                raise
            await asyncio.sleep(0.25)
    raise AssertionError("unreachable")
