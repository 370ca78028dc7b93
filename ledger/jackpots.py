"""Jackpot pools as they are opened, fed by games and shown; bets feed them in the batch."""

from collections.abc import Mapping
from typing import Any

import asyncpg
import msgspec
from uuid_utils.compat import uuid7

from ledger.account import E4, Leg
from ledger.database import Connection
from ledger.errors import Refusal
from ledger.jackpot import HitVault, draw_hit_point
from ledger.named_sql import named_queries
from ledger.writes import posting_rows

SQL = named_queries("jackpots.sql")
PLATFORM = 0


class PoolForm(msgspec.Struct, frozen=True, kw_only=True):
    """A new pool: ``seed`` and ``cap`` in minor units, ``rate_bps`` of the real wager.

    ``game_ids`` None: every game that is eligible for jackpots.
    """

    name: str
    currency: str
    seed: int
    cap: int
    rate_bps: int
    game_ids: list[int] | None = None


async def open_pool(pool: asyncpg.Pool, hits: HitVault, form: PoolForm) -> int:
    """Open a pool on its seed, which the platform funds, and let games feed it; returns its id.

    The cap must leave room above the seed for the largest contribution a bet can make (RULES §5).
    Raises :class:`Refusal` ``jackpot_invalid``, ``jackpot_exists`` or ``game_not_found``.
    """
    async with pool.acquire() as connection, connection.transaction():
        games = await connection.fetch(SQL["eligible_games"], form.game_ids)
        if form.game_ids is not None and len(games) != len(set(form.game_ids)):
            raise Refusal("game_not_found", "One of the games is unknown or feeds no jackpots.")
        widest = await connection.fetchval(SQL["widest_level"]) or 10
        largest = max((game["max_wager"] for game in games), default=0) * widest // 10
        largest_e4 = largest * form.rate_bps
        try:
            point = draw_hit_point(form.seed, form.cap, largest_e4)
        except ValueError as error:
            raise Refusal(
                "jackpot_invalid",
                "The cap must exceed the seed by more than the largest contribution.",
                largest_contribution=-(-largest_e4 // E4),
            ) from error
        try:
            pool_id: int = await connection.fetchval(  # pyright: ignore[reportAssignmentType]
                SQL["next_pool_id"]
            )
            sealed = hits.seal(pool_id, 1, point)
            await connection.execute(
                SQL["insert_pool"],
                pool_id,
                form.name,
                form.currency,
                form.seed,
                form.cap,
                largest_e4,
                form.seed * E4,
                point.commitment,
                sealed,
            )
        except asyncpg.UniqueViolationError as error:
            raise Refusal("jackpot_exists", "This currency has a pool of this name.") from error
        await connection.execute(
            SQL["insert_first_cycle"], pool_id, form.seed, point.commitment, sealed
        )
        await connection.execute(
            SQL["insert_feeds"], [game["game_id"] for game in games], pool_id, form.rate_bps
        )
        await _fund_seed(connection, pool_id, form)
    return pool_id


async def _fund_seed(connection: Connection, pool_id: int, form: PoolForm) -> None:
    journal = uuid7()
    legs = [Leg("platform_jackpot", -form.seed), Leg(f"jackpot_pool:{pool_id}", form.seed)]
    now = await connection.fetchval("SELECT clock_timestamp()")
    rows = posting_rows(PLATFORM, None, form.currency, legs, "jackpot_seed", journal, now)  # pyright: ignore[reportArgumentType]
    await connection.execute(SQL["insert_postings"], rows)


async def read_pools(connection: Connection, currency: str | None) -> list[Any]:
    """Active pools, of one currency or of all, with each one's last win (a row each)."""
    return await connection.fetch(SQL["pools"], currency)


async def read_wins(connection: Connection, cycles: Mapping[int, int]) -> list[Any]:
    """The wins of these pools' cycles, given by pool, and of all their later ones."""
    return await connection.fetch(SQL["wins_since"], list(cycles), list(cycles.values()))
