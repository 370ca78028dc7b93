"""What reports must say, asked of Postgres: straight from bets, postings and transactions.

Nothing here knows of the warehouse, its rollups or its events. ``$1`` is the operator, ``$2`` and
``$3`` the period; then bots, game, category, provider, player and bet type, NULL for any.
"""

from datetime import datetime
from typing import Any

import asyncpg

from warehouse.filters import Filters

BETS = """
WITH standing AS (
    SELECT b.*, g.slug AS game, c.slug AS category, g.provider, u.username
    FROM bet_log AS b
    JOIN game AS g USING (game_id)
    JOIN game_category AS c USING (category_id)
    JOIN "user" AS u ON u.operator_id = b.operator_id AND u.user_id = b.user_id
    WHERE b.operator_id = $1 AND b.created_at >= $2 AND b.created_at < $3
        AND NOT EXISTS (SELECT FROM bet_rollback AS r
            WHERE r.operator_id = b.operator_id AND r.bet_id = b.bet_id)
        AND ($4::boolean OR NOT u.is_bot)
        AND ($5::int IS NULL OR b.game_id = $5)
        AND ($6::text IS NULL OR c.slug = $6)
        AND ($7::text IS NULL OR g.provider = $7)
        AND ($8::uuid IS NULL OR b.user_id = $8)
        AND ($9::text IS NULL OR b.bet_type = $9)
)
"""

FIGURES = """
    count(*) FILTER (WHERE bet_type <> 'FREE_SPIN') AS bets,
    count(*) FILTER (WHERE bet_type = 'FREE_SPIN') AS free_spins,
    count(*) FILTER (WHERE win > 0) AS winning_bets,
    coalesce(sum(wager), 0)::bigint AS wager,
    coalesce(sum(wager_real), 0)::bigint AS wager_real,
    coalesce(sum(wager_bonus), 0)::bigint AS wager_bonus,
    coalesce(sum(win), 0)::bigint AS win,
    coalesce(sum(win_real), 0)::bigint AS win_real,
    coalesce(sum(win_bonus), 0)::bigint AS win_bonus,
    coalesce(sum(jackpot), 0)::bigint AS jackpot,
    count(*) FILTER (WHERE jackpot > 0) AS jackpot_hits,
    coalesce(sum(jackpot_contribution_e4), 0)::bigint AS jackpot_contribution_e4,
    coalesce(sum(free_spin_stake), 0)::bigint AS free_spin_stake,
    coalesce(sum(free_spin_win), 0)::bigint AS free_spin_win,
    coalesce(sum(theoretical_ggr_e4), 0)::bigint AS theoretical_ggr_e4
"""

ACTIVE = """
    count(DISTINCT user_id) FILTER (
        WHERE bet_type <> 'FREE_SPIN' OR $9::text = 'FREE_SPIN'
    ) AS active_players
"""

# A rollback counts at its bet's time; so does what it did to bonuses and balances.
MONEY = """
WITH mine AS (
    SELECT user_id, created_at FROM "user"
    WHERE operator_id = $1 AND ($4::boolean OR NOT is_bot) AND ($5::uuid IS NULL OR user_id = $5)
),
statuses AS (
    SELECT t.*, e.to_status, e.occurred_at FROM transaction_event AS e
    JOIN transaction AS t USING (operator_id, transaction_id)
    JOIN mine USING (user_id)
    WHERE t.operator_id = $1
),
inside AS (SELECT * FROM statuses WHERE occurred_at >= $2 AND occurred_at < $3),
legs AS (
    SELECT p.account, p.amount, coalesce(b.created_at, p.created_at) AS counted_at,
        coalesce(p.user_id, b.user_id, (
            SELECT min(o.user_id::text)::uuid FROM posting AS o
            WHERE o.operator_id = p.operator_id AND o.journal_id = p.journal_id
                AND o.user_id IS NOT NULL
        )) AS user_id
    FROM posting AS p
    LEFT JOIN bet_log AS b ON p.reference_kind = 'rollback'
        AND b.operator_id = p.operator_id AND b.bet_id = p.reference_id
    WHERE p.operator_id = $1
        AND p.account IN ('operator_bonus', 'player_real', 'player_bonus', 'player_held')
)
SELECT
    (SELECT coalesce(sum(CASE to_status WHEN 'COMPLETED' THEN amount ELSE -amount END), 0)::bigint
        FROM inside WHERE kind = 'DEPOSIT' AND to_status IN ('COMPLETED', 'REVERSED')) AS deposits,
    (SELECT coalesce(sum(CASE to_status WHEN 'COMPLETED' THEN 1 ELSE -1 END), 0)
        FROM inside WHERE kind = 'DEPOSIT' AND to_status IN ('COMPLETED', 'REVERSED'))
        AS deposit_count,
    (SELECT count(*) FROM (
        SELECT min(occurred_at) AS first FROM statuses
        WHERE kind = 'DEPOSIT' AND to_status = 'COMPLETED' GROUP BY user_id
    ) AS firsts WHERE first >= $2 AND first < $3) AS first_deposits,
    (SELECT coalesce(sum(amount), 0)::bigint FROM inside
        WHERE kind = 'WITHDRAWAL' AND to_status = 'COMPLETED') AS withdrawals,
    (SELECT count(*) FROM inside
        WHERE kind = 'WITHDRAWAL' AND to_status = 'COMPLETED') AS withdrawal_count,
    (SELECT coalesce(-sum(amount), 0)::bigint FROM legs JOIN mine USING (user_id)
        WHERE account = 'operator_bonus' AND counted_at >= $2 AND counted_at < $3) AS bonus_cost,
    (SELECT coalesce(sum(amount), 0)::bigint FROM legs JOIN mine USING (user_id)
        WHERE account <> 'operator_bonus' AND counted_at < $3) AS player_liability,
    (SELECT count(*) FROM mine WHERE created_at >= $2 AND created_at < $3) AS registrations,
    (SELECT coalesce(sum(amount), 0)::bigint FROM affiliate_statement
        WHERE operator_id = $1 AND created_at >= $2 AND created_at < $3) AS affiliate_payouts
"""


