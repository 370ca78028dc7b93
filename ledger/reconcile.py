"""Proves the ledger's books against each other; every difference is money to look for."""

from typing import Any

import msgspec

from ledger.database import Connection
from ledger.named_sql import named_queries

SQL = named_queries("reconcile.sql")
POOLS = named_queries("pool_checks.sql")


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """Two books that disagree: which check, whose, about what, and by how many minor units."""

    check: str
    operator_id: int
    key: str
    difference: int


async def reconcile_ledger(connection: Connection) -> list[Difference]:
    """Every disagreement inside Postgres, at most 100 of each kind; empty when all is well.

    Runs in one REPEATABLE READ snapshot, so live traffic does not disturb it. ``connection`` must
    see every tenant's rows (the owner's and the batch role's do).
    """
    return await _differences(connection, SQL | POOLS)


async def reconcile_pools(connection: Connection) -> list[Difference]:
    """Whether jackpot pools conserve: seeds + contributions - payouts, to the last sub-unit.

    Differences of these checks count 1/10,000 minor units. ``connection`` as above.
    """
    return await _differences(connection, POOLS)


async def _differences(connection: Connection, queries: dict[str, str]) -> list[Difference]:
    differences: list[Difference] = []
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        for check, query in queries.items():
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
