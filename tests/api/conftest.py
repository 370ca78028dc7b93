"""The API on the module's own database and a Redis without leftovers."""

from collections.abc import AsyncIterator

import pytest
import redis.asyncio

from tests.support.api import Api, served, settings_for
from tests.support.world import World


@pytest.fixture(scope="module")
async def clean_redis_url(redis_url: str) -> str:
    """The session's Redis, emptied for the module: counters of logins must not carry over."""
    async with redis.asyncio.Redis.from_url(redis_url) as cache:
        await cache.flushdb()
    return redis_url


@pytest.fixture(scope="module")
async def api(world: World, clean_redis_url: str) -> AsyncIterator[Api]:
    """A running API with a platform admin ``root`` and the world's operators alpha and beta.

    Nothing answers at its ClickHouse address: what these tests ask must work without.
    """
    async with served(world, settings_for(world, clean_redis_url)) as running:
        yield running
