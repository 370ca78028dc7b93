"""A batch that a dead relay left half sent, and a migration that fills a table from others."""

from collections.abc import AsyncIterator

import asyncpg
import clickhouse_connect
import pytest
from redis.asyncio import Redis

from ledger.database import Role, role_dsn
from tests.integration.warehouse.conftest import Stream
from tests.support.arrivals import assert_exact
from tests.support.gateway import GatewayProcess
from tests.support.outbox import bet_event, write
from warehouse.migrate import streams, upgrade
from warehouse.raw_tables import RawTables

OPERATOR = 1


class Crash(Exception):
    """The relay died."""


class CrashAfterInsert(RawTables):
    """ClickHouse takes the rows, the relay never hears of it."""

    async def insert(self, topic: str, body: bytes, token: str) -> None:
        await super().insert(topic, body, token)
        raise Crash


@pytest.fixture
async def old(
    postgres_url: str, secret_key: str, redis_url: str, clickhouse: GatewayProcess
) -> AsyncIterator[Stream]:
    """A stream into a warehouse as it was before the sixth migration."""
    url = f"{clickhouse.clickhouse_url}_unsent"
    assert not streams(url)
    upgrade(url, "0005")
    assert streams(url)
    tables = CrashAfterInsert(url)
    async with Redis.from_url(redis_url) as redis:
        yield Stream(role_dsn(postgres_url, Role.RELAY, secret_key), redis, tables)
    await tables.close()
    with clickhouse_connect.get_client(dsn=url, autogenerate_session_id=False) as client:
        client.command("DROP DATABASE {name:Identifier} SYNC", parameters={"name": client.database})


async def test_it_is_finished_before_and_counts_once(
    old: Stream, ledger_pool: asyncpg.Pool
) -> None:
    async with ledger_pool.acquire() as connection:
        await write(connection, *(bet_event(operator_id=OPERATOR, wager=n) for n in range(1, 51)))
    async with old.outbox() as outbox:
        with pytest.raises(Crash):
            await old.relay().step(outbox, await outbox.last_batch())
    url = old.tables.clickhouse_url
    await old.relay(RawTables(url)).finish_batch()
    upgrade(url)
    await old.drain(old.relay(RawTables(url)))
    with clickhouse_connect.get_client(dsn=url, autogenerate_session_id=False) as client:
        assert_exact(client, OPERATOR, 50, sum(range(1, 51)))
