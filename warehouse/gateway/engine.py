"""Handles of the embedded engine, pooled.

A chDB handle serves one caller at a time and keeps the settings and database it was given, so
each request borrows a handle for itself. A handle remembers what was set on it; the next request
changes only the difference, which for a stream of like requests is nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlencode

from warehouse.gateway.errors import GatewayError, from_engine
from warehouse.gateway.kills import Kills

if TYPE_CHECKING:
    from chdb.state.sqlitelike import Connection

log = logging.getLogger(__name__)
T = TypeVar("T")

# What a server has and the embedded engine's defaults differ from: `implicit_select` reads any
# word as a SELECT, introspection functions show the process's own memory layout. Formatting in
# parallel starts threads for every result: 0.6 ms that small ones feel and large ones don't win.
BASE_SETTINGS = {
    "implicit_select": "0",
    "allow_introspection_functions": "0",
    "output_format_parallel_formatting": "0",
}
MERGES_NICE = 10
_SETTING_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of the engine and its queues."""

    memory_bytes: int = 1 << 30
    """Of all queries together; the engine refuses with MEMORY_LIMIT_EXCEEDED beyond."""
    cache_bytes: int = 256 << 20
    """Of decompressed columns that are kept for queries with `use_uncompressed_cache`, besides
    the memory of queries. The engine's default is none, a server's is 8 GiB."""
    writer_handles: int = 8
    analyst_handles: int = 4
    waiting: int = 128
    """Requests that may wait for a handle, per pool; the next is refused at once."""
    wait_seconds: float = 30.0
    analyst_query_disk_bytes: int = 2 << 30
    """What a query may put on the disk when it groups or sorts more than fits into memory."""
    analyst_query_seconds: int = 300
    held_bytes: int = 1 << 30
    """Of a result that is held back until it is complete (`wait_end_of_query`)."""
    send_seconds: float = 30.0
    """How long a client may read nothing of its result; http_send_timeout of a server."""

    @property
    def analyst_query_bytes(self) -> int:
        """Of one of the analyst's queries: all of them together leave a quarter to the writer."""
        return self.memory_bytes * 3 // 4 // self.analyst_handles


@dataclass(frozen=True, slots=True)
class Progress:
    """What a finished query read and wrote (X-ClickHouse-Summary)."""

    read_rows: int = 0
    read_bytes: int = 0
    written_rows: int = 0
    written_bytes: int = 0
    result_rows: int = 0
    result_bytes: int = 0
    elapsed_seconds: float = 0.0


class Handle:
    """One connection to the engine. Every method blocks; one caller at a time."""

    def __init__(self, open_connection: Callable[[], Connection], fixed: Mapping[str, str]) -> None:
        self._open_connection = open_connection
        self._fixed = dict(fixed)
        self._connection = self._open()
        self.tainted = False
        """Set when its state is not known any more: it is reopened before the next use."""

    def _open(self) -> Connection:
        connection = self._open_connection()
        self._settings: dict[str, str] = {}
        self._database = ""
        if self._fixed:
            connection.query(_set_statement(self._fixed))
        return connection

    def prepare(self, database: str, settings: Mapping[str, str]) -> None:
        """Brings database and settings to what the next query wants.

        Raises GatewayError as the engine words it: unknown setting, bad value, unknown database.
        """
        if self.tainted:
            self.close()
            self._connection = self._open()
            self.tainted = False
        dropped = self._settings.keys() - settings.keys()
        changes: dict[str, str | None] = {name: self._fixed.get(name) for name in dropped}
        changes.update({k: v for k, v in settings.items() if self._settings.get(k) != v})
        try:
            if changes:
                self.run(_set_statement(changes))
                self._settings = dict(settings)
            if database != self._database:
                self.run(f"USE {quote_identifier(database)}")
                self._database = database
        except GatewayError:
            self.tainted = True
            raise

    def changes_for(self, settings: Mapping[str, str]) -> int:
        """How many settings `prepare` would have to change."""
        return len(self._settings.items() ^ settings.items())

    @property
    def settings(self) -> dict[str, str]:
        """Those in force for the next query, as far as they were set here."""
        return {**self._fixed, **self._settings}

    def run(
        self, sql: str | bytes, fmt: str = "TabSeparated", params: Mapping[str, str] | None = None
    ) -> tuple[bytes, Progress]:
        """Runs one statement to its end and returns its whole output."""
        try:
            # The engine takes the statement as bytes too; its annotation says str. As bytes it may
            # hold what is no text, which a header can bring in.
            query: Any = sql.encode(errors="surrogateescape") if isinstance(sql, str) else sql
            result = self._connection.query(query, fmt, params=dict(params or {}))
        except Exception as error:
            raise from_engine(error) from None
        body = result.bytes()
        return body, Progress(
            read_rows=result.storage_rows_read(),
            read_bytes=result.storage_bytes_read(),
            written_rows=result.rows_written(),
            written_bytes=result.bytes_written(),
            result_rows=result.rows_read(),
            result_bytes=len(body),
            elapsed_seconds=result.elapsed(),
        )

    def close(self) -> None:
        self._connection.close()


