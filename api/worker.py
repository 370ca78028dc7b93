"""The worker: the relay that streams the outbox into ClickHouse, and the scheduled jobs.

`python -m api.worker`, configured like the API by PITBOSS_*. Any number may run: one streams, the
others stand by; every job may run in each of them at once and does its work only once.
"""

import asyncio
import logging
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any

import asyncpg
import redis.asyncio
import structlog
from aiohttp import web
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from prometheus_client import CONTENT_TYPE_LATEST, Counter, generate_latest

from api.sessions import delete_expired
from api.settings import Settings, SettingsError
from ledger.database import Role, create_pool, role_dsn
from ledger.deposits import expire_deposits
from warehouse.outbox_upkeep import maintain_outbox
from warehouse.raw_tables import RawTables
from warehouse.relay import Relay

JOB_RUNS = Counter("pitboss_job_runs_total", "Scheduled jobs by outcome", ["job", "outcome"])

log = structlog.get_logger("api.worker")

Job = Callable[[], Awaitable[Any]]


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
    client = redis.asyncio.Redis.from_url(
        settings.redis_url, socket_timeout=1, socket_connect_timeout=0.5
    )
    await stack.enter_async_context(client)
    return Relay(
        postgres_dsn=role_dsn(settings.postgres_url, Role.RELAY, settings.secret_key),
        tables=RawTables(settings.clickhouse_url),
        redis=client,
    )


async def _jobs(settings: Settings, stack: AsyncExitStack) -> None:
    """Start the scheduler; every job also runs once at the start."""
    pools = {
        role: await stack.enter_async_context(
            await create_pool(
                settings.postgres_url, role, settings.secret_key, min_size=0, max_size=2
            )
        )
        for role in (Role.RELAY, Role.BATCH, Role.AUTH)
    }
    scheduler = AsyncIOScheduler(
        timezone=UTC, job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": 60}
    )
    now = datetime.now(UTC)
    for name, job, seconds in _schedule(pools):
        scheduler.add_job(
            _run_job, "interval", args=(name, job), seconds=seconds, next_run_time=now, id=name
        )
    scheduler.start()
    stack.callback(scheduler.shutdown, wait=False)


def _schedule(pools: dict[Role, asyncpg.Pool]) -> list[tuple[str, Job, int]]:
    """Name, work and period in seconds of every job."""
    return [
        ("maintain_outbox", lambda: maintain_outbox(pools[Role.RELAY]), 3600),
        ("delete_expired_sessions", lambda: delete_expired(pools[Role.AUTH]), 3600),
        ("expire_deposits", lambda: expire_deposits(pools[Role.BATCH], datetime.now(UTC)), 30),
    ]


async def _run_job(name: str, job: Job) -> None:
    """A job that fails is logged and counted, and comes again at its next time."""
    try:
        await job()
    except Exception:
        log.exception("job failed", job=name)
        JOB_RUNS.labels(name, "failed").inc()
    else:
        JOB_RUNS.labels(name, "done").inc()


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
