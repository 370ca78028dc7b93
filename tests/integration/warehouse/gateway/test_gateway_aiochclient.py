"""aiochclient, the asyncio client on aiohttp."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from decimal import Decimal
from uuid import UUID

import aiohttp
import pytest
from aiochclient import ChClient, ChClientError

from tests.integration.warehouse.gateway.conftest import ask_gateway
from tests.support.gateway import Credentials, GatewayProcess

AT = datetime.fromisoformat("2026-01-02T03:04:05")
KEY = UUID("0190a1b2-0000-7000-8000-000000000001")
ROWS = [
    (1, "it's é\t\\", Decimal("1.25"), AT, KEY, [1, 2], None),
    (2, "", Decimal("-0.01"), AT, KEY, [], "x"),
]
compressions = pytest.mark.parametrize("compressed", [False, True], ids=["plain", "gzip"])


@asynccontextmanager
async def connected(
    gateway: GatewayProcess, *, user: Credentials | None = None, compressed: bool = False
) -> AsyncIterator[ChClient]:
    who = user or gateway.writer
    async with aiohttp.ClientSession() as session:
        yield ChClient(
            session,
            url=gateway.url,
            user=who.user,
            password=who.password,
            database=gateway.database,
            compress_response=compressed,
        )


@pytest.fixture(scope="module", autouse=True)
def samples(gateway: GatewayProcess) -> None:
    sql = (
        "CREATE TABLE samples (id UInt32, name String, amount Decimal(18, 2), at DateTime('UTC'),"
        " key UUID, numbers Array(UInt32), maybe Nullable(String)) ENGINE = MergeTree ORDER BY id"
    )
    assert ask_gateway(gateway, sql).status == 200


@compressions
async def test_inserts_and_fetches(gateway: GatewayProcess, compressed: bool) -> None:
    async with connected(gateway, compressed=compressed) as client:
        assert await client.is_alive()
        await client.execute("TRUNCATE TABLE samples")
        await client.execute("INSERT INTO samples VALUES", *ROWS)
        found = await client.fetch("SELECT * FROM samples ORDER BY id")
        assert [tuple(row.values()) for row in found] == ROWS
        one = await client.fetchrow(
            "SELECT * FROM samples WHERE id = {id}", params={"id": ROWS[0][0]}
        )
        assert one is not None
        assert one["name"] == ROWS[0][1]
        assert await client.fetchval("SELECT sum(amount) FROM samples") == Decimal("1.24")
        assert await client.fetchrow("SELECT * FROM samples WHERE id = 9") is None


@compressions
async def test_iterates_over_a_long_result(gateway: GatewayProcess, compressed: bool) -> None:
    async with connected(gateway, compressed=compressed) as client:
        total = 0
        async for row in client.iterate("SELECT number, toString(number) FROM numbers(100000)"):
            assert str(row[0]) == row[1]
            total += row[0]
    assert total == sum(range(100_000))


async def test_many_at_once(gateway: GatewayProcess) -> None:
    async with connected(gateway) as client:
        found = await asyncio.gather(*(client.fetchval(f"SELECT {n}") for n in range(60)))
    assert found == list(range(60))


async def test_errors_carry_the_code(gateway: GatewayProcess) -> None:
    async with connected(gateway) as client:
        with pytest.raises(ChClientError, match="Code: 60"):
            await client.fetch("SELECT * FROM nowhere")
        assert await client.fetchval("SELECT 1") == 1


async def test_the_analyst_reads_and_nothing_else(gateway: GatewayProcess) -> None:
    async with connected(gateway, user=gateway.analyst) as client:
        assert await client.fetchval("SELECT 1 + 1") == 2
        with pytest.raises(ChClientError, match="Code: 164"):
            await client.execute("INSERT INTO samples VALUES", *ROWS)
        with pytest.raises(ChClientError, match="Code: 497"):
            await client.fetch("SELECT file('/etc/passwd')")
