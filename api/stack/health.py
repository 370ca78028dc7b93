"""How the supervisor asks each server whether it works."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import asyncpg
import httpx

from api.stack.postgres import EmbeddedPostgres
from api.stack.redis import EmbeddedRedis

Probe = Callable[[int], Awaitable[bool]]
"""Takes the pid of the process asked about; true if it serves. Never raises for a sick server."""

_TIMEOUT_SECONDS = 5.0


def http_probe(url: str, body: bytes | None = None) -> Probe:
    """Whether GET `url` answers 200, and with `body` where one is given."""

    # A connection per question: a kept one would hide that no new one is accepted.
    client = httpx.AsyncClient(
        timeout=_TIMEOUT_SECONDS, trust_env=False, limits=httpx.Limits(max_keepalive_connections=0)
    )

    async def probe(pid: int) -> bool:
        try:
            answer = await client.get(url)
        except httpx.HTTPError:
            return False
        return answer.status_code == 200 and (body is None or answer.content == body)

    return probe


def heartbeat_probe(path: Path, stale_after_seconds: float) -> Probe:
    """Whether the process touched `path` lately; for processes that share one port."""

    async def probe(pid: int) -> bool:
        try:
            return time.time() - os.stat(path).st_mtime < stale_after_seconds
        except FileNotFoundError:
            return False

    return probe


def all_of(*probes: Probe) -> Probe:
    """Whether every probe says so."""

    async def probe(pid: int) -> bool:
        return all([await one(pid) for one in probes])

    return probe


def postgres_probe(server: EmbeddedPostgres) -> Probe:
    """Whether the server lets the owner in and answers a query."""

    async def probe(pid: int) -> bool:
        if not server.is_ready(pid):
            return False
        try:
            async with asyncio.timeout(_TIMEOUT_SECONDS):
                connection = await asyncpg.connect(server.url, ssl=False)
                try:
                    return await connection.fetchval("SELECT true")
                finally:
                    await connection.close()
        except (asyncpg.CannotConnectNowError, asyncpg.PostgresConnectionError):
            return False  # starting, stopping, recovering or gone
        except asyncpg.PostgresError:
            return True  # out of connections or of something else, but it serves others
        except (OSError, TimeoutError, asyncpg.InterfaceError):
            return False

    return probe


def redis_probe(server: EmbeddedRedis) -> Probe:
    """Whether the server answers PING."""

    async def probe(pid: int) -> bool:
        return await asyncio.to_thread(server.is_ready, _TIMEOUT_SECONDS)

    return probe
