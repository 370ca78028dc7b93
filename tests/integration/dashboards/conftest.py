"""A relay from the module's Postgres into its ClickHouse database."""

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from ledger.database import Role, role_dsn
from tests.integration.warehouse.conftest import Stream
from warehouse.raw_tables import RawTables


@pytest.fixture(scope="module")
async def stream(
    postgres_url: str, secret_key: str, redis_url: str, clickhouse_url: str
) -> AsyncIterator[Stream]:
    """Relays made by hand, one step at a time."""
    tables = RawTables(clickhouse_url)
    async with Redis.from_url(redis_url) as redis:
        yield Stream(role_dsn(postgres_url, Role.RELAY, secret_key), redis, tables)
    await tables.close()
