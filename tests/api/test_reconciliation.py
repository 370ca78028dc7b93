"""Reconciliation over HTTP: runs on record, differences by operator and hour, run by an admin."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import clickhouse_connect
import pytest
from prometheus_client import REGISTRY
from redis.asyncio import Redis

from ledger.database import Role, role_dsn
from tests.support.api import ROOT, Api, assert_problem, served, settings_for
from tests.support.cashier import deposit, open_desk
from tests.support.world import World
from warehouse.raw_tables import RawTables
from warehouse.relay import Relay

PATH = "/admin/reconciliation"


@pytest.fixture(scope="module")
async def api(world: World, clean_redis_url: str, clickhouse_url: str) -> AsyncIterator[Api]:
    """An API beside a relay and a warehouse."""
    settings = settings_for(world, clean_redis_url, clickhouse_url=clickhouse_url)
    async with Redis.from_url(clean_redis_url) as redis, served(world, settings) as running:
        relay = Relay(
            postgres_dsn=role_dsn(world.owner_url, Role.RELAY, world.secret_key),
            tables=RawTables(clickhouse_url),
            redis=redis,
        )
        streaming = asyncio.create_task(relay.run())
        player = await world.player()
        await deposit(open_desk(world), player, 5_000)
        yield running
        relay.stop()
        await streaming


async def run(api: Api, scope: str) -> dict[str, Any]:
    answer = await api.client.post(PATH, json={"scope": scope}, headers=await api.log_in(ROOT))
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize("scope", ["recent", "all"])
async def test_books_that_agree(api: Api, scope: str) -> None:
    answer = await run(api, scope)
    (only,) = answer["items"]
    assert (only["scope"], only["differences"], answer["differences"]) == (scope, 0, [])
    assert (only["since"] is None) == (scope == "all")
    listed = (await api.client.get(PATH, headers=await api.log_in(ROOT))).json()
    assert only in listed["items"]
    labels = {"scope": scope}
    assert REGISTRY.get_sample_value("pitboss_reconciliation_differences", labels) == 0
    assert REGISTRY.get_sample_value("pitboss_reconciliation_seconds", labels) == only["seconds"]


async def test_a_difference_is_shown_by_operator_and_hour(api: Api, clickhouse_url: str) -> None:
    spoil = (
        "INSERT INTO transaction_quarters (operator_id, quarter, kind, status, amount) "
        "SELECT 1, toStartOfFifteenMinutes(now('UTC')), 'DEPOSIT', 'COMPLETED', {amount:Int64}"
    )
    with clickhouse_connect.get_client(dsn=clickhouse_url, autogenerate_session_id=False) as client:
        client.command(spoil, parameters={"amount": 3})
        (hour,) = client.query("SELECT formatDateTime(now('UTC'), '%Y-%m-%d %H:00')").result_rows[0]
        for scope in ("recent", "all"):
            answer = await run(api, scope)
            (found,) = answer["differences"]
            assert found.pop("key").endswith(": amount")
            assert found == {
                "scope": scope,
                "check": "rollup_transaction_quarters",
                "operator_id": 1,
                "hour": hour,
                "difference": 3,
            }
            assert (
                REGISTRY.get_sample_value("pitboss_reconciliation_differences", {"scope": scope})
                == 1
            )
        listed = (await api.client.get(PATH, headers=await api.log_in(ROOT))).json()
        assert {item["scope"] for item in listed["differences"]} == {"recent", "all"}
        jobs = (await api.client.get("/admin/jobs", headers=await api.log_in(ROOT))).json()["items"]
        failed = {
            job["name"] for job in jobs if job["last_run"] and not job["last_run"]["succeeded"]
        }
        assert failed == {"reconcile_recent", "reconcile_warehouse"}
        client.command(spoil, parameters={"amount": -3})
    assert (await run(api, "recent"))["differences"] == []


async def test_it_is_the_platforms(api: Api) -> None:
    await api.register("curious")
    headers = await api.log_in("curious", "alpha")
    assert_problem(await api.client.get(PATH, headers=headers), 403, "forbidden")
    assert_problem(await api.client.post(PATH, json={}, headers=headers), 403, "forbidden")
