"""What returns, affiliates, the RTP monitor and series must show, asked of Postgres.

As in ``ledger_answers``, whose bets that stand these queries begin with, nothing here knows of the
warehouse. Amounts are minor units, ratios fractions that nobody has rounded.
"""

from datetime import datetime
from typing import Any

import asyncpg

from tests.support.ledger_answers import BETS, bet_arguments
from warehouse.filters import Filters

RETURN = """
    count(*) FILTER (WHERE bet_type <> 'FREE_SPIN') AS bets,
    coalesce(sum(wager), 0)::bigint AS total_wagered,
    coalesce(sum(win), 0)::bigint AS total_won,
    (sum(win)::numeric / nullif(sum(wager), 0))::float8 AS rtp
"""

RETURNS = {
    "game_id": f"""{BETS} SELECT game_id, g.name, g.rtp_bps / 10000.0::float8 AS theoretical_rtp,
        {RETURN} FROM standing JOIN game AS g USING (game_id) GROUP BY game_id, g.name, g.rtp_bps
    """,
    "player_id": f"""{BETS} SELECT user_id::text AS player_id, username, {RETURN}
        FROM standing GROUP BY user_id, username
    """,
    "all": f"{BETS} SELECT {RETURN} FROM standing",
}
"""The report of returns by what it is of."""

# $1 to $4 as elsewhere. A rollback counts at its bet's time, and so does its bonus money.
AFFILIATES = """
WITH standing AS (
    SELECT b.* FROM bet_log AS b
    LEFT JOIN bet_rollback AS r USING (operator_id, bet_id)
    WHERE b.operator_id = $1 AND b.created_at >= $2 AND b.created_at < $3 AND r.bet_id IS NULL
),
owners AS (
    SELECT journal_id, min(user_id::text)::uuid AS user_id FROM posting
    WHERE operator_id = $1 AND user_id IS NOT NULL GROUP BY journal_id
),
bonus_money AS (
    SELECT coalesce(o.user_id, b.user_id) AS user_id, -p.amount AS cost
    FROM posting AS p
    LEFT JOIN owners AS o USING (journal_id)
    LEFT JOIN bet_log AS b ON p.reference_kind = 'rollback'
        AND b.operator_id = p.operator_id AND b.bet_id = p.reference_id
    WHERE p.operator_id = $1 AND p.account = 'operator_bonus'
        AND coalesce(b.created_at, p.created_at) >= $2
        AND coalesce(b.created_at, p.created_at) < $3
),
by_player AS (
    SELECT u.affiliate_id, u.user_id,
        (SELECT count(*) FROM standing AS s
            WHERE s.user_id = u.user_id AND s.bet_type <> 'FREE_SPIN') AS bets,
        (SELECT sum(wager) FROM standing AS s WHERE s.user_id = u.user_id) AS wager,
        (SELECT sum(wager - win) FROM standing AS s WHERE s.user_id = u.user_id) AS ggr,
        (SELECT sum(cost) FROM bonus_money AS m WHERE m.user_id = u.user_id) AS cost
    FROM "user" AS u WHERE u.operator_id = $1 AND ($4::boolean OR NOT u.is_bot)
)
SELECT a.affiliate_id, a.code, a.name,
    count(*) FILTER (WHERE p.bets > 0) AS players,
    coalesce(sum(p.bets), 0)::bigint AS bets,
    coalesce(sum(p.wager), 0)::bigint AS total_wagered,
    coalesce(sum(p.ggr), 0)::bigint AS ggr,
    coalesce(sum(p.cost), 0)::bigint AS bonus_cost,
    (coalesce(sum(p.ggr), 0) - coalesce(sum(p.cost), 0))::bigint AS net
FROM affiliate AS a LEFT JOIN by_player AS p USING (affiliate_id)
WHERE a.operator_id = $1
GROUP BY a.affiliate_id, a.code, a.name
ORDER BY a.affiliate_id
"""

CELLS = f"""{BETS}, banded AS (
    SELECT *, CASE WHEN wager < 100 THEN 'below_100' WHEN wager < 1000 THEN 'below_1000'
        ELSE 'from_1000' END AS band
    FROM standing WHERE wager > 0
),
cells AS (
    SELECT game_id, coalesce(band, 'all') AS stake_band, count(*) AS bets, sum(wager) AS s,
        sum(wager * wager) AS s2, sum(win) AS w, sum(theoretical_ggr_e4) AS theoretical_e4
    FROM banded GROUP BY GROUPING SETS ((game_id), (game_id, band))
)
SELECT game_id, g.name AS game_name, g.provider, c.slug AS category, stake_band, bets,
    s::bigint AS total_wagered, w::bigint AS total_won, (w / s)::float8 AS rtp,
    (1 - theoretical_e4 / 10000.0 / s)::float8 AS theoretical_rtp,
    g.sigma_e6 / 1e6 * sqrt(s2::float8) / s::float8 AS standard_error,
    floor(s * s / s2)::bigint AS n_eff
FROM cells JOIN game AS g USING (game_id) JOIN game_category AS c USING (category_id)
ORDER BY game_id, array_position(
    ARRAY['all', 'below_100', 'below_1000', 'from_1000'], stake_band
)
"""