class Pool:
    """Handles for one user, lent one request at a time."""

    def __init__(self, make: Callable[[], Handle], size: int, limits: Limits) -> None:
        self._make = make
        self._idle: list[Handle] = []
        self._free = asyncio.Semaphore(size)
        self._waiting = 0
        self._limits = limits

    @contextlib.asynccontextmanager
    async def lend(self, settings: Mapping[str, str]) -> AsyncIterator[Handle]:
        """A handle for the length of the block: of those that are idle the one whose settings are
        the closest, since to change any costs as much as to run a small query.

        Raises GatewayError TOO_MANY_SIMULTANEOUS_QUERIES if none frees in time.
        """
        await self._wait()
        try:
            handle = self._closest(settings) if self._idle else await self._open()
            try:
                yield handle
            finally:
                self._idle.append(handle)
        finally:
            self._free.release()

    def _closest(self, settings: Mapping[str, str]) -> Handle:
        handle = min(self._idle, key=lambda idle: idle.changes_for(settings))
        self._idle.remove(handle)
        return handle

    async def _open(self) -> Handle:
        loop = asyncio.get_running_loop()
        return await outlast(loop.run_in_executor(None, self._make))

    async def _wait(self) -> None:
        if self._free.locked() and self._waiting >= self._limits.waiting:
            raise _too_many(f"{self._waiting} requests wait already")
        self._waiting += 1
        try:
            # Not wait_for: Python 3.11's forgets a cancellation that comes as the wait ends, and
            # the query of a client that has left would run for good.
            async with asyncio.timeout(self._limits.wait_seconds):
                await self._free.acquire()
        except TimeoutError:
            raise _too_many(f"none freed in {self._limits.wait_seconds:g} s") from None
        finally:
            self._waiting -= 1

    def close(self) -> None:
        while self._idle:
            self._idle.pop().close()


def _too_many(why: str) -> GatewayError:
    return GatewayError("TOO_MANY_SIMULTANEOUS_QUERIES", f"Too many simultaneous queries: {why}")


