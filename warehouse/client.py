"""Reads from the warehouse: named queries that cannot be run without an operator.

Query texts are files in ``warehouse/sql/endpoints``; what a client sends reaches ClickHouse only
as the value of a typed parameter. They read tables and not views on them: the engine analyses a
view's columns twice, which costs more than most of these queries' rows.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any, TypeVar
from uuid import UUID

import aiohttp
import clickhouse_connect
import msgspec
from clickhouse_connect.driver.asyncclient import AsyncClient
from clickhouse_connect.driver.exceptions import ClickHouseError

from warehouse.sql_files import read_sql, sql_names

Row = TypeVar("Row")
Parameter = int | bool | str | datetime | UUID | list[UUID] | list[int]

TENANT_CONDITION = "operator_id = {operator_id:UInt16}"
PIECES = "($pieces)"
_READ = re.compile(r"\b(?:FROM|JOIN)\s+(\w+)")

_SETTINGS: dict[str, Any] = {
    "output_format_json_quote_64bit_integers": 0,
    "date_time_output_format": "iso",
    "max_execution_time": 20,
    "wait_end_of_query": 1,
    # Dashboards ask for the same rollups again and again: decompressing them takes longer than
    # adding them up. The limit keeps a scan of raw rows from driving everything else out.
    "use_uncompressed_cache": 1,
    "merge_tree_max_rows_to_use_cache": 4_000_000,
}


_BRACKETS = (b"", b"[", b"]")
_STREAM_SETTINGS: dict[str, Any] = {
    # One array, a row a line: without its closing bracket the rows are not all.
    "output_format_json_array_of_rows": 1,
    "output_format_json_quote_64bit_integers": 0,
    "date_time_output_format": "iso",
    "max_execution_time": 600,
    "max_bytes_before_external_sort": 256_000_000,
}
"""A long export may take its time; its rows go out as they come and are sorted on disk."""


class WarehouseUnavailable(Exception):
    """ClickHouse is away or refuses; the cause is chained and says more."""


class UnboundQuery(Exception):
    """A query text that reads a table without binding the operator; it must never run."""


class Warehouse:
    """A pool of connections to ClickHouse for the API; safe for concurrent use."""

    def __init__(self, clickhouse_url: str) -> None:
        self._url = clickhouse_url
        self._client: AsyncClient | None = None
        self._connecting = asyncio.Lock()

    async def read(
        self,
        endpoint: str,
        row: type[Row],
        *,
        operator_id: int,
        pieces: Sequence[str] = (),
        **parameters: Parameter,
    ) -> list[Row]:
        """The rows of ``warehouse/sql/endpoints/<endpoint>.sql`` for one operator; ``pieces`` are
        those of :func:`tenant_query`.

        Raises ``WarehouseUnavailable`` when ClickHouse is away or refuses the query.
        """
        text = tenant_query(endpoint, tuple(pieces))
        return await self._rows(endpoint, text, row, {**parameters, "operator_id": operator_id})

    async def read_shared(self, name: str, row: type[Row]) -> list[Row]:
        """The rows of ``warehouse/sql/shared/<name>.sql``, which belong to no operator.

        Raises as :meth:`read`.
        """
        return await self._rows(name, read_sql("shared", name), row, {})

    async def _rows(
        self, name: str, text: str, row: type[Row], parameters: dict[str, Parameter]
    ) -> list[Row]:
        values = {key: as_text(value) for key, value in parameters.items()}
        try:
            client = await self._connected()
            answer = await client.raw_query(text, parameters=values, settings=_SETTINGS, fmt="JSON")
        except (ClickHouseError, aiohttp.ClientError, OSError, TimeoutError) as error:
            raise WarehouseUnavailable(f"query {name} failed") from error
        return _decode(answer, row)

    async def stream(
        self, endpoint: str, row: type[Row], *, operator_id: int, **parameters: Parameter
    ) -> AsyncIterator[list[Row]]:
        """The rows of an endpoint query in batches as they come, however many there are.

        Raises ``WarehouseUnavailable``, possibly after some batches: then they are not all.
        """
        values = {name: as_text(value) for name, value in parameters.items()}
        decoder = msgspec.json.Decoder(row)
        try:
            client = await self._connected()
            answer: Any = await client.raw_stream(
                tenant_query(endpoint),
                parameters={**values, "operator_id": operator_id},
                settings=_STREAM_SETTINGS,
                fmt="JSONEachRow",
            )
            async with answer as parts:
                rest, last = b"", b""
                async for part in parts:
                    *lines, rest = (rest + part).split(b"\n")
                    last = lines[-1] if lines else last
                    rows = [line.rstrip(b",") for line in lines if line not in _BRACKETS]
                    if rows:
                        yield [decoder.decode(line) for line in rows]
                if rest or last != b"]":
                    raise WarehouseUnavailable(f"query {endpoint} ended before its last row")
        except (ClickHouseError, aiohttp.ClientError, OSError, TimeoutError) as error:
            raise WarehouseUnavailable(f"query {endpoint} failed") from error
        except msgspec.DecodeError as error:  # ClickHouse reports a late error among the rows
            raise WarehouseUnavailable(f"query {endpoint} failed after its first rows") from error

    async def ping(self) -> bool:
        """Whether ClickHouse answers."""
        try:
            return await (await self._connected()).ping()
        except (ClickHouseError, aiohttp.ClientError, OSError, TimeoutError):
            return False

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            client, self._client = self._client, None
            await client.close()

    async def _connected(self) -> AsyncClient:
        """The client, made on first use: an API that starts before ClickHouse must not fail."""
        async with self._connecting:
            if self._client is None:
                self._client = await clickhouse_connect.get_async_client(
                    dsn=self._url,
                    autogenerate_session_id=False,
                    connect_timeout=3,
                    send_receive_timeout=25,
                    query_retries=1,
                )
            return self._client


@cache
def tenant_query(endpoint: str, pieces: tuple[str, ...] = ()) -> str:
    """The endpoint's SQL; where it reads ``($pieces)``, the named files of ``sql/pieces`` together.

    A period is answered by several tables; those that have no part in it are left out.
    Raises ``UnboundQuery`` if any table is read without binding the operator.
    """
    text = read_sql("endpoints", endpoint)
    if (PIECES in text) != bool(pieces):
        raise UnboundQuery(f"endpoint query {endpoint} and its pieces do not fit")
    rows = "\nUNION ALL\n".join(read_sql("pieces", piece) for piece in pieces)
    text = text.replace(PIECES, f"(\n{rows}\n)")
    read = [name for name in _READ.findall(text) if name in sql_names("tables")]
    bound = text.count(TENANT_CONDITION)
    if bound < max(len(read), 1):
        raise UnboundQuery(f"endpoint query {endpoint} reads {read}, bound {bound} times")
    return text


class _Answer(msgspec.Struct):
    """ClickHouse's JSON format; an error in the middle of the rows is a member of its own."""

    data: msgspec.Raw = msgspec.Raw(b"[]")
    exception: str | None = None


def _decode(answer: bytes, row: type[Row]) -> list[Row]:
    decoded = msgspec.json.decode(answer, type=_Answer)
    if decoded.exception is not None:
        raise WarehouseUnavailable(decoded.exception)
    return msgspec.json.decode(decoded.data, type=list[row])  # type: ignore[valid-type]


def as_text(value: Parameter) -> int | str | list[int] | list[str]:
    """A parameter's value as the client library takes it."""
    match value:
        case bool():
            return int(value)
        case datetime():
            # Without a fraction where there is none: a DateTime parameter takes no other.
            return value.astimezone(UTC).replace(tzinfo=None).isoformat(" ")
        case UUID():
            return str(value)
        case list():
            return [member if isinstance(member, int) else str(member) for member in value]  # type: ignore[return-value]
        case _:
            return value
