"""Proves the ledger's books against each other; every difference is money to look for."""

from typing import Any

import asyncpg
import msgspec

from ledger.named_sql import named_queries

SQL = named_queries("reconcile.sql")


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """Two books that disagree: which check, whose, about what, and by how many minor units."""

    check: str
    operator_id: int
    key: str
    difference: int


async def reconcile_ledger(connection: asyncpg.Connection) -> list[Difference]:
    """Every disagreement inside Postgres, at most 100 of each kind; empty when all is well.

    Runs in one REPEATABLE READ snapshot, so live traffic does not disturb it. ``connection`` must
    see every tenant's rows (the owner's does).
    """
    differences: list[Difference] = []
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        for check, query in SQL.items():
            rows: list[Any] = await connection.fetch(query)
            differences += [
                Difference(
                    check=check,
                    operator_id=row["operator_id"],
                    key=row["key"],
                    difference=int(row["difference"]),
                )
                for row in rows
            ]
    return differences
