"""A whole look at the ledger for jobs that count: one snapshot, every tenant, free to scan."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from ledger.database import BATCH_SETTINGS, Connection


@asynccontextmanager
async def ledger_snapshot(pool: asyncpg.Pool) -> AsyncIterator[Connection]:
    """A REPEATABLE READ transaction of the batch role, which sees every tenant.

    The bet batch forbids its planner everything but index look-ups; sums over a week or over the
    whole ledger must be allowed to scan and hash.
    """
    async with (
        pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read"),
    ):
        for setting in BATCH_SETTINGS:
            value = "auto" if setting == "plan_cache_mode" else "on"
            await connection.execute("SELECT set_config($1, $2, true)", setting, value)
        yield connection
