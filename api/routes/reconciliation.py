"""Reconciliation as the platform sees it: the last runs, what differs where, and running one."""

from datetime import datetime
from typing import Literal

import msgspec
from litestar import Request, Router, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from api.audit import audit_request
from api.job_runs import SQL, JobRun, JobRunner, job_run
from api.jobs import JOBS, RECONCILIATIONS
from api.problems import Problem
from api.schemas.fields import rfc3339
from api.tenancy import Pools
from api.warehouse_jobs import Reconciled
from ledger.database import Role
from warehouse.reconcile import Difference

SHOWN_RUNS = 20
Scope = Literal["recent", "all"]


class ReconciliationForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to compare: the last hours, or everything."""

    scope: Scope = "recent"


class ReconciliationView(msgspec.Struct, frozen=True, kw_only=True):
    """A run. ``differences`` is null while it is under way and when it could not finish, which
    ``error`` then explains; ``since`` is null when everything was compared."""

    scope: Scope
    started_at: str
    finished_at: str | None
    seconds: float | None = None
    since: str | None = None
    differences: int | None = None
    error: str | None = None


class DifferenceView(msgspec.Struct, frozen=True, kw_only=True):
    """Two books that disagree about an operator's hour (UTC; a day for daily tables, empty for
    what stands now): what the warehouse has too much, or, negative, too little."""

    scope: Scope
    check: str
    operator_id: int
    hour: str
    key: str
    difference: int


class ReconciliationsView(msgspec.Struct, frozen=True):
    """The last runs, newest first, and what the newest finished one of each scope found."""

    items: list[ReconciliationView]
    differences: list[DifferenceView]


@get("/reconciliation")
async def show_reconciliation(pools: Pools) -> ReconciliationsView:
    """The last runs of both scopes, and their differences by operator and hour."""
    async with pools[Role.APP].acquire() as connection:
        rows = await connection.fetch(
            SQL["recent_runs"], list(RECONCILIATIONS.values()), SHOWN_RUNS
        )
    runs = [job_run(row) for row in rows]
    differences: list[DifferenceView] = []
    for scope, job in RECONCILIATIONS.items():
        last = next((run for run in runs if run.job == job and _found(run)), None)
        if last is not None:
            differences += _differences(scope, last)
    return ReconciliationsView([_view(run) for run in runs], differences)


@post("/reconciliation", status_code=200)
async def reconcile_now(
    data: JSONBody[ReconciliationForm],
    request: Request,
    jobs: NamedDependency[JobRunner],
    pools: Pools,
) -> ReconciliationsView:
    """Run one now, wait for it, and show it first. Refused while one of its scope runs anyway."""
    name = RECONCILIATIONS[data.scope]
    run = await jobs.run(JOBS[name])
    if run is None:
        raise Problem("job_running", "This reconciliation is running at the moment.")
    async with pools[Role.APP].acquire() as connection:
        await audit_request(
            connection, request, "job.run", target=name, detail={"succeeded": run.succeeded}
        )
    return ReconciliationsView([_view(run)], _differences(data.scope, run))


def _found(run: JobRun) -> Reconciled | None:
    """What the run found; None if it is under way or broke off."""
    if run.result is None or "first" not in run.result:
        return None
    return msgspec.convert(run.result, Reconciled)


def _differences(scope: Scope, run: JobRun) -> list[DifferenceView]:
    found = _found(run)
    return [_difference(scope, item) for item in found.first] if found else []


def _difference(scope: Scope, item: Difference) -> DifferenceView:
    return DifferenceView(scope=scope, **msgspec.structs.asdict(item))


def _view(run: JobRun) -> ReconciliationView:
    scope: Scope = "recent" if run.job == RECONCILIATIONS["recent"] else "all"
    found = _found(run)
    return ReconciliationView(
        scope=scope,
        started_at=rfc3339(run.started_at),
        finished_at=_time(run.finished_at),
        seconds=found.seconds if found else None,
        since=rfc3339(found.since) if found and scope == "recent" else None,
        differences=found.differences if found else None,
        error=run.result.get("error") if run.result and not found else None,
    )


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else rfc3339(moment)


router = Router("/", route_handlers=[show_reconciliation, reconcile_now])
