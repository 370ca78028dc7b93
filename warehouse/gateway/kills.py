"""Which running results a KILL QUERY has hit.

The engine may end a killed query without an error, down to the closing bracket of its format, so
a part would pass for the whole. Every KILL QUERY comes through the gateway and answers with the
texts of the queries it hit, and each of those begins with a mark: that tells.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Iterator

from warehouse.gateway.errors import GatewayError

_MARK = re.compile(rb"[0-9a-f]{32}")


class Kills:
    """Marks of the queries that run, and whether they were killed."""

    def __init__(self) -> None:
        self._killed: dict[bytes, bool] = {}
        self._statements: set[asyncio.Future[None]] = set()

    @contextlib.contextmanager
    def watched(self, mark: str) -> Iterator[None]:
        """Around a query whose text begins with `mark`."""
        key = _key(mark)
        self._killed[key] = False
        try:
            yield
        finally:
            del self._killed[key]

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

    def note(self, answer: bytes) -> None:
        """Takes a KILL statement's answer, in any format that writes texts as they are."""
        for key in _MARK.findall(answer):
            if key in self._killed:
                self._killed[key] = True

    async def check(self, mark: str) -> None:
        """Raises GatewayError QUERY_WAS_CANCELLED if the query, which has ended, was killed."""
        if self._statements:
            await asyncio.wait(set(self._statements))
        if self._killed[_key(mark)]:
            raise GatewayError("QUERY_WAS_CANCELLED", "Query was cancelled")


def _key(mark: str) -> bytes:
    return mark.strip("/* ").encode()
