"""Scheduled jobs as the platform sees them: their last runs, and running one now."""

from datetime import datetime

import msgspec
from litestar import Request, Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from api.audit import audit_request
from api.job_runs import JobRun, JobRunner, JobState, job_states
from api.jobs import JOBS, Facts
from api.problems import Problem
from api.schemas.fields import rfc3339
from api.tenancy import Pools
from ledger.database import Role


class RunView(msgspec.Struct, frozen=True, kw_only=True):
    """A run; without ``finished_at`` it is under way or was cut short."""

    started_at: str
    finished_at: str | None
    succeeded: bool | None
    result: Facts | None


class JobView(msgspec.Struct, frozen=True, kw_only=True):
    """A job, when it runs, and how it last did."""

    name: str
    description: str
    schedule: str
    last_run: RunView | None
    last_success_at: str | None


class JobsView(msgspec.Struct, frozen=True):
    """Every job."""

    items: list[JobView]


@get("/jobs")
async def list_jobs(pools: Pools) -> JobsView:
    """The scheduled jobs with their last runs."""
    async with pools[Role.APP].acquire() as connection:
        return JobsView([_job_view(state) for state in await job_states(connection)])


@post("/jobs/{name:str}/run", status_code=200)
async def run_job(
    name: FromPath[str], request: Request, jobs: NamedDependency[JobRunner], pools: Pools
) -> RunView:
    """Run a job now and wait for its result. Refused while it runs anyway, in any process."""
    job = JOBS.get(name)
    if job is None:
        raise Problem("job_not_found", "There is no such job.")
    run = await jobs.run(job)
    if run is None:
        raise Problem("job_running", "This job is running at the moment.")
    async with pools[Role.APP].acquire() as connection:
        await audit_request(
            connection, request, "job.run", target=name, detail={"succeeded": run.succeeded}
        )
    return _run_view(run)


def _job_view(state: JobState) -> JobView:
    return JobView(
        name=state.job.name,
        description=state.job.description,
        schedule=state.job.schedule,
        last_run=_run_view(state.last_run) if state.last_run else None,
        last_success_at=_time(state.last_success_at),
    )


def _run_view(run: JobRun) -> RunView:
    return RunView(
        started_at=rfc3339(run.started_at),
        finished_at=_time(run.finished_at),
        succeeded=run.succeeded,
        result=run.result,
    )


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else rfc3339(moment)


router = Router("/", route_handlers=[list_jobs, run_job])
