"""Runs one statement on a borrowed handle: results stream out, rows stream in.

Results: the engine writes its own output format into a pipe, through INTO OUTFILE, and the event
loop reads the other end. So every format comes out exactly as the engine formats it, in constant
memory, and a slow client slows the query down rather than filling memory. Only SELECT has results
that can be large; the other statements' output is taken in one piece.

Rows: they are received whole (see `rows`), then the engine reads them with FROM INFILE. Its two
other ways are traps: rows inline in the statement end at the first empty line, silently, and the
insert stream (`send_insert`) drops the errors of materialized views: the table gets the rows, the
view does not, and the insert reports success.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import re
import time
from collections.abc import Awaitable, Callable
from typing import Any

from warehouse.gateway.engine import Engine, Handle, Progress, new_mark, outlast
from warehouse.gateway.errors import GatewayError
from warehouse.gateway.query_id import answered
from warehouse.gateway.request import QueryRequest
from warehouse.gateway.rows import Rows
from warehouse.gateway.statement import Statement
from warehouse.gateway.time_limit import time_limit

_READ_BYTES = 256 << 10
# A pipe holds 64 KiB; larger ones save wake-ups. The kernel grants any process up to 1 MiB, but
# unprivileged users only so many in all (pipe-user-pages-soft): those keep the default.
_PIPE_BYTES, _PIPE_BYTES_ROOT = 64 << 10, 1 << 20
_ABORT_RETRY_SECONDS = 0.2
_FORMAT_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*\Z")

# The library makes Python objects of these; no client can be sent one.
_LIBRARY_FORMATS = frozenset({"dataframe", "datastore", "arrowtable"})

Write = Callable[[bytes], Awaitable[None]]


def output_format(statement: Statement, request: QueryRequest) -> str:
    """Format of the result. Raises GatewayError UNKNOWN_FORMAT for what can't be one."""
    name = statement.format or request.default_format or "TabSeparated"
    if not _FORMAT_NAME.match(name) or name.lower() in _LIBRARY_FORMATS:
        raise GatewayError("UNKNOWN_FORMAT", f"Unknown format {name}", code=73)
    return name


async def select(
    engine: Engine, handle: Handle, request: QueryRequest, statement: Statement, write: Write
) -> Progress:
    """Streams the result of a SELECT into `write`.

    If the caller is cancelled or `write` fails, the query is cancelled in the engine first.
    Raises GatewayError, QUERY_WAS_CANCELLED for a killed query even if the engine ended it well,
    and TIMEOUT_EXCEEDED likewise: a query that waits for a slow client in the middle of a block is
    broken off in silence. So one that ended after its limit counts as broken off, even if the last
    rows happened to be out.
    """
    mark = new_mark()
    pipe = _Pipe()
    clause = f"INTO OUTFILE '/dev/fd/{pipe.write_fd}' TRUNCATE"
    if statement.format is None:
        clause += f" FORMAT {output_format(statement, request)}"
    sql = mark.encode() + b" " + statement.with_clause(clause.encode())
    sql = answered(sql, request.query_id)
    with engine.kills.watched(mark, request.query_id, request.user):
        running = asyncio.ensure_future(
            engine.call(_run_into_pipe, handle, request, sql, pipe.write_fd)
        )
        try:
            while chunk := await pipe.read():
                await write(chunk)
            progress = await asyncio.shield(running)
            await engine.kills.check(mark)
            return progress
        finally:
            # First of all: KILL QUERY waits for the engine's writer, which may wait for room in
            # the pipe. Closing alone is not enough, as the engine goes on after a failed write.
            pipe.close_reader()
            if not running.done():
                await outlast(asyncio.ensure_future(_abort(engine, mark, running)))


def _run_into_pipe(handle: Handle, request: QueryRequest, sql: bytes, write_fd: int) -> Progress:
    """In a thread. Closing our end, after the engine closed its own, ends the reader."""
    try:
        handle.prepare(request.database, request.settings)
        began = time.monotonic()
        _, progress = handle.run(sql, params=request.params)
        limit = time_limit(sql, handle.settings, request.params)
        if limit and time.monotonic() - began >= limit:
            raise GatewayError("TIMEOUT_EXCEEDED", f"Timeout exceeded: {limit:g} s", code=159)
        return progress
    finally:
        os.close(write_fd)


