"""When jobs run: apscheduler in every worker, of which one leads and the others stand by."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import asyncpg
import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from api.job_runs import JobRunner
from api.jobs import JOBS, Job
from ledger.database import Role, role_dsn

LEADER_LOCK = 0x71B06
CONNECT_SECONDS = 10

log = structlog.get_logger(__name__)


class Leadership:
    """Whether this process leads the jobs: an advisory lock on a connection kept for it.

    Not the relay's: jobs go on while ClickHouse is away.
    """

    def __init__(self, owner_url: str, secret_key: str) -> None:
        self._dsn = role_dsn(owner_url, Role.BATCH, secret_key)
        self._connection: asyncpg.Connection | None = None
        self._asking = asyncio.Lock()

    async def held(self) -> bool:
        """True if this process leads, or can from now on; asks the server every time.

        Raises the driver's errors when Postgres is away.
        """
        async with self._asking:
            connection = self._connection
            if connection is None or connection.is_closed():
                connection = self._connection = await asyncpg.connect(
                    self._dsn, timeout=CONNECT_SECONDS, command_timeout=CONNECT_SECONDS
                )
            # Who has the lock gets it again, and it goes when the connection does.
            return bool(await connection.fetchval("SELECT pg_try_advisory_lock($1)", LEADER_LOCK))

    async def close(self) -> None:
        """Give the leadership up."""
        if self._connection is not None:
            await self._connection.close()


@asynccontextmanager
async def scheduled(owner_url: str, secret_key: str, runner: JobRunner) -> AsyncIterator[None]:
    """Run the jobs by their schedule, while this process leads, for the length of the block."""
    leadership = Leadership(owner_url, secret_key)
    scheduler = AsyncIOScheduler(
        timezone=UTC, job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": 60}
    )
    now = datetime.now(UTC)
    for job in JOBS.values():
        scheduler.add_job(
            _run_if_leading,
            _trigger(job),
            args=(leadership, runner, job),
            next_run_time=now + timedelta(seconds=job.first_after),
            id=job.name,
        )
    scheduler.start()
    try:
        yield
    finally:
        scheduler.shutdown(wait=False)
        await leadership.close()


def _trigger(job: Job) -> BaseTrigger:
    if job.cron:
        return CronTrigger.from_crontab(job.cron, timezone=UTC)
    return IntervalTrigger(seconds=job.seconds or 0, timezone=UTC)


async def _run_if_leading(leadership: Leadership, runner: JobRunner, job: Job) -> None:
    """A database that is away is logged; the job comes again at its next time."""
    try:
        if await leadership.held():
            await runner.run(job)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        log.warning("job_not_run", job=job.name, error=repr(error))
