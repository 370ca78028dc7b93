"""How fresh an answer from the warehouse is, and what of it may be known from before."""

from datetime import UTC, datetime

import asyncpg
import msgspec
import redis.asyncio
import redis.exceptions
from litestar.datastructures import State
from litestar.di import NamedDependency

from api.tenancy import Pools
from ledger.database import Role
from warehouse import watermark
from warehouse.client import Warehouse


class Freshness(msgspec.Struct, frozen=True):
    """Everything committed before ``as_of`` is in the answer; ``lag_ms`` is its age when asked.

    ``reading`` is the watermark that says so, None if it comes from Postgres.
    """

    as_of: datetime
    lag_ms: int
    reading: watermark.Reading | None = None


async def provide_freshness(redis: NamedDependency[redis.asyncio.Redis], pools: Pools) -> Freshness:
    """Dependency ``freshness``. Resolved before the handler queries the warehouse, so the answer
    holds at least what it promises.

    Without Redis, or before the relay's first look, the last sent batch says it.
    """
    reading = await _from_redis(redis)
    as_of = reading.as_of if reading else await _from_postgres(pools[Role.APP])
    lag = datetime.now(UTC) - as_of
    return Freshness(as_of, max(0, round(lag.total_seconds() * 1000)), reading)


async def provide_warehouse(
    state: State, freshness: NamedDependency[Freshness], operator_id: NamedDependency[int]
) -> Warehouse:
    """Dependency ``warehouse`` of reports: answers about the operator's settled past are kept, and
    what is recent is at hand."""
    warehouse: Warehouse = state.warehouse
    reading = freshness.reading
    if reading is None:
        return warehouse
    return warehouse.knowing(
        reading.past_of(operator_id),
        reading.past_of(watermark.CATALOGUE),
        await state.tail.tail(reading, operator_id),
    )


async def warehouse_as_of(client: redis.asyncio.Redis, pool: asyncpg.Pool) -> datetime:
    """Everything committed before this moment is in the warehouse."""
    reading = await _from_redis(client)
    return reading.as_of if reading is not None else await _from_postgres(pool)


async def _from_redis(client: redis.asyncio.Redis) -> watermark.Reading | None:
    try:
        return await watermark.read(client)
    except (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError):
        return None


async def _from_postgres(pool: asyncpg.Pool) -> datetime:
    as_of = await pool.fetchval(
        "SELECT as_of FROM relay_batch WHERE sent_at IS NOT NULL ORDER BY batch_no DESC LIMIT 1"
    )
    if as_of is None:
        raise LookupError("relay_batch is empty: the ledger's migration writes batch 0")
    return as_of
