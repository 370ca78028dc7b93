"""Scheduled jobs over HTTP: what there is, how it last went, and running one now."""

import asyncio

import asyncpg

from api.jobs import JOBS, RECONCILIATIONS
from tests.support.api import ROOT, Api, assert_problem

# There is no ClickHouse here; what needs it is tested with it in test_reconciliation.py and
# test_rtp_watch.py.
WITH_WAREHOUSE = {*RECONCILIATIONS.values(), "watch_rtp"}
WITHOUT_WAREHOUSE = [name for name in JOBS if name not in WITH_WAREHOUSE]


async def jobs(api: Api, headers: dict[str, str]) -> dict[str, dict]:
    answer = await api.client.get("/admin/jobs", headers=headers)
    assert answer.status_code == 200, answer.text
    return {item["name"]: item for item in answer.json()["items"]}


async def test_every_job_can_be_run_twice_and_tells_its_result(api: Api):
    root = await api.log_in(ROOT)
    assert set(await jobs(api, root)) == set(JOBS)
    for name in WITHOUT_WAREHOUSE:
        for _ in range(2):
            answer = await api.client.post(f"/admin/jobs/{name}/run", headers=root)
            assert answer.status_code == 200, answer.text
            assert answer.json()["succeeded"] is True, (name, answer.text)
    for name, job in (await jobs(api, root)).items():
        if name not in WITHOUT_WAREHOUSE:
            continue
        assert job["last_run"]["succeeded"] is True, name
        assert job["last_run"]["result"] is not None, name
        assert job["last_success_at"] == job["last_run"]["finished_at"]
    runs = await api.world.owner.fetch("SELECT job, count(*) FROM job_run GROUP BY job")
    assert {row["job"]: row["count"] for row in runs} == dict.fromkeys(WITHOUT_WAREHOUSE, 2)
    audited = await api.world.owner.fetchval(
        "SELECT count(*) FROM audit_log WHERE action = 'job.run'"
    )
    assert audited == 2 * len(WITHOUT_WAREHOUSE)


async def test_differences_fail_the_run_and_are_told(api: Api):
    root = await api.log_in(ROOT)
    player = await api.world.player(balance=500)
    tamper = "UPDATE wallet SET real_balance = real_balance + $2 WHERE user_id = $1"
    await api.world.owner.execute(tamper, player.user_id, 1)
    answer = await api.client.post("/admin/jobs/reconcile_ledger/run", headers=root)
    await api.world.owner.execute(tamper, player.user_id, -1)
    run = answer.json()
    assert run["succeeded"] is False
    checks = {item["check"] for item in run["result"]["first"]}
    assert "wallets_unlike_their_postings" in checks
    job = (await jobs(api, root))["reconcile_ledger"]
    assert job["last_run"]["succeeded"] is False
    assert job["last_success_at"] != job["last_run"]["finished_at"]


async def test_a_job_never_runs_twice_at_once(api: Api):
    root = await api.log_in(ROOT)
    connection = await asyncpg.connect(api.world.owner_url)
    await connection.execute(
        "SELECT pg_advisory_lock(hashtextextended('pitboss job expire_deposits', 0))"
    )
    path = "/admin/jobs/expire_deposits/run"
    assert_problem(await api.client.post(path, headers=root), 409, "job_running")
    await connection.close()
    for _ in range(50):  # the server ends the closed session in its own time
        if (await api.client.post(path, headers=root)).status_code == 200:
            return
        await asyncio.sleep(0.1)
    raise AssertionError("the lock outlived its connection")


async def test_unknown_jobs_and_other_people(api: Api):
    assert_problem(
        await api.client.post("/admin/jobs/nothing/run", headers=await api.log_in(ROOT)),
        404,
        "job_not_found",
    )
    await api.register("curious")
    assert_problem(
        await api.client.get("/admin/jobs", headers=await api.log_in("curious", "alpha")),
        403,
        "forbidden",
    )
