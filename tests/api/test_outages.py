"""The API when Redis or Postgres goes away and comes back."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import httpx
import pytest

from api.stack.redis import EmbeddedRedis
from tests.api.test_live import _next, listening
from tests.support.api import Api, assert_problem, served, settings_for
from tests.support.world import World


@pytest.fixture
def own_redis(tmp_path: Path) -> EmbeddedRedis:
    """A Redis that the test starts and stops itself; what it knew survives."""
    return EmbeddedRedis(tmp_path / "redis")


@pytest.fixture
async def api(world: World, own_redis: EmbeddedRedis) -> AsyncIterator[Api]:
    """The API on that Redis, which runs at first."""
    own_redis.start()
    try:
        async with served(world, settings_for(world, own_redis.url, log_level="ERROR")) as running:
            yield running
    finally:
        own_redis.stop()


async def _until_pushed(api: Api, user_id: str, socket: object) -> None:
    """Push until something arrives: what was published while Redis was away is lost."""
    receiving = asyncio.create_task(_next(socket))  # type: ignore[arg-type]
    while not receiving.done():
        api.app.state.live.notify_players([(UUID(user_id), {"type": "balance"})])
        await asyncio.sleep(0.05)
    assert (await receiving)["type"] == "balance"


async def test_redis_away_costs_speed_and_nothing_else(api: Api, own_redis: EmbeddedRedis) -> None:
    user_id = await api.register("ada")
    first = await api.log_in("ada", "alpha")
    second = await api.log_in("ada", "alpha")
    for headers in (first, second):
        assert (await api.client.get("/auth/me", headers=headers)).status_code == 200
    async with listening(api, "/ws/player", first) as socket:
        await asyncio.to_thread(own_redis.stop)
        ready = await api.client.get("/health/ready")
        assert (ready.status_code, ready.json()["redis"]) == (503, "unavailable")
        # Sessions are found in Postgres, new ones are opened, ended ones stay ended.
        assert (await api.client.get("/auth/me", headers=first)).status_code == 200
        third = await api.log_in("ada", "alpha")
        assert (await api.client.get("/auth/me", headers=third)).status_code == 200
        answer = await api.client.post("/auth/logout", headers=second)
        assert answer.status_code == 204
        gone = await api.client.get("/auth/me", headers=second)
        assert_problem(gone, 401, "not_authenticated")
        # Redis comes back with its old copies; the ended session's is overwritten.
        await asyncio.to_thread(own_redis.start)
        async with asyncio.timeout(20):
            while api.app.state.sessions._untold:  # noqa: ASYNC110 - nothing else tells
                await asyncio.sleep(0.01)
        gone = await api.client.get("/auth/me", headers=second)
        assert_problem(gone, 401, "not_authenticated")
        assert (await api.client.get("/auth/me", headers=first)).status_code == 200
        await _until_pushed(api, user_id, socket)
    assert (await api.client.get("/health/ready")).status_code == 200


async def test_broken_postgres_connections_are_replaced(api: Api, world: World) -> None:
    await api.register("bob")
    headers = await api.log_in("bob", "alpha")
    await world.owner.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND usename LIKE 'pitboss\\_%'"
    )

    async def ask(path: str) -> httpx.Response:
        return await api.client.get(path, headers=headers)

    async with asyncio.timeout(20):
        for path in ("/auth/me", "/wallet", "/games"):
            answer = await ask(path)
            while answer.status_code == 503:
                assert_problem(answer, 503, "unavailable")
                assert answer.headers["Retry-After"]
                answer = await ask(path)
            assert answer.status_code == 200, answer.text


async def test_the_api_starts_before_redis_does(world: World, own_redis: EmbeddedRedis) -> None:
    own_redis.start()
    url = own_redis.url  # its port is now known, and stays
    await asyncio.to_thread(own_redis.stop)
    async with served(world, settings_for(world, url, log_level="ERROR")) as api:
        user_id = await api.register("early")
        headers = await api.log_in("early", "alpha")
        async with listening(api, "/ws/player", headers) as socket:
            await asyncio.to_thread(own_redis.start)
            try:
                await _until_pushed(api, user_id, socket)
                assert (await api.client.get("/health/ready")).json()["redis"] == "ok"
            finally:
                await asyncio.to_thread(own_redis.stop)
