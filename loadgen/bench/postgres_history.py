"""The reference of the analytics bench: bets in an indexed Postgres table, asked the same."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg

SQL = Path(__file__).parent / "sql" / "postgres"
DATABASE = "pitboss_bench_history"


@asynccontextmanager
async def postgres_history(
    postgres_url: str, *, bets: int, start: datetime, end: datetime, games: int, players: int
) -> AsyncIterator["PostgresHistory"]:
    """A database of its own with ``bets`` bets of four operators, dropped at the end.

    ``postgres_url`` is of a user that may create databases.
    """
    server = await asyncpg.connect(postgres_url)
    try:
        await server.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
        await server.execute(f"CREATE DATABASE {DATABASE}")
        connection = await asyncpg.connect(
            urlunsplit(urlsplit(postgres_url)._replace(path=f"/{DATABASE}"))
        )
        try:
            await connection.execute(_sql("table"))
            await connection.execute(_sql("fill"), bets, start, end, 4, games, players)
            for statement in _sql("indexes").split(";"):
                if statement.strip():
                    await connection.execute(statement)
            yield PostgresHistory(connection)
        finally:
            await connection.close()
    finally:
        await server.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
        await server.close()


class PostgresHistory:
    """A filled table."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    async def seconds(self, name: str, operator_id: int, start: datetime, end: datetime) -> float:
        """How long the question takes, in seconds."""
        began = time.perf_counter()
        await self._connection.fetch(_sql(name), operator_id, start, end)
        return time.perf_counter() - began


def _sql(name: str) -> str:
    return (SQL / f"{name}.sql").read_text()
