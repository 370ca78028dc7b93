"""Which queries run, by the ids their clients know, and which of them a KILL QUERY has hit.

The engine may end a killed query without an error, down to the closing bracket of its format, so
a part would pass for the whole. Every KILL QUERY comes through the gateway (see `kill_query`), and
what it has hit is noted here.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field

from warehouse.gateway.errors import GatewayError


@dataclass(slots=True, eq=False)
class Running:
    """A query between its text being sent to the engine and its end."""

    mark: str
    """32 hexadecimal digits in a comment its text begins with."""
    query_id: str
    """As the client knows it; the engine has one of its own."""
    user: str
    killed: bool = False
    """Set by a KILL QUERY that has hit it, from its thread."""
    ended: asyncio.Event = field(default_factory=asyncio.Event)


class Kills:
    """The queries that run."""

    def __init__(self) -> None:
        self._running: dict[str, Running] = {}
        self._statements: set[asyncio.Future[None]] = set()

    @property
    def running(self) -> list[Running]:
        """All of them at this moment."""
        return [*self._running.values()]

    @contextlib.contextmanager
    def watched(self, mark: str, query_id: str, user: str) -> Iterator[None]:
        """Around a query whose text begins with comment `mark`."""
        running = Running(_key(mark), query_id, user)
        self._running[running.mark] = running
        try:
            yield
        finally:
            del self._running[running.mark]
            running.ended.set()

    @contextlib.asynccontextmanager
    async def statement(self) -> AsyncIterator[None]:
        """Around a KILL statement: a query that ends meanwhile waits for what it has hit."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._statements.add(done)
        try:
            yield
        finally:
            self._statements.discard(done)
            done.set_result(None)

    async def check(self, mark: str) -> None:
        """Raises GatewayError QUERY_WAS_CANCELLED if the query, which has ended, was killed."""
        if self._statements:
            await asyncio.wait(set(self._statements))
        if self._running[_key(mark)].killed:
            raise GatewayError("QUERY_WAS_CANCELLED", "Query was cancelled")


def _key(mark: str) -> str:
    return mark.strip("/* ")
