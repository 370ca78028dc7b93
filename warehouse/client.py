"""Reads from the warehouse: named queries that cannot be run without an operator.

Query texts are files in ``warehouse/sql/endpoints``; what a client sends reaches ClickHouse only
as the value of a typed parameter. They read tables and not views on them: the engine analyses a
view's columns twice, which costs more than most of these queries' rows.
"""

import asyncio
import copy
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any, TypeVar
from uuid import UUID

import aiohttp
import clickhouse_connect
import msgspec
from clickhouse_connect.driver.asyncclient import AsyncClient
from clickhouse_connect.driver.exceptions import ClickHouseError

from warehouse.settled_past import Answer, KeptAnswers
from warehouse.spare_conditions import without_spare_conditions
from warehouse.sql_files import read_sql, sql_names
from warehouse.tail_figures import Tail
from warehouse.watermark import Past

Row = TypeVar("Row")
Parameter = int | bool | str | datetime | UUID | list[UUID] | list[int]

TENANT_CONDITION = "operator_id = {operator_id:UInt16}"
PIECES = "($pieces)"
APART_BYTES = 1 << 20
_COMMENT_LINE = re.compile(r"^\s*--.*\n", re.MULTILINE)
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


class _Connected:
    """The client, made on first use: an API that starts before ClickHouse must not fail."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._client: AsyncClient | None = None
        self._connecting = asyncio.Lock()

    async def client(self) -> AsyncClient:
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

    async def close(self) -> None:
        if self._client is not None:
            client, self._client = self._client, None
            await client.close()


class Warehouse:
    """A pool of connections to ClickHouse for the API; safe for concurrent use.

    ``past`` and ``catalogue`` are what is known of an operator's settled past and of the games, of
    which answers are kept, and ``tail`` is what happened to the operator since; None is nothing.
    """

    def __init__(self, clickhouse_url: str) -> None:
        self._connected = _Connected(clickhouse_url)
        self._kept = KeptAnswers()
        self.past: Past | None = None
        self.catalogue: Past | None = None
        self.tail: Tail | None = None

    def knowing(self, past: Past, catalogue: Past, tail: Tail | None = None) -> "Warehouse":
        """The same warehouse for one request, which answers what is settled from what is kept, and
        what is recent from the tail.

        ``past`` and ``tail`` must be the operator's whose numbers are asked for, and read before
        the request reads anything else.
        """
        other = copy.copy(self)
        other.past = msgspec.structs.replace(past, tail_from=tail.since) if tail else past
        other.catalogue, other.tail = catalogue, tail
        return other

    def apart(self) -> "Warehouse":
        """The same warehouse with a little room of its own for what it keeps: for many answers
        that nobody asks for again."""
        other = copy.copy(self)
        other._kept = KeptAnswers(APART_BYTES)
        return other

    async def recall(
        self, question: Hashable, until: datetime, ask: Callable[[], Awaitable[Answer]]
    ) -> Answer:
        """The answer to ``ask``, a list or an array, which is about what happened before ``until``.

        If that is settled it is asked once; ``question`` must name all that it depends on.
        """
        if self.past is None or until > self.past.settled:
            return await ask()
        return await self._kept.recall(self.past, question, ask)

    def recollect(self, question: Hashable) -> Any:
        """What :meth:`keep` has kept, or None."""
        return None if self.past is None else self._kept.get(self.past, question)

    def keep(self, question: Hashable, answer: Any) -> None:
        """Keep an answer about what is settled for :meth:`recollect`."""
        if self.past is not None:
            self._kept.keep(self.past, question, answer)

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

        Raises ``WarehouseUnavailable`` when ClickHouse is away or refuses the query, and
        ``UnboundQuery`` for another operator than the one whose past is known.
        """
        text = self._bound(endpoint, operator_id, pieces, parameters)
        return await self._rows(endpoint, text, row, {**parameters, "operator_id": operator_id})

    async def read_binary(
        self,
        endpoint: str,
        *,
        operator_id: int,
        pieces: Sequence[str] = (),
        **parameters: Parameter,
    ) -> bytes:
        """The rows of an endpoint query in the engine's RowBinary, for arrays of many.

        Raises as :meth:`read`.
        """
        text = self._bound(endpoint, operator_id, pieces, parameters)
        values = {**parameters, "operator_id": operator_id}
        return await self._body(endpoint, text, values, "RowBinary")

    def _bound(
        self,
        endpoint: str,
        operator_id: int,
        pieces: Sequence[str],
        parameters: dict[str, Parameter],
    ) -> str:
        if self.past is not None and self.past.operator_id != operator_id:
            raise UnboundQuery(f"{endpoint} asked of {operator_id}, not {self.past.operator_id}")
        return without_spare_conditions(tenant_query(endpoint, tuple(pieces)), parameters)

    async def read_shared(self, name: str, row: type[Row]) -> list[Row]:
        """The rows of ``warehouse/sql/shared/<name>.sql``, which belong to no operator.

        Raises as :meth:`read`.
        """

        async def ask() -> list[Row]:
            return await self._rows(name, read_sql("shared", name), row, {})

        if self.catalogue is None:
            return await ask()
        return await self._kept.recall(self.catalogue, (name, row), ask)

    async def _rows(
        self, name: str, text: str, row: type[Row], parameters: dict[str, Parameter]
    ) -> list[Row]:
        return _decode(await self._body(name, text, parameters, "JSON"), row)

    async def _body(
        self, name: str, text: str, parameters: dict[str, Parameter], fmt: str
    ) -> bytes:
        values = {key: as_text(value) for key, value in parameters.items()}
        try:
            client = await self._connected.client()
            return await client.raw_query(text, parameters=values, settings=_SETTINGS, fmt=fmt)
        except (ClickHouseError, aiohttp.ClientError, OSError, TimeoutError) as error:
            raise WarehouseUnavailable(f"query {name} failed") from error

    async def stream(
        self, endpoint: str, row: type[Row], *, operator_id: int, **parameters: Parameter
    ) -> AsyncIterator[list[Row]]:
        """The rows of an endpoint query in batches as they come, however many there are.

        Raises ``WarehouseUnavailable``, possibly after some batches: then they are not all.
        """
        values = {name: as_text(value) for name, value in parameters.items()}
        decoder = msgspec.json.Decoder(row)
        try:
            client = await self._connected.client()
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
            return await (await self._connected.client()).ping()
        except (ClickHouseError, aiohttp.ClientError, OSError, TimeoutError):
            return False

    async def close(self) -> None:
        """Close the connections."""
        await self._connected.close()


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
    # Comments are for readers here; the engine and the client library would read them each time.
    text = _COMMENT_LINE.sub("", text.replace(PIECES, f"(\n{rows}\n)"))
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