# $10 is the zone and $11 the interval. A point is what one minute of UTC, one hour on the wall or
# one day of the calendar has in common; where clocks change, an hour ends with the offset.
SERIES = f"""{BETS}, moments AS (
    SELECT $2::timestamptz AS moment UNION SELECT generate_series(
        date_trunc('hour', $2::timestamptz, 'UTC'), $3::timestamptz,
        CASE WHEN $11 = 'minute' THEN interval '1 minute' ELSE interval '15 minutes' END)
),
local AS (
    SELECT moment, moment AT TIME ZONE $10 AS wall, moment AT TIME ZONE 'UTC' AS utc
    FROM moments WHERE moment >= $2 AND moment < $3
),
points AS (
    SELECT min(moment) AS start FROM local GROUP BY CASE $11
        WHEN 'minute' THEN date_trunc('minute', utc)::text
        WHEN 'hour' THEN date_trunc('hour', wall)::text || (wall - utc)::text
        ELSE wall::date::text END
),
cuts AS (SELECT array_agg(start ORDER BY start) AS at FROM points),
bets AS (
    SELECT width_bucket(s.created_at, cuts.at) AS point,
        count(*) FILTER (WHERE bet_type <> 'FREE_SPIN') AS bets,
        count(*) FILTER (WHERE bet_type = 'FREE_SPIN') AS free_spins,
        sum(wager) AS handle, sum(win) AS won, sum(jackpot) AS jackpot,
        floor(sum(jackpot_contribution_e4) / 10000) AS contributions
    FROM standing AS s, cuts GROUP BY 1
),
mine AS (
    SELECT * FROM "user" WHERE operator_id = $1 AND ($4::boolean OR NOT is_bot)
        AND ($8::uuid IS NULL OR user_id = $8)
),
payments AS (
    SELECT width_bucket(e.occurred_at, cuts.at) AS point,
        sum(CASE WHEN kind = 'DEPOSIT' THEN amount END
            * CASE to_status WHEN 'COMPLETED' THEN 1 WHEN 'REVERSED' THEN -1 ELSE 0 END)
            AS deposits,
        sum(amount) FILTER (WHERE kind = 'WITHDRAWAL' AND to_status = 'COMPLETED') AS withdrawals
    FROM transaction AS t JOIN mine USING (operator_id, user_id)
    JOIN transaction_event AS e USING (operator_id, transaction_id), cuts
    WHERE e.occurred_at >= $2 AND e.occurred_at < $3 GROUP BY 1
),
registered AS (
    SELECT width_bucket(created_at, cuts.at) AS point, count(*) AS registrations
    FROM mine, cuts WHERE created_at >= $2 AND created_at < $3 GROUP BY 1
)
SELECT to_char(start AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS start,
    coalesce(bets, 0) AS bets, coalesce(free_spins, 0) AS free_spins,
    coalesce(handle, 0)::bigint AS handle, coalesce(won, 0)::bigint AS total_won,
    coalesce(handle - won, 0)::bigint AS ggr, coalesce(jackpot, 0)::bigint AS jackpot_won,
    coalesce(contributions, 0)::bigint AS jackpot_contributions,
    coalesce(deposits, 0)::bigint AS deposits, coalesce(withdrawals, 0)::bigint AS withdrawals,
    coalesce(registrations, 0) AS registrations
FROM (SELECT start, row_number() OVER (ORDER BY start) AS point FROM points) AS numbered
LEFT JOIN bets USING (point) LEFT JOIN payments USING (point) LEFT JOIN registered USING (point)
ORDER BY start
"""


async def returns(
    pool: asyncpg.Pool,
    of: str,
    operator_id: int,
    start: datetime,
    end: datetime,
    filters: Filters,
) -> list[dict[str, Any]]:
    """Returns to player by ``game_id`` or ``player_id``, or of ``all``; in no order."""
    rows = await pool.fetch(RETURNS[of], *bet_arguments(operator_id, start, end, filters))
    return [dict(row) for row in rows]


async def affiliates(
    pool: asyncpg.Pool, operator_id: int, start: datetime, end: datetime, include_bots: bool
) -> list[dict[str, Any]]:
    """Every affiliate by id, with what its players left."""
    rows = await pool.fetch(AFFILIATES, operator_id, start, end, include_bots)
    return [dict(row) for row in rows]


async def cells(
    pool: asyncpg.Pool, operator_id: int, start: datetime, end: datetime, filters: Filters
) -> list[dict[str, Any]]:
    """Returns by game and band of stakes, each game's of all bands first."""
    rows = await pool.fetch(CELLS, *bet_arguments(operator_id, start, end, filters))
    return [dict(row) for row in rows]


async def series(
    pool: asyncpg.Pool,
    operator_id: int,
    start: datetime,
    end: datetime,
    filters: Filters,
    *,
    zone: str,
    interval: str,
) -> list[dict[str, Any]]:
    """The points of an overview in a time zone: minutes, hours or days."""
    arguments = bet_arguments(operator_id, start, end, filters)
    return [dict(row) for row in await pool.fetch(SERIES, *arguments, zone, interval)]
