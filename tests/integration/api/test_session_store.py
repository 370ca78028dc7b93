"""Sessions in two stores: an ended one stays ended, whatever the cache was about to say."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import redis.asyncio

from api.sessions import CACHE_SECONDS, Sessions, cache_key, hash_token
from ledger.database import Role
from tests.support.world import World


@pytest.fixture
async def cache(redis_url: str) -> AsyncIterator[redis.asyncio.Redis]:
    """A Redis client."""
    async with redis.asyncio.Redis.from_url(redis_url) as client:
        yield client


@pytest.fixture
async def sessions(world: World, cache: redis.asyncio.Redis) -> AsyncIterator[Sessions]:
    """What one API process has."""
    store = Sessions(world.pools[Role.AUTH], cache, timedelta(hours=1))
    yield store
    await store.close()


async def _open(world: World, sessions: Sessions) -> str:
    player = await world.player()
    async with world.pools[Role.AUTH].acquire() as connection:
        return await sessions.open(
            connection, "player", player.user_id, player.operator_id, "bearer"
        )


async def _end(world: World, sessions: Sessions, token: str) -> None:
    async with world.pools[Role.AUTH].acquire() as connection:
        ended = await sessions.end(connection, token)
    assert ended is not None
    await sessions.forget([ended])


async def test_a_session_is_cached_for_a_minute_at_most(
    world: World, sessions: Sessions, cache: redis.asyncio.Redis
) -> None:
    token = await _open(world, sessions)
    found = await sessions.find(token)
    assert found is not None
    assert found.kind == "player"
    key = cache_key(hash_token(token))
    async with asyncio.timeout(20):
        while not await cache.exists(key):  # noqa: ASYNC110 - written after the answer
            await asyncio.sleep(0.01)
    assert 0 < await cache.ttl(key) <= CACHE_SECONDS
    assert token not in str(await cache.get(key))
    assert await sessions.find(token) == found


async def test_another_process_hears_of_the_end_at_once(
    world: World, sessions: Sessions, cache: redis.asyncio.Redis
) -> None:
    other = Sessions(world.pools[Role.AUTH], cache, timedelta(hours=1))
    token = await _open(world, sessions)
    assert await sessions.find(token)
    assert await other.find(token)
    await _end(world, other, token)
    assert await sessions.find(token) is None
    assert await other.find(token) is None
    await other.close()


async def test_a_late_copy_loses_against_the_end(
    world: World, sessions: Sessions, cache: redis.asyncio.Redis
) -> None:
    """A process reads the row, the session is ended, and only then is the copy written."""
    token = await _open(world, sessions)
    rows = await world.pools[Role.AUTH].fetch(
        "SELECT token_hash FROM session WHERE token_hash = $1", hash_token(token)
    )
    found = await sessions.find(token)
    assert found is not None
    await cache.delete(cache_key(hash_token(token)))
    await _end(world, sessions, token)
    await sessions._keep_copies({rows[0]["token_hash"]: found})
    assert await sessions.find(token) is None


async def test_many_lookups_share_few_commands(
    world: World, sessions: Sessions, cache: redis.asyncio.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = [await _open(world, sessions) for _ in range(20)]
    commands = 0
    mget = cache.mget

    async def counted(keys: Any) -> Any:
        nonlocal commands
        commands += 1
        return await mget(keys)

    monkeypatch.setattr(cache, "mget", counted)
    wanted = [token for token in tokens for _ in range(5)]
    found = await asyncio.gather(*(sessions.find(token) for token in [*wanted, "nobody's"]))
    assert all(found[:-1])
    assert found[-1] is None
    assert commands <= 2


async def test_a_cancelled_lookup_does_not_disturb_the_others(
    world: World, sessions: Sessions
) -> None:
    token = await _open(world, sessions)
    first = asyncio.create_task(sessions.find(token))
    second = asyncio.create_task(sessions.find(token))
    await asyncio.sleep(0)
    first.cancel()
    assert await second is not None


async def test_an_unreadable_copy_counts_for_nothing(
    world: World, sessions: Sessions, cache: redis.asyncio.Redis
) -> None:
    token = await _open(world, sessions)
    await cache.set(cache_key(hash_token(token)), b'{"written": "by another release"}')
    assert await sessions.find(token) is not None


async def test_an_expired_session_is_nobody(world: World, cache: redis.asyncio.Redis) -> None:
    brief = Sessions(world.pools[Role.AUTH], cache, timedelta(seconds=-1))
    token = await _open(world, brief)
    assert await brief.find(token) is None
    await brief.close()
