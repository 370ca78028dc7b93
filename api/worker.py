"""The worker: the relay that streams the outbox into ClickHouse, and the scheduled jobs.

`python -m api.worker`, configured like the API by PITBOSS_*. Any number may run: one streams, one
(the same or another) runs the jobs, the others stand by.
"""

import asyncio
import logging
import signal
import sys
from contextlib import AsyncExitStack

import redis.asyncio
import structlog
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from api.job_runs import JobRunner
from api.jobs import Tools
from api.payouts import PayoutSender
from api.scheduler import scheduled
from api.settings import Settings, SettingsError
from ledger.commands import MoneyDesk
from ledger.database import Role, create_pool, role_dsn
from ledger.fairness import SeedVault
from ledger.jackpot import HitVault
from warehouse.client import Warehouse
from warehouse.raw_tables import RawTables
from warehouse.relay import Relay

log = structlog.get_logger("api.worker")

# Jobs overlap; each uses one connection at a time.
POOL_SIZES = {Role.RELAY: 2, Role.BATCH: 4, Role.AUTH: 1}


def main() -> None:
    """Run until SIGTERM or SIGINT; exit with 2 and a readable message for bad settings."""
    try:
        settings = Settings.from_env()
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(2) from None
    configure_logging(settings.log_level)
    asyncio.run(serve(settings))


def configure_logging(level: str) -> None:
    """One JSON line an event on standard error."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
    )
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)


async def serve(settings: Settings) -> None:
    """Everything the worker does, until it is told to stop; the batch under way is finished."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    async with AsyncExitStack() as stack:
        relay = await _relay(settings, stack)
        await _probes(settings, relay, stack)
        await _jobs(settings, stack)
        streaming = asyncio.create_task(relay.run(), name="relay")
        streaming.add_done_callback(lambda _: stopping.set())
        log.info("worker started", port=settings.worker_port)
        await stopping.wait()
        relay.stop()
        await streaming
    log.info("worker stopped")


async def _relay(settings: Settings, stack: AsyncExitStack) -> Relay:
    return Relay(
        postgres_dsn=role_dsn(settings.postgres_url, Role.RELAY, settings.secret_key),
        tables=RawTables(settings.clickhouse_url),
        redis=await _redis(settings, stack),
    )


async def _redis(settings: Settings, stack: AsyncExitStack) -> redis.asyncio.Redis:
    return await stack.enter_async_context(
        redis.asyncio.Redis.from_url(
            settings.redis_url, socket_timeout=1, socket_connect_timeout=0.5
        )
    )


async def _jobs(settings: Settings, stack: AsyncExitStack) -> None:
    """Start the scheduler; every job also runs soon after the start."""
    pools = {
        role: await stack.enter_async_context(
            await create_pool(
                settings.postgres_url, role, settings.secret_key, min_size=0, max_size=size
            )
        )
        for role, size in POOL_SIZES.items()
    }
    desk = MoneyDesk(
        pools[Role.BATCH], SeedVault(settings.secret_key), HitVault(settings.secret_key)
    )
    payouts = PayoutSender(settings)
    stack.push_async_callback(payouts.close)
    where = (settings.postgres_url, settings.secret_key)
    warehouse = Warehouse(settings.clickhouse_url)
    stack.push_async_callback(warehouse.close)
    tools = Tools(
        pools,
        desk,
        payouts,
        settings.postgres_url,
        settings.clickhouse_url,
        warehouse,
        await _redis(settings, stack),
    )
    runner = JobRunner(*where, tools)
    await stack.enter_async_context(scheduled(*where, runner))


async def _probes(settings: Settings, relay: Relay, stack: AsyncExitStack) -> None:
    """Serve /health/live and /metrics on the worker's port."""

    async def live(_: web.Request) -> web.Response:
        status = "ok" if relay.alive else "stuck"
        return web.json_response({"status": status}, status=200 if relay.alive else 503)

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    application = web.Application()
    application.add_routes([web.get("/health/live", live), web.get("/metrics", metrics)])
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, settings.host, settings.worker_port).start()


if __name__ == "__main__":
    main()