class _Pipe:
    """The pipe between the engine's thread, which writes, and the event loop, which reads.

    By hand, with `add_reader`: uvloop's pipe transports close a descriptor twice, which under
    load closes another request's.
    """

    def __init__(self) -> None:
        self._read_fd, self.write_fd = os.pipe()
        os.set_blocking(self._read_fd, False)
        fcntl.fcntl(
            self.write_fd,
            fcntl.F_SETPIPE_SZ,
            _PIPE_BYTES_ROOT if os.geteuid() == 0 else _PIPE_BYTES,
        )
        self._loop = asyncio.get_running_loop()

    async def read(self) -> bytes:
        """What is there, after waiting for something; empty at the end."""
        while True:
            try:
                return os.read(self._read_fd, _READ_BYTES)
            except BlockingIOError:
                await self._readable()

    async def _readable(self) -> None:
        ready: asyncio.Future[None] = self._loop.create_future()
        self._loop.add_reader(self._read_fd, _set, ready)
        try:
            await ready
        finally:
            self._loop.remove_reader(self._read_fd)

    def close_reader(self) -> None:
        """Frees a writer that waits for room; does nothing the second time."""
        if self._read_fd >= 0:
            os.close(self._read_fd)
            self._read_fd = -1


def _set(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


async def _abort(engine: Engine, mark: str, running: asyncio.Future[Any]) -> None:
    """Cancels the query and waits for its thread.

    KILL QUERY is repeated, as a query only just sent may not be known to the engine yet.
    """
    while not running.done():
        await engine.kill(mark)
        await asyncio.wait({running}, timeout=_ABORT_RETRY_SECONDS)
    if not running.cancelled():
        running.exception()  # taken note of: it is the cancellation asked for


async def command(
    engine: Engine, handle: Handle, request: QueryRequest, statement: Statement, write: Write
) -> Progress:
    """Runs a statement that has no large result. A lost client interrupts it if it only reads:
    EXPLAIN may run queries too."""
    fmt = output_format(statement, request)
    sql = statement.text
    if statement.keyword in ("INSERT", "WITH"):  # from a SELECT: no view keeps it
        sql = answered(sql, request.query_id)
    body, progress = await _run_marked(
        engine, handle, request, sql, fmt, interruptible=statement.reads_only
    )
    if body:
        await write(body)
    return progress


async def _run_marked(
    engine: Engine,
    handle: Handle,
    request: QueryRequest,
    sql: bytes,
    fmt: str,
    *,
    interruptible: bool = False,
) -> tuple[bytes, Progress]:
    """So that KILL QUERY finds it, and one that it has hit never passes for done."""
    mark = new_mark()
    with engine.kills.watched(mark, request.query_id, request.user):
        running = asyncio.ensure_future(
            engine.call(_prepare_and_run, handle, request, mark.encode() + b" " + sql, fmt)
        )
        try:
            result = await asyncio.shield(running)
        except asyncio.CancelledError:
            ending = _abort(engine, mark, running) if interruptible else asyncio.wait({running})
            await outlast(asyncio.ensure_future(ending))
            raise
        await engine.kills.check(mark)
        return result


def _prepare_and_run(
    handle: Handle, request: QueryRequest, sql: bytes, fmt: str
) -> tuple[bytes, Progress]:
    handle.prepare(request.database, request.settings)
    return handle.run(sql, fmt, request.params)


async def insert(
    engine: Engine, handle: Handle, request: QueryRequest, statement: Statement, rows: Rows
) -> Progress:
    """Inserts all of `rows`, or nothing if one of them or a materialized view fails."""
    fmt = statement.format or "Values"
    if not _FORMAT_NAME.match(fmt):
        raise GatewayError("UNKNOWN_FORMAT", f"Unknown format {fmt}", code=73)
    clause = f"FROM INFILE '/dev/fd/{rows.fd}' COMPRESSION 'none'"
    sql = statement.with_clause(clause.encode()) + f"\nFORMAT {fmt}".encode()
    _, progress = await _run_marked(engine, handle, request, sql, "TabSeparated")
    return progress
