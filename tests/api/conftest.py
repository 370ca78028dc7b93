"""The API on the module's own database and a Redis without leftovers."""

from collections.abc import AsyncIterator

import pytest
import redis.asyncio

from tests.support.api import Api, served, settings_for
from tests.support.world import World


@pytest.fixture(scope="module")
async def api(world: World, redis_url: str) -> AsyncIterator[Api]:
    """A running API with a platform admin ``root`` and the world's operators alpha and beta."""
    async with redis.asyncio.Redis.from_url(redis_url) as cache:
        await cache.flushdb()
    async with served(world, settings_for(world, redis_url)) as running:
        yield running