@dataclass
class Engine:
    """The engine over one data directory. Create it once a process, in the event loop."""

    path: Path
    database: str
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        handles = self.limits.writer_handles + self.limits.analyst_handles
        self.threads = ThreadPoolExecutor(handles + 4, thread_name_prefix="engine")
        # Long statements of the analyst come to it as text to be parsed.
        control_settings = {**BASE_SETTINGS, "max_query_size": str(4 << 20)}
        self._control = Handle(self._connect, control_settings)
        # Cancelling must not wait until a long statement of the analyst has been parsed.
        self._killer = Handle(self._connect, BASE_SETTINGS)
        self._control.run(f"CREATE DATABASE IF NOT EXISTS {quote_identifier(self.database)}")
        version, _ = self._control.run("SELECT version(), timezone()")
        self.version, self.timezone = version.decode().strip().split("\t")
        self.writers = Pool(
            lambda: Handle(self._connect, BASE_SETTINGS), self.limits.writer_handles, self.limits
        )
        self.analysts = Pool(
            lambda: Handle(self._connect, self._analyst_settings()),
            self.limits.analyst_handles,
            self.limits,
        )
        # For KILL QUERY, which must not wait until one of those that it is to end has ended.
        self.killers = Pool(lambda: Handle(self._connect, BASE_SETTINGS), 1, self.limits)
        self._control_lock = asyncio.Lock()
        self._killer_lock = asyncio.Lock()
        self.kills = Kills()

    def _connect(self) -> Connection:
        # Imported here, as the sandbox and TMPDIR must stand before the engine is loaded.
        from chdb.state.sqlitelike import Connection  # noqa: PLC0415

        bounds = {
            "max_server_memory_usage": self.limits.memory_bytes + self.limits.cache_bytes,
            "uncompressed_cache_size": self.limits.cache_bytes,
            # Merges can wait, those who ask or insert can not: for memory and for a core.
            "merges_mutations_memory_usage_soft_limit": self.limits.memory_bytes // 2,
            "os_threads_nice_value_merge_mutate": MERGES_NICE,
        }
        return Connection(f"{self.path}?{urlencode(bounds)}")

    def _analyst_settings(self) -> dict[str, str]:
        """`readonly=1` can't be taken back on a handle, so it comes last and holds for good."""
        return {
            **BASE_SETTINGS,
            "max_memory_usage": str(self.limits.analyst_query_bytes),
            "max_temporary_data_on_disk_size_for_query": str(self.limits.analyst_query_disk_bytes),
            "max_execution_time": str(self.limits.analyst_query_seconds),
            "allow_ddl": "0",
            "readonly": "1",
        }

    async def call(self, function: Callable[..., T], *args: Any) -> T:
        """Runs a blocking call in a thread.

        A cancelled caller still waits for the thread to come back, because the handle must not
        go to the next request while it is in use.
        """
        return await outlast(asyncio.wrap_future(self.threads.submit(function, *args)))

    async def control(
        self, sql: str, params: Mapping[str, str] | None = None, fmt: str = "TabSeparatedRaw"
    ) -> bytes:
        """A statement of the gateway's own, on a handle that no request uses."""
        async with self._control_lock:
            body, _ = await self.call(self._control.run, sql, fmt, params)
        return body

    async def kill(self, mark: str) -> None:
        """Cancels the query whose text begins with comment `mark`."""
        sql = f"KILL QUERY WHERE startsWith(query, {quote_string(mark)}) ASYNC"
        async with self._killer_lock:
            await self.call(self._killer.run, sql)

    def close(self) -> None:
        """Ends cleanly; every handle must have been given back."""
        self.threads.shutdown(wait=True)
        for closing in (self.writers, self.analysts, self.killers, self._control, self._killer):
            closing.close()


async def outlast(work: asyncio.Future[T]) -> T:
    """Result of `work`, waited for to its end however often the caller is cancelled meanwhile;
    only then is the caller cancelled."""
    cancelled: asyncio.CancelledError | None = None
    while not work.done():
        try:
            await asyncio.wait({work})
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        if not work.cancelled():
            work.exception()  # taken note of, as nobody waits for it any more
        raise cancelled
    return work.result()


def new_mark() -> str:
    """A comment no client can guess, put in front of a query so that it can be found again."""
    return f"/* {secrets.token_hex(16)} */"


def quote_identifier(name: str) -> str:
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def quote_string(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _set_statement(settings: Mapping[str, str | None]) -> str:
    """SET for all of `settings`; None goes back to the default."""
    assignments = []
    for name, value in settings.items():
        if not _SETTING_NAME.match(name):
            raise GatewayError("UNKNOWN_SETTING", f"Unknown setting {name!r}")
        assignments.append(f"{name} = {'DEFAULT' if value is None else quote_string(value)}")
    return "SET " + ", ".join(assignments)
