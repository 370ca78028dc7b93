"""Runs one statement on a borrowed handle: results stream out, rows stream in.

Results: the engine writes its own output format into a pipe, through INTO OUTFILE, and the event
loop reads the other end. So every format comes out exactly as the engine formats it, in constant
memory, and a slow client slows the query down rather than filling memory. Only SELECT has results
that can be large; the other statements' output is taken in one piece.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

from warehouse.gateway.engine import Engine, Handle, Progress, new_mark, quote_string
from warehouse.gateway.errors import GatewayError
from warehouse.gateway.request import QueryRequest
from warehouse.gateway.statement import Statement

_READ_BYTES = 256 << 10
_PIPE_BYTES = 1 << 20
_APPEND_BYTES = 1 << 20
_ABORT_RETRY_SECONDS = 0.2
_FORMAT_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*\Z")

Write = Callable[[bytes], Awaitable[None]]


def output_format(statement: Statement, request: QueryRequest) -> str:
    """Format of the result. Raises GatewayError UNKNOWN_FORMAT for what can't be one."""
    name = statement.format or request.default_format or "TabSeparated"
    if not _FORMAT_NAME.match(name):
        raise GatewayError("UNKNOWN_FORMAT", f"Unknown format {name}", code=73)
    return name


async def select(
    engine: Engine, handle: Handle, request: QueryRequest, statement: Statement, write: Write
) -> Progress:
    """Streams the result of a SELECT into `write`.

    If the caller is cancelled or `write` fails, the query is cancelled in the engine first.
    """
    mark = new_mark()
    reader, transport, write_fd = await _pipe()
    clause = f"INTO OUTFILE '/dev/fd/{write_fd}' TRUNCATE"
    if statement.format is None:
        clause += f" FORMAT {output_format(statement, request)}"
    sql = mark.encode() + b" " + statement.with_output(clause.encode())
    running = asyncio.ensure_future(engine.call(_run_into_pipe, handle, request, sql, write_fd))
    try:
        while chunk := await reader.read(_READ_BYTES):
            await write(chunk)
        return await running
    finally:
        if not running.done():
            await _abort(engine, mark, running, transport)
        transport.close()


def _run_into_pipe(handle: Handle, request: QueryRequest, sql: bytes, write_fd: int) -> Progress:
    """In a thread. Closing our end, after the engine closed its own, ends the reader."""
    try:
        handle.prepare(request.database, request.settings)
        _, progress = handle.run(sql, params=request.params)
        return progress
    finally:
        os.close(write_fd)


async def _pipe() -> tuple[asyncio.StreamReader, asyncio.ReadTransport, int]:
    read_fd, write_fd = os.pipe()
    # Unprivileged processes may have a lower limit; a smaller pipe only costs wake-ups.
    limit = min(_PIPE_BYTES, _pipe_limit())
    fcntl.fcntl(write_fd, fcntl.F_SETPIPE_SZ, limit)
    reader = asyncio.StreamReader(limit=_READ_BYTES)
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(read_fd, "rb", 0)
    )
    return reader, transport, write_fd


def _pipe_limit() -> int:
    """Largest size the kernel gives any process without privileges."""
    return 65536 if os.geteuid() else _PIPE_BYTES


async def _abort(
    engine: Engine, mark: str, running: asyncio.Future[Progress], transport: asyncio.ReadTransport
) -> None:
    """Cancels the query and waits for its thread. Repeats, as a query that has only just been
    sent may not be known to the engine yet; closing the pipe frees a writer that waits."""
    while not running.done():
        await engine.kill(mark)
        transport.close()
        await asyncio.wait({running}, timeout=_ABORT_RETRY_SECONDS)
    if not running.cancelled():
        running.exception()  # taken note of: it is the cancellation asked for


async def command(
    engine: Engine, handle: Handle, request: QueryRequest, statement: Statement, write: Write
) -> Progress:
    """Runs a statement that has no large result. A lost client does not interrupt it."""
    fmt = output_format(statement, request)
    body, progress = await engine.call(_prepare_and_run, handle, request, statement.text, fmt)
    if body:
        await write(body)
    return progress


def _prepare_and_run(
    handle: Handle, request: QueryRequest, sql: bytes, fmt: str
) -> tuple[bytes, Progress]:
    handle.prepare(request.database, request.settings)
    return handle.run(sql, fmt, request.params)


async def insert(
    engine: Engine,
    handle: Handle,
    request: QueryRequest,
    statement: Statement,
    rows: AsyncIterator[bytes],
) -> Progress:
    """Streams `rows` into an INSERT and commits it.

    If the rows break off, by a lost client or damaged coding, the INSERT is cancelled.
    """
    sql = statement.text.decode("utf-8", "surrogateescape")
    fmt = statement.format or "Values"
    pieces = _pieces(rows, _APPEND_BYTES)
    first = await anext(pieces, b"")
    if len(first) < _APPEND_BYTES:
        return await engine.call(_insert_whole, handle, request, sql, fmt, first)
    inserter = await engine.call(_begin_insert, handle, request, sql, fmt)
    try:
        await engine.call(inserter.append, first)
        async for piece in pieces:
            await engine.call(inserter.append, piece)
        return await engine.call(inserter.finish)
    except BaseException:
        handle.tainted = True
        await engine.call(inserter.cancel)
        raise


def _begin_insert(handle: Handle, request: QueryRequest, sql: str, fmt: str):
    handle.prepare(request.database, request.settings)
    if request.params:
        # An INSERT stream takes no parameters: they are set on the handle, which is then reopened.
        handle.tainted = True
        handle.run(_set_params(request.params))
    return handle.begin_insert(sql, fmt)


def _insert_whole(
    handle: Handle, request: QueryRequest, sql: str, fmt: str, rows: bytes
) -> Progress:
    inserter = _begin_insert(handle, request, sql, fmt)
    try:
        if rows:
            inserter.append(rows)
        return inserter.finish()
    except GatewayError:
        handle.tainted = True
        inserter.cancel()
        raise


def _set_params(params: Mapping[str, str]) -> str:
    pairs = ", ".join(f"param_{name} = {quote_string(value)}" for name, value in params.items())
    return f"SET {pairs}"


async def _pieces(rows: AsyncIterator[bytes], size: int) -> AsyncIterator[bytes]:
    """`rows` in pieces of at least `size` bytes, the last one shorter."""
    pending = bytearray()
    async for chunk in rows:
        pending += chunk
        if len(pending) >= size:
            yield bytes(pending)
            pending.clear()
    if pending:
        yield bytes(pending)
