"""clickhouse-connect, sync and async, against the gateway as against any ClickHouse."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from uuid import uuid4

import clickhouse_connect
import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError, StreamFailureError

from tests.support.gateway import GatewayProcess

CODINGS = ["lz4", "zstd", "gzip", "br", False]
ROWS = [
    (
        n,
        f"row {n} é",
        Decimal(n) / 100,
        datetime(2026, 1, 1, 0, 0, n % 60, 123000, tzinfo=UTC).replace(tzinfo=None),
        uuid4(),
        [n, n + 1],
        None if n % 2 else f"{n}",
    )
    for n in range(5_000)
]
COLUMNS = ["id", "name", "amount", "at", "key", "numbers", "maybe"]


def connect(gateway: GatewayProcess, **more) -> Client:
    return clickhouse_connect.get_client(
        host=gateway.host,
        port=gateway.port,
        username=gateway.writer.user,
        password=gateway.writer.password,
        database=gateway.database,
        **more,
    )


@pytest.fixture(scope="module", autouse=True)
def tables(gateway: GatewayProcess) -> None:
    client = connect(gateway)
    client.command(
        "CREATE TABLE samples (id UInt32, name String, amount Decimal(18, 2),"
        " at DateTime64(3, 'UTC'), key UUID, numbers Array(UInt32), maybe Nullable(String))"
        " ENGINE = MergeTree ORDER BY id"
    )
    client.insert("samples", ROWS, column_names=COLUMNS)


@pytest.mark.parametrize("coding", CODINGS)
def test_rows_come_back_as_they_went_in(gateway: GatewayProcess, coding: str | bool) -> None:
    client = connect(gateway, compress=coding)
    client.command("CREATE TABLE copies AS samples")
    try:
        summary = client.insert("copies", ROWS, column_names=COLUMNS)
        assert summary.written_rows == len(ROWS)
        assert client.query("SELECT * FROM copies ORDER BY id").result_rows == ROWS
    finally:
        client.command("DROP TABLE copies SYNC")


def test_parameters_of_every_kind(gateway: GatewayProcess) -> None:
    client = connect(gateway)
    found = client.query(
        "SELECT name FROM samples WHERE id = {id:UInt32} AND name = {name:String}"
        " AND has(numbers, {number:UInt32}) AND id IN {ids:Array(UInt32)}",
        parameters={"id": 7, "name": "row 7 é", "number": 8, "ids": [6, 7]},
    )
    assert found.result_rows == [("row 7 é",)]
    quoted = client.query("SELECT {x:String}", parameters={"x": "it's \\ a\ttab\n"})
    assert quoted.result_rows == [("it's \\ a\ttab\n",)]
    long = client.query("SELECT length({x:String})", parameters={"x": "y" * 500_000})
    assert long.result_rows == [(500_000,)]


def test_commands_settings_and_summary(gateway: GatewayProcess) -> None:
    client = connect(gateway)
    assert client.command("SELECT count() FROM samples") == len(ROWS)
    result = client.query("SELECT max(id) FROM samples", settings={"max_threads": 1})
    assert int(result.summary["read_rows"]) >= 1
    empty = client.query("SELECT id, name FROM samples LIMIT 0")
    assert empty.column_names == ("id", "name")
    assert client.ping()


def test_streams_blocks_and_frames(gateway: GatewayProcess) -> None:
    client = connect(gateway)
    sql = "SELECT number, toString(number) AS s FROM numbers(1000000)"
    with client.query_row_block_stream(sql) as blocks:
        assert sum(len(block) for block in blocks) == 1_000_000
    assert len(client.query_arrow(sql)) == 1_000_000
    body = client.raw_query("SELECT * FROM samples ORDER BY id LIMIT 2", fmt="CSVWithNames")
    assert body.splitlines()[0] == b'"' + b'","'.join(c.encode() for c in COLUMNS) + b'"'


def test_errors_carry_the_code(gateway: GatewayProcess) -> None:
    client = connect(gateway)
    with pytest.raises(DatabaseError) as unknown:
        client.query("SELECT * FROM nowhere")
    assert unknown.value.code == 60
    with pytest.raises((StreamFailureError, DatabaseError)) as late:
        client.query(
            "SELECT throwIf(number = 5000000, 'too far'), toString(number) FROM numbers(9000000)",
            settings={"max_threads": 1},
        )
    assert "too far" in str(late.value)


def test_pandas_both_ways(gateway: GatewayProcess) -> None:
    client = connect(gateway)
    frame = client.query_df("SELECT id, name, amount FROM samples ORDER BY id")
    assert list(frame.columns) == ["id", "name", "amount"]
    assert frame.id.sum() == sum(row[0] for row in ROWS)
    client.command("CREATE TABLE framed (id UInt32, name String) ENGINE = Memory")
    client.insert_df("framed", frame[["id", "name"]])
    assert client.command("SELECT count() FROM framed") == len(ROWS)


def test_async_client_runs_many_at_once(gateway: GatewayProcess) -> None:
    async def run() -> list[int]:
        client = await clickhouse_connect.get_async_client(
            host=gateway.host,
            port=gateway.port,
            username=gateway.writer.user,
            password=gateway.writer.password,
            database=gateway.database,
            autogenerate_session_id=False,
        )
        try:
            await client.command("CREATE TABLE many (id UInt32) ENGINE = MergeTree ORDER BY id")
            inserts = (client.insert("many", [[n]], column_names=["id"]) for n in range(20))
            await asyncio.gather(*inserts)
            queries = (
                client.query("SELECT id FROM many WHERE id = {n:UInt32}", parameters={"n": n})
                for n in range(20)
            )
            return [found.result_rows[0][0] for found in await asyncio.gather(*queries)]
        finally:
            await client.close()

    assert asyncio.run(run()) == list(range(20))


def test_async_client_streams_leaves_and_fails(gateway: GatewayProcess) -> None:
    """A stream left early ends its query; an error after the first rows is raised."""

    async def run() -> tuple[int, str, int]:
        client = await clickhouse_connect.get_async_client(
            host=gateway.host,
            port=gateway.port,
            username=gateway.writer.user,
            password=gateway.writer.password,
            database=gateway.database,
            autogenerate_session_id=False,
        )
        try:
            rows = 0
            async with await client.query_rows_stream(
                "SELECT number FROM numbers(500000)"
            ) as stream:
                async for _ in stream:
                    rows += 1
            endless = client.query("SELECT count() FROM system.numbers")
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(endless, 0.5)
            for _ in range(200):
                found = await client.query("SELECT count() - 1 FROM system.processes")
                left = found.result_rows[0][0]
                if left == 0:
                    break
                await asyncio.sleep(0.05)
            with pytest.raises((StreamFailureError, DatabaseError)) as late:
                await client.query(
                    "SELECT throwIf(number = 5000000, 'too far'), toString(number)"
                    " FROM numbers(9000000)",
                    settings={"max_threads": 1},
                )
            return rows, str(late.value), left
        finally:
            await client.close()

    rows, message, left = asyncio.run(run())
    assert rows == 500_000
    assert "too far" in message
    assert left == 0
