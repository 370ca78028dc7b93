"""Relays as processes of their own, to be killed, stopped and woken by tests.

They are forked from a server process that has imported everything, so that dozens can be started.
"""

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Event

from redis.asyncio import Redis

from warehouse.raw_tables import RawTables
from warehouse.relay import Pace, Relay

_context = get_context("forkserver")
_context.set_forkserver_preload(["tests.support.relay_process"])

PACE = Pace(
    busy=0.002, cycle=0, gather=0.02, idle=0.02, standby=0.05, backoff=0.02, backoff_limit=0.2
)


@dataclass(frozen=True)
class Stores:
    """Where a relay reads and writes."""

    postgres_dsn: str
    redis_url: str
    clickhouse_url: str


@dataclass
class StoppingTables(RawTables):
    """Says so and waits at a named point of an insert until it is let go on."""

    stop_at: str = ""
    reached: Event | None = None
    released: Event | None = None

    async def insert(self, topic: str, body: bytes, token: str) -> None:
        await self._stop("before insert")
        await super().insert(topic, body, token)
        await self._stop("before mark")

    async def _stop(self, point: str) -> None:
        if point == self.stop_at and self.reached is not None and self.released is not None:
            self.reached.set()
            while not self.released.is_set():  # noqa: ASYNC110  the other side is a process
                await asyncio.sleep(0.01)


def _run(stores: Stores, stop_at: str, chunk_rows: int, reached: Event, released: Event) -> None:
    async def relay() -> None:
        async with Redis.from_url(stores.redis_url) as redis:
            tables = StoppingTables(
                stores.clickhouse_url, stop_at=stop_at, reached=reached, released=released
            )
            await Relay(
                postgres_dsn=stores.postgres_dsn,
                tables=tables,
                redis=redis,
                pace=PACE,
                chunk_rows=chunk_rows,
            ).run()

    asyncio.run(relay())


class RelayProcess:
    """A running relay; ``reached`` is set once it waits at ``stop_at``."""

    def __init__(self, stores: Stores, stop_at: str = "", chunk_rows: int = 20_000) -> None:
        self.reached = _context.Event()
        self._released = _context.Event()
        arguments = (stores, stop_at, chunk_rows, self.reached, self._released)
        self._process: BaseProcess = _context.Process(target=_run, args=arguments, daemon=True)
        self._process.start()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process."""
        assert self._process.pid
        os.kill(self._process.pid, number)

    async def wait_reached(self) -> None:
        """Wait until it has come to where it stops."""
        assert await asyncio.to_thread(self.reached.wait, 30)

    def go_on(self) -> None:
        """Let it pass where it stops, from now on."""
        self._released.set()

    async def kill(self) -> None:
        """kill -9, and wait until it is gone."""
        assert self._process.is_alive(), "the relay ended by itself"
        self.signal(signal.SIGKILL)
        await asyncio.to_thread(self._process.join)
        assert self._process.exitcode == -signal.SIGKILL

    def end(self) -> None:
        """Whatever its state, it is gone afterwards."""
        self._process.kill()
        self._process.join()


@contextmanager
def relay_process(stores: Stores) -> Iterator[RelayProcess]:
    """A relay for the length of the block."""
    relay = RelayProcess(stores)
    try:
        yield relay
    finally:
        relay.end()
