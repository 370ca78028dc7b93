"""How fresh an answer from the warehouse is."""

from datetime import UTC, datetime

import asyncpg
import msgspec
import redis.asyncio
import redis.exceptions
from litestar.di import NamedDependency

from api.tenancy import Pools
from ledger.database import Role
from warehouse import watermark


class Freshness(msgspec.Struct, frozen=True):
    """Everything committed before ``as_of`` is in the answer; ``lag_ms`` is its age when asked."""

    as_of: datetime
    lag_ms: int


async def provide_freshness(redis: NamedDependency[redis.asyncio.Redis], pools: Pools) -> Freshness:
    """Dependency ``freshness``. Resolved before the handler queries the warehouse, so the answer
    holds at least what it promises.

    Without Redis, or before the relay's first look, the last sent batch says it.
    """
    as_of = await warehouse_as_of(redis, pools[Role.APP])
    lag = datetime.now(UTC) - as_of
    return Freshness(as_of, max(0, round(lag.total_seconds() * 1000)))


async def warehouse_as_of(client: redis.asyncio.Redis, pool: asyncpg.Pool) -> datetime:
    """Everything committed before this moment is in the warehouse."""
    mark = await _from_redis(client)
    return mark.as_of if mark is not None else await _from_postgres(pool)


async def _from_redis(client: redis.asyncio.Redis) -> watermark.Watermark | None:
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