def bet_arguments(
    operator_id: int, start: datetime, end: datetime, filters: Filters
) -> tuple[Any, ...]:
    """The arguments of every query that begins with ``BETS``."""
    return (
        operator_id,
        start,
        end,
        filters.include_bots,
        filters.game_id,
        filters.category,
        filters.provider,
        filters.player_id,
        filters.bet_type,
    )


async def bet_totals(
    pool: asyncpg.Pool, operator_id: int, start: datetime, end: datetime, filters: Filters
) -> dict[str, Any]:
    """Sums over the bets that stand, and who made them."""
    query = f"{BETS} SELECT {FIGURES}, {ACTIVE} FROM standing"
    row = await pool.fetchrow(query, *bet_arguments(operator_id, start, end, filters))
    assert row is not None
    return dict(row)


async def money_totals(
    pool: asyncpg.Pool, operator_id: int, start: datetime, end: datetime, filters: Filters
) -> dict[str, Any]:
    """Payments, bonuses, what is owed to players, registrations and affiliates."""
    row = await pool.fetchrow(
        MONEY, operator_id, start, end, filters.include_bots, filters.player_id
    )
    assert row is not None
    return dict(row)


async def totals_by(
    pool: asyncpg.Pool,
    key: str,
    operator_id: int,
    start: datetime,
    end: datetime,
    filters: Filters,
) -> dict[Any, dict[str, Any]]:
    """Sums over the bets that stand by ``key``: game_id or user_id."""
    query = f"{BETS} SELECT {key}, {FIGURES} FROM standing GROUP BY {key}"
    rows = await pool.fetch(query, *bet_arguments(operator_id, start, end, filters))
    return {row[key]: {name: row[name] for name in row.keys() if name != key} for row in rows}  # noqa: SIM118


CONVERTED = """
SELECT t.kind, count(*) AS count, sum(t.converted)::bigint AS converted
FROM bonus_task AS t JOIN "user" AS u USING (operator_id, user_id)
WHERE t.operator_id = $1 AND t.status = 'COMPLETED' AND t.closed_at >= $2 AND t.closed_at < $3
    AND ($4::boolean OR NOT u.is_bot) AND ($5::uuid IS NULL OR t.user_id = $5)
GROUP BY t.kind
"""

WINS = """
SELECT p.name, count(*) AS hits, sum(w.amount)::bigint AS paid
FROM jackpot_win AS w JOIN jackpot_pool AS p USING (pool_id)
JOIN "user" AS u USING (operator_id, user_id)
WHERE w.operator_id = $1 AND w.won_at >= $2 AND w.won_at < $3 AND ($4::boolean OR NOT u.is_bot)
GROUP BY p.name
"""

SPINS = """
SELECT g.source, count(*) AS granted
FROM free_spin_grant AS g JOIN "user" AS u USING (operator_id, user_id)
WHERE g.operator_id = $1 AND g.created_at >= $2 AND g.created_at < $3
    AND ($4::boolean OR NOT u.is_bot) AND ($5::uuid IS NULL OR g.user_id = $5)
GROUP BY g.source
"""


async def conversions(
    pool: asyncpg.Pool, operator_id: int, start: datetime, end: datetime, filters: Filters
) -> dict[str, tuple[int, int]]:
    """Bonuses that became real money, by kind: how many and how much."""
    rows = await pool.fetch(
        CONVERTED, operator_id, start, end, filters.include_bots, filters.player_id
    )
    return {row["kind"]: (row["count"], row["converted"]) for row in rows}


async def grants_of_spins(
    pool: asyncpg.Pool, operator_id: int, start: datetime, end: datetime, filters: Filters
) -> dict[str, int]:
    """Grants of free spins by source."""
    rows = await pool.fetch(SPINS, operator_id, start, end, filters.include_bots, filters.player_id)
    return {row["source"]: row["granted"] for row in rows}


async def jackpots_won(
    pool: asyncpg.Pool, operator_id: int, start: datetime, end: datetime, filters: Filters
) -> dict[str, tuple[int, int]]:
    """Jackpots by pool: how many and how much."""
    rows = await pool.fetch(WINS, operator_id, start, end, filters.include_bots)
    return {row["name"]: (row["hits"], row["paid"]) for row in rows}
