"""A client and a relay on the module's ClickHouse database."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import count

import asyncpg
import clickhouse_connect
import pytest
from clickhouse_connect.driver.client import Client
from redis.asyncio import Redis

from ledger.database import Role, role_dsn
from warehouse.outbox import Batch, Outbox
from warehouse.raw_tables import RawTables
from warehouse.relay import Pace, Relay

_operators = count(1000)


@pytest.fixture
def operator_id() -> int:
    """An operator no other test uses; the outbox does not ask whether it exists."""
    return next(_operators)


@pytest.fixture(scope="module")
def warehouse_client(clickhouse_url: str) -> Iterator[Client]:
    """A plain client to look into the module's ClickHouse database."""
    with clickhouse_connect.get_client(dsn=clickhouse_url, autogenerate_session_id=False) as client:
        yield client


@pytest.fixture(scope="module")
async def ledger_pool(postgres_url: str) -> AsyncIterator[asyncpg.Pool]:
    """Connections of the database's owner."""
    async with asyncpg.create_pool(postgres_url, min_size=1, max_size=12) as pool:
        yield pool


class Stream:
    """Relays made by hand, one step at a time, for tests that choose what fails and when."""

    def __init__(self, dsn: str, redis: Redis, tables: RawTables) -> None:
        self.dsn = dsn
        self.redis = redis
        self.tables = tables

    def relay(self, tables: RawTables | None = None, **changes: object) -> Relay:
        """A relay that polls quickly, with other ``tables`` to inject faults."""
        pace = Pace(busy=0.005, cycle=0, idle=0.02, standby=0.05, backoff=0.01, backoff_limit=0.05)
        return Relay(
            postgres_dsn=self.dsn,
            tables=tables or self.tables,
            redis=self.redis,
            pace=pace,
            **changes,  # type: ignore[arg-type]
        )

    @asynccontextmanager
    async def outbox(self) -> AsyncIterator[Outbox]:
        """A connection like the leader's, whether or not somebody leads."""
        async with Outbox.connect(self.dsn) as outbox:
            yield outbox

    async def drain(self, relay: Relay | None = None) -> Batch:
        """Relay until a look finds nothing; the newest batch."""
        relay = relay or self.relay()
        async with self.outbox() as outbox:
            last = await outbox.last_batch()
            while (newer := await relay.step(outbox, last)) is not None:
                last = newer
            return last


@pytest.fixture(scope="module")
async def stream(
    postgres_url: str, secret_key: str, redis_url: str, clickhouse_url: str
) -> AsyncIterator[Stream]:
    """What relays between the module's Postgres and ClickHouse databases need."""
    dsn = role_dsn(postgres_url, Role.RELAY, secret_key)
    tables = RawTables(clickhouse_url)
    async with Redis.from_url(redis_url) as redis:
        yield Stream(dsn, redis, tables)
    await tables.close()
