"""Jobs run by schedule in the worker that leads, and in another when that is gone."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from api.job_runs import JobRunner
from api.jobs import JOBS, Job, Tools
from api.payouts import PayoutSender
from api.scheduler import Leadership, scheduled
from ledger.commands import MoneyDesk
from ledger.database import Role
from tests.support.api import settings_for
from tests.support.world import World
from warehouse.client import Warehouse


@pytest.fixture
async def runner(world: World, redis_url: str) -> AsyncIterator[JobRunner]:
    settings = settings_for(world, redis_url)
    payouts = PayoutSender(settings)
    desk = MoneyDesk(world.pools[Role.BATCH], world.vault, world.hits)
    stores = (settings.postgres_url, settings.clickhouse_url)
    warehouse = Warehouse(settings.clickhouse_url)
    async with Redis.from_url(redis_url) as redis:
        tools = Tools(world.pools, desk, payouts, *stores, warehouse, redis)
        yield JobRunner(world.owner_url, world.secret_key, tools)
    await payouts.close()


async def test_the_schedule_runs_what_is_due_and_records_it(
    world: World, runner: JobRunner
) -> None:
    at_once = {name for name, job in JOBS.items() if job.first_after == 0}
    done: set[str] = set()
    async with scheduled(world.owner_url, world.secret_key, runner), asyncio.timeout(30):
        while not done >= at_once:
            await asyncio.sleep(0.05)
            rows = await world.owner.fetch("SELECT job FROM job_run WHERE succeeded")
            done = {row["job"] for row in rows}


async def test_one_process_leads_and_the_next_takes_over(world: World) -> None:
    first, second = (Leadership(world.owner_url, world.secret_key) for _ in range(2))
    assert await first.held()
    assert await first.held()
    assert await asyncio.gather(*(second.held() for _ in range(5))) == [False] * 5
    await first.close()
    async with asyncio.timeout(30):
        while not await second.held():  # noqa: ASYNC110 - the server tells nobody of it
            await asyncio.sleep(0.05)
    await second.close()


async def test_a_broken_job_is_on_record_and_does_no_harm(world: World, runner: JobRunner) -> None:
    async def breaks(_: Tools) -> dict[str, object]:
        raise ValueError("no such luck")

    job = Job(name="breaks", description="", work=breaks, seconds=1)
    run = await runner.run(job)
    assert run is not None
    assert (run.succeeded, run.result) == (
        False, {"error": "ValueError", "message": "no such luck"},
    )  # fmt: skip
    assert run.finished_at is not None


async def test_of_runs_at_once_one_is_made(world: World, runner: JobRunner) -> None:
    entered = asyncio.Event()
    leave = asyncio.Event()

    async def waits(_: Tools) -> dict[str, object]:
        entered.set()
        await leave.wait()
        return {}

    job = Job(name="waits", description="", work=waits, seconds=1)
    running = asyncio.create_task(runner.run(job))
    await entered.wait()
    assert await runner.run(job) is None
    leave.set()
    done = await running
    assert done is not None
    assert done.succeeded is True


async def test_old_runs_are_forgotten_but_the_last_hundred_are_kept(
    world: World, runner: JobRunner
) -> None:
    async def nothing(_: Tools) -> dict[str, object]:
        return {}

    await world.owner.execute(
        "INSERT INTO job_run SELECT 'nothing', now() - interval '30 days' + n * interval '1 s', "
        "now(), true, '{}' FROM generate_series(1, 150) AS n"
    )
    await runner.run(Job(name="nothing", description="", work=nothing, seconds=1))
    assert await world.owner.fetchval("SELECT count(*) FROM job_run WHERE job = 'nothing'") == 100
