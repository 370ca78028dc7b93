"""For those who run the platform: is it alive, can it serve, and what does it count.

Ready means that money can be taken and paid: Postgres answers and Redis answers. ClickHouse is
reported but does not decide: the API plays on without it, and taking the API out of service would
turn a delay of the numbers into an outage of the games.
"""

import asyncio
from collections.abc import Awaitable
from typing import Any, Literal

import msgspec
import redis.asyncio
from litestar import Response, Router, get
from litestar.di import NamedDependency
from litestar.plugins.prometheus import PrometheusController

from api.live import Live
from api.tenancy import Pools
from ledger.database import Role
from warehouse.client import Warehouse

CHECK_SECONDS = 2.0
NO_SESSION = {"no_session": True, "quiet": True}
Answer = Literal["ok", "unavailable"]


class Alive(msgspec.Struct, frozen=True):
    """The event loop turns."""

    status: Literal["ok"] = "ok"


class Readiness(msgspec.Struct, frozen=True):
    """Each part that was asked; ``status`` is what decides."""

    status: Answer
    postgres: Answer
    redis: Answer
    live: Answer
    clickhouse: Answer


@get("/live", opt=NO_SESSION)
async def live_probe() -> Alive:
    """Whether this process answers at all."""
    return Alive()


@get("/ready", opt=NO_SESSION)
async def ready_probe(
    pools: Pools,
    redis: NamedDependency[redis.asyncio.Redis],
    live: NamedDependency[Live],
    warehouse: NamedDependency[Warehouse],
) -> Response[Readiness]:
    """Whether this process can take bets: 200, or 503 with the part that is missing."""
    postgres, cache, clickhouse = await asyncio.gather(
        _ask(pools[Role.BATCH].fetchval("SELECT true")),
        _ask(redis.ping()),  # pyright: ignore[reportArgumentType]
        _ask(warehouse.ping()),
    )
    ready = postgres == cache == "ok"
    body = Readiness(
        status="ok" if ready else "unavailable",
        postgres=postgres,
        redis=cache,
        live="ok" if live.healthy else "unavailable",
        clickhouse=clickhouse,
    )
    return Response(body, status_code=200 if ready else 503)


async def _ask(question: Awaitable[Any]) -> Answer:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            return "ok" if await question else "unavailable"
    except Exception:  # whatever the driver says, the answer is that it does not serve
        return "unavailable"


class Metrics(PrometheusController):
    """What this process counts, in the Prometheus text format."""

    path = "/metrics"
    opt = NO_SESSION
    include_in_schema = False


router = Router(path="/health", route_handlers=[live_probe, ready_probe], tags=["health"])
