"""The answer to one query: its headers, its coding, and an error at any point of it."""

from __future__ import annotations

import asyncio
import json
import secrets
import tempfile
from collections.abc import Mapping
from typing import IO

from aiohttp import web

from warehouse.gateway.codecs import Encoder, Identity, encoder
from warehouse.gateway.engine import Limits, Progress
from warehouse.gateway.errors import GatewayError
from warehouse.gateway.native import NativeEncoder
from warehouse.gateway.request import QueryRequest

# Encoding more than this at once is done in a thread: it would hold up the other requests.
_ENCODE_INLINE_BYTES = 32 << 10
_SPOOL_MEMORY_BYTES = 4 << 20

_CONTENT_TYPES = {
    "TabSeparated": "text/tab-separated-values; charset=UTF-8",
    "TSV": "text/tab-separated-values; charset=UTF-8",
    "CSV": "text/csv; charset=UTF-8; header=absent",
    "CSVWithNames": "text/csv; charset=UTF-8; header=present",
    "CSVWithNamesAndTypes": "text/csv; charset=UTF-8; header=present",
    "JSON": "application/json; charset=UTF-8",
    "JSONCompact": "application/json; charset=UTF-8",
    "JSONStrings": "application/json; charset=UTF-8",
    "JSONColumns": "application/json; charset=UTF-8",
    "JSONEachRow": "application/x-ndjson; charset=UTF-8",
    "JSONCompactEachRow": "application/x-ndjson; charset=UTF-8",
    "XML": "application/xml; charset=UTF-8",
    "ArrowStream": "application/vnd.apache.arrow.stream",
    "Arrow": "application/vnd.apache.arrow.file",
    "Parquet": "application/vnd.apache.parquet",
}


def content_type(fmt: str) -> str:
    if fmt in _CONTENT_TYPES:
        return _CONTENT_TYPES[fmt]
    if fmt.startswith(("TabSeparated", "TSV")):
        return _CONTENT_TYPES["TSV"]
    return "text/plain; charset=UTF-8" if fmt.startswith("Pretty") else "application/octet-stream"


class Reply:
    """Holds the body back until `buffer_bytes` are full or the query has ended, so that an error
    before that gets a status of its own; then streams."""

    def __init__(
        self,
        http: web.Request,
        request: QueryRequest,
        fmt: str,
        common: Mapping[str, str],
        limits: Limits,
    ) -> None:
        self._http = http
        self._limits = limits
        self._request = request
        self._tag = secrets.token_hex(8)
        self._headers = {
            **common,
            "Content-Type": content_type(fmt),
            "X-ClickHouse-Format": fmt,
            "X-ClickHouse-Exception-Tag": self._tag,
        }
        self._encoder = self._make_encoder()
        # Outlives this function: closed with the reply, and by the collector if it is dropped.
        self._held: IO[bytes] = tempfile.SpooledTemporaryFile(  # noqa: SIM115
            max_size=_SPOOL_MEMORY_BYTES
        )
        self._held_bytes = 0
        self._stream: web.StreamResponse | None = None

    def _make_encoder(self) -> Encoder:
        if self._request.coding:
            # Whoever asks for both codings gets the HTTP one, which says so in a header.
            self._headers["Content-Encoding"] = self._request.coding
            return encoder(self._request.coding, self._request.coding_level)
        return NativeEncoder() if self._request.native_response else Identity()

    @property
    def started(self) -> bool:
        """Whether the status has been sent."""
        return self._stream is not None

    async def write(self, data: bytes) -> None:
        """Takes the next part of the result; waits while the client is slow to read."""
        await self._put(await self._encode(data))

    async def _encode(self, data: bytes) -> bytes:
        if isinstance(self._encoder, Identity) or len(data) <= _ENCODE_INLINE_BYTES:
            return self._encoder.encode(data)
        return await asyncio.to_thread(self._encoder.encode, data)

    async def _put(self, coded: bytes) -> None:
        if self._stream is not None:
            await self._send(self._stream, coded)
            return
        if self._held_bytes + len(coded) > self._limits.held_bytes:
            raise GatewayError(
                "TOO_MANY_ROWS_OR_BYTES",
                f"A result of more than {self._limits.held_bytes} bytes is not held back whole:"
                " ask without wait_end_of_query",
            )
        self._held.write(coded)
        self._held_bytes += len(coded)
        if self._held_bytes > self._request.buffer_bytes and not self._request.wait_end_of_query:
            stream = web.StreamResponse(headers=self._headers)
            stream.enable_chunked_encoding()
            await self._send_held(stream)

    async def _send(self, stream: web.StreamResponse, data: bytes) -> None:
        """Waits while the client is slow to read, but not for one that has stopped: its query
        would keep its handle for good.

        Raises ConnectionResetError.
        """
        try:
            async with asyncio.timeout(self._limits.send_seconds):
                await stream.write(data)
        except TimeoutError:
            if self._http.transport is not None:
                self._http.transport.abort()
            raise ConnectionResetError("the client has stopped reading") from None

    async def _send_held(self, stream: web.StreamResponse) -> None:
        await stream.prepare(self._http)
        self._stream = stream
        self._held.seek(0)
        while part := self._held.read(_SPOOL_MEMORY_BYTES):
            await self._send(stream, part)
        self._held.close()

    async def finish(self, progress: Progress) -> web.StreamResponse:
        """The response, complete; one that had not been started also carries the summary."""
        await self._put(self._encoder.finish())
        if self._stream is not None:
            await self._stream.write_eof()
            return self._stream
        headers = {**self._headers, "X-ClickHouse-Summary": summary(progress)}
        if self._held_bytes <= _SPOOL_MEMORY_BYTES:
            self._held.seek(0)
            return web.Response(body=self._held.read(), headers=headers)
        stream = web.StreamResponse(headers=headers)
        stream.content_length = self._held_bytes
        await self._send_held(stream)
        await stream.write_eof()
        return stream

    async def fail(self, error: GatewayError, version: str) -> None:
        """Reports an error after the status has gone out, the way servers since 25.11 do: a block
        between tags that the header announced, then a connection closed without its last chunk.

        Raises ConnectionResetError, always, so that nobody completes the response.
        """
        if self._stream is None:
            raise RuntimeError("an error before the status has a response of its own")
        message = error.body(version)
        head = f"\r\n__exception__\r\n{self._tag}\r\n".encode()
        tail = f"{len(message)} {self._tag}\r\n__exception__\r\n".encode()
        block = self._encoder.encode(head + message + tail)
        await self._stream.write(block + self._encoder.finish())
        if self._http.transport is not None:
            self._http.transport.close()
        raise ConnectionResetError(f"{error.name}, after the first part of it had been sent")


def summary(progress: Progress) -> str:
    """X-ClickHouse-Summary: numbers as texts, as a server writes them."""
    return json.dumps(
        {
            "read_rows": str(progress.read_rows),
            "read_bytes": str(progress.read_bytes),
            "written_rows": str(progress.written_rows),
            "written_bytes": str(progress.written_bytes),
            "total_rows_to_read": "0",
            "result_rows": str(progress.result_rows),
            "result_bytes": str(progress.result_bytes),
            "elapsed_ns": str(round(progress.elapsed_seconds * 1e9)),
        },
        separators=(",", ":"),
    )
