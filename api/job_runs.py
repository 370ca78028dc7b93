"""Runs of scheduled jobs: one at a time wherever they are started, each on record."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import structlog
from prometheus_client import Counter, Gauge

from api.jobs import JOBS, Facts, Job, JobFailed, Tools
from ledger.database import Connection, Role, role_dsn
from ledger.named_sql import named_queries

SQL = named_queries("jobs.sql", Path(__file__).parent / "sql")
CONNECT_SECONDS = 10

RUNS = Counter("pitboss_job_runs_total", "Scheduled jobs by outcome", ["job", "outcome"])
LAST_SUCCESS = Gauge(
    "pitboss_job_last_success_timestamp_seconds", "When a job last succeeded", ["job"]
)

log = structlog.get_logger(__name__)


class JobRun(msgspec.Struct, frozen=True, kw_only=True):
    """A run on record; one without an end is under way, or was cut short."""

    job: str
    started_at: datetime
    finished_at: datetime | None
    succeeded: bool | None
    result: Facts | None


class JobState(msgspec.Struct, frozen=True, kw_only=True):
    """A job with its last run, if it ever ran."""

    job: Job
    last_run: JobRun | None
    last_success_at: datetime | None


class JobRunner:
    """Runs jobs with one process's ``tools``. ``owner_url`` says where the locks are taken."""

    def __init__(self, owner_url: str, secret_key: str, tools: Tools) -> None:
        self._dsn = role_dsn(owner_url, Role.BATCH, secret_key)
        self._tools = tools

    async def run(self, job: Job) -> JobRun | None:
        """Run a job now and record it; None if it is running already, here or elsewhere.

        A job's failure is on record, in the log and in the metrics, and is not raised. Raises the
        driver's errors when Postgres is away.
        """
        async with self._locked(job.name) as connection:
            if connection is None:
                return None
            started_at = await connection.fetchval(SQL["begin_run"], job.name)
            succeeded, facts = await self._work(job)
            row = await connection.fetchrow(
                SQL["end_run"], job.name, started_at, succeeded, msgspec.json.encode(facts).decode()
            )
            await connection.execute(SQL["forget_runs"], job.name)
        RUNS.labels(job.name, "done" if succeeded else "failed").inc()
        assert row is not None  # noqa: S101 - it was inserted above
        run = job_run(row)
        if run.succeeded and run.finished_at:
            LAST_SUCCESS.labels(job.name).set(run.finished_at.timestamp())
        return run

    async def _work(self, job: Job) -> tuple[bool, Facts]:
        try:
            return True, await job.work(self._tools)
        except JobFailed as failed:
            log.error("job_found_differences", job=job.name, **failed.facts)
            return False, failed.facts
        except Exception as error:
            log.exception("job_failed", job=job.name)
            return False, {"error": type(error).__name__, "message": str(error)[:500]}

    @asynccontextmanager
    async def _locked(self, name: str) -> AsyncIterator[Connection | None]:
        """The job's lock for the length of the block; None if somebody else holds it.

        On a connection of its own: one lent by a pool that the job works with could leave jobs
        waiting for each other, and the lock goes with the process, however that ends.
        """
        connection = await asyncpg.connect(self._dsn, timeout=CONNECT_SECONDS)
        try:
            locked = await connection.fetchval(SQL["try_lock"], name)
            yield connection if locked else None
        finally:
            await connection.close()


async def job_states(connection: Connection) -> list[JobState]:
    """Every job with its last run, in the order of their declaration."""
    rows: dict[str, Any] = {
        row["job"]: row for row in await connection.fetch(SQL["last_runs"], list(JOBS))
    }
    return [
        JobState(
            job=job,
            last_run=job_run(rows[name]) if rows[name]["started_at"] else None,
            last_success_at=rows[name]["last_success_at"],
        )
        for name, job in JOBS.items()
    ]


def job_run(row: Any) -> JobRun:
    """A run from its row."""
    return JobRun(
        job=row["job"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        succeeded=row["succeeded"],
        result=None if row["result"] is None else msgspec.json.decode(row["result"]),
    )
