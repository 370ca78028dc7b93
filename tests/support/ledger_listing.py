"""What the operator's list of bets and transactions must show, asked of Postgres.

``listed`` is a table of every row that the list has, put together from what the ledger keeps of
bets, payments, bonuses, free spins and jackpots. Ids and amounts that no table but ``money_event``
holds are taken from there: the ids of jackpots, levels and experience, what a bonus still held
when a command ended it, and when free spins ran out. Nothing here knows of the warehouse.
"""

from typing import Any

import asyncpg

# Amounts in minor units. ``told_by`` is the bet whose balances a row shows; without one they are
# those after all that had been posted by ``told_at``.
TABLE = """
CREATE TABLE listed AS
WITH bets AS (
    SELECT b.*, r.rolled_back_at FROM bet_log AS b
    LEFT JOIN bet_rollback AS r USING (operator_id, bet_id)
),
credits AS (
    SELECT b.*, (given.effect ->> 0)::uuid AS task_id, (given.effect ->> 1)::bigint AS amount
    FROM bets AS b, jsonb_array_elements(b.effects -> 'credits') AS given (effect)
),
closings AS (
    SELECT b.*, (ended.effect ->> 0)::uuid AS task_id, ended.effect ->> 1 AS ending,
        (ended.effect ->> 2)::bigint AS amount
    FROM bets AS b, jsonb_array_elements(b.effects -> 'closed') AS ended (effect)
),
-- What rollbacks took for the operator, out of bonuses or, where these had ended, in their stead.
taken AS (
    SELECT p.operator_id, p.reference_id AS bet_id,
        coalesce(sum(p.amount) FILTER (WHERE o.account = 'player_bonus' AND p.amount > 0), 0)
            AS from_bonus,
        coalesce(sum(p.amount) FILTER (WHERE o.account = 'operator_gaming'), 0) AS from_house
    FROM posting AS p
    JOIN posting AS o ON o.operator_id = p.operator_id AND o.journal_id = p.journal_id
        AND o.leg = p.leg - 1
    WHERE p.reference_kind = 'rollback' AND p.account = 'operator_bonus'
    GROUP BY p.operator_id, p.reference_id
),
told AS (
    SELECT operator_id, payload ->> 'kind' AS kind, payload ->> 'status' AS status,
        (payload ->> 'transaction_id')::uuid AS id, (payload ->> 'user_id')::uuid AS user_id,
        (payload -> 'amount')::bigint AS amount, payload ->> 'method' AS method,
        payload ->> 'reason' AS reason, (payload ->> 'occurred_at')::timestamptz AS occurred_at
    FROM money_event WHERE topic = 'transactions'
),
bonus_steps AS (
    SELECT operator_id, task_id, created_at AS told_at, NULL::uuid AS told_by, 1 AS step,
        'GRANTED' AS status, granted AS amount, created_at AS occurred_at
    FROM bonus_task WHERE kind <> 'FREE_SPINS'
    UNION ALL
    SELECT operator_id, task_id, created_at, bet_id, 1, 'GRANTED', amount, created_at FROM credits
    UNION ALL
    SELECT operator_id, task_id, created_at, bet_id, 2, ending, amount, created_at FROM closings
    UNION ALL
    SELECT operator_id, task_id, rolled_back_at, NULL, 1, 'REOPENED', amount, created_at
    FROM closings WHERE ending = 'FORFEITED' AND rolled_back_at IS NOT NULL
    UNION ALL
    SELECT c.operator_id, c.task_id, c.rolled_back_at, NULL, 2, 'REVOKED',
        coalesce(t.from_bonus, 0), c.created_at
    FROM credits AS c LEFT JOIN taken AS t USING (operator_id, bet_id)
    WHERE c.rolled_back_at IS NOT NULL
),
ended_by_command AS (
    SELECT t.operator_id, t.task_id, t.closed_at AS told_at, NULL::uuid AS told_by, t.status,
        e.amount, t.closed_at AS occurred_at
    FROM bonus_task AS t
    LEFT JOIN told AS e ON e.operator_id = t.operator_id AND e.id = t.task_id
        AND e.status = t.status AND e.occurred_at = t.closed_at
    WHERE t.status <> 'ACTIVE' AND NOT EXISTS (SELECT FROM closings AS c
        WHERE c.operator_id = t.operator_id AND c.task_id = t.task_id
        AND c.created_at = t.closed_at)
),
last_of_bonus AS (
    SELECT DISTINCT ON (s.operator_id, s.task_id) s.operator_id, s.task_id, s.told_at, s.told_by,
        s.status, s.amount, s.occurred_at
    FROM bonus_steps AS s JOIN bonus_task AS t USING (operator_id, task_id)
    WHERE (t.status = 'ACTIVE' AND s.status IN ('GRANTED', 'REOPENED', 'REVOKED'))
        OR (s.status = t.status AND s.told_at = t.closed_at)
    ORDER BY s.operator_id, s.task_id, s.told_at DESC, s.told_by DESC NULLS FIRST, s.step DESC
),
-- Free spins are taken back before any money moves.
revoked_spins AS (
    SELECT b.operator_id, (lost.grant_id #>> '{}')::uuid AS grant_id, b.rolled_back_at AS lost_at,
        b.rolled_back_at - interval '1 microsecond' AS told_at
    FROM bets AS b, jsonb_array_elements(b.effects -> 'grants') AS lost (grant_id)
    WHERE b.rolled_back_at IS NOT NULL
    UNION ALL
    SELECT t.operator_id, (lost.grant_id #>> '{}')::uuid, e.occurred_at, e.occurred_at
    FROM transaction AS t
    JOIN transaction_event AS e USING (operator_id, transaction_id),
    jsonb_array_elements(t.detail -> 'grants') AS lost (grant_id)
    WHERE e.to_status = 'REVERSED'
),
paid AS (
    SELECT t.*, e.to_status, e.occurred_at, e.reason FROM transaction AS t
    JOIN transaction_event AS e USING (operator_id, transaction_id)
),
levels AS (
    SELECT operator_id, user_id, bet_id, created_at, vip_level FROM bet_log
    WHERE vip_level > vip_level_before
    UNION ALL
    SELECT p.operator_id, p.user_id, NULL, p.occurred_at, max(g.source_key::int)
    FROM paid AS p JOIN free_spin_grant AS g USING (operator_id, user_id)
    WHERE p.to_status = 'COMPLETED' AND g.source = 'vip_level' AND g.created_at = p.occurred_at
    GROUP BY p.operator_id, p.user_id, p.occurred_at
),
rows AS (
    SELECT 'bet' AS type, bet_id AS id, 1 AS part, operator_id, user_id, created_at,
        created_at AS updated_at, wager AS amount, 'SETTLED' AS status, NULL::bigint AS fee,
        NULL AS method, NULL AS provider, NULL AS reason, 1 AS sign, bet_id AS told_by,
        NULL::timestamptz AS told_at
    FROM bets
    UNION ALL
    SELECT 'rollback', bet_id, -1, operator_id, user_id, created_at, created_at, -wager,
        'ROLLED_BACK', NULL, NULL, NULL, NULL, -1, NULL, rolled_back_at
    FROM bets WHERE rolled_back_at IS NOT NULL
    UNION ALL
    SELECT lower(p.kind), p.transaction_id, 0, p.operator_id, p.user_id, p.created_at,
        p.occurred_at, p.amount, p.status, p.fee, p.method, p.provider, p.reason, NULL, NULL,
        p.occurred_at
    FROM (
        SELECT DISTINCT ON (operator_id, transaction_id) * FROM paid
        ORDER BY operator_id, transaction_id, occurred_at DESC
    ) AS p
    UNION ALL
    SELECT 'bonus', t.task_id, 0, t.operator_id, t.user_id, t.created_at, l.occurred_at, l.amount,
        l.status, 0, t.kind, '', NULL, NULL, l.told_by, l.told_at
    FROM bonus_task AS t
    LEFT JOIN (
        SELECT * FROM last_of_bonus UNION ALL SELECT operator_id, task_id, told_at, told_by,
            status, amount, occurred_at FROM ended_by_command
    ) AS l USING (operator_id, task_id)
    UNION ALL
    SELECT 'bonus', bet_id, 0, b.operator_id, b.user_id, b.created_at, b.created_at, t.from_house,
        'RETURNED', 0, 'ROLLBACK', '', NULL, NULL, NULL, b.rolled_back_at
    FROM bets AS b JOIN taken AS t USING (operator_id, bet_id)
    WHERE t.from_house <> 0
    UNION ALL
    SELECT 'free_spins', g.grant_id, 0, g.operator_id, g.user_id, g.created_at,
        coalesce(r.lost_at, e.occurred_at, g.created_at), g.stake,
        CASE WHEN g.status IN ('ACTIVE', 'USED') THEN 'GRANTED' ELSE g.status END, 0, g.source,
        '', (g.count - CASE WHEN g.status IN ('ACTIVE', 'USED') THEN 0 ELSE g.used END)
        || ' spins', NULL, CASE WHEN g.status IN ('ACTIVE', 'USED') THEN b.bet_id END,
        coalesce(r.told_at, e.occurred_at, g.created_at)
    FROM free_spin_grant AS g
    LEFT JOIN revoked_spins AS r ON g.status = 'REVOKED' AND r.operator_id = g.operator_id
        AND r.grant_id = g.grant_id
    LEFT JOIN told AS e ON g.status = 'EXPIRED' AND e.operator_id = g.operator_id
        AND e.id = g.grant_id AND e.status = 'EXPIRED'
    LEFT JOIN bet_log AS b ON b.operator_id = g.operator_id
        AND b.effects -> 'grants' ? g.grant_id::text
    UNION ALL
    SELECT 'jackpot', e.id, 0, w.operator_id, w.user_id, w.won_at, w.won_at, w.amount, 'WON', 0,
        p.name, '', 'cycle ' || w.cycle_no, NULL, w.bet_id, NULL
    FROM jackpot_win AS w
    JOIN jackpot_pool AS p USING (pool_id)
    LEFT JOIN told AS e ON e.kind = 'JACKPOT' AND e.operator_id = w.operator_id
        AND e.user_id = w.user_id AND e.occurred_at = w.won_at AND e.method = p.name
        AND e.reason = 'cycle ' || w.cycle_no
    UNION ALL
    SELECT 'vip_level', e.id, 0, l.operator_id, l.user_id, l.created_at, l.created_at, 0,
        'REACHED', 0, '', '', l.vip_level::text, NULL, l.bet_id, l.created_at
    FROM levels AS l
    LEFT JOIN told AS e ON e.kind = 'VIP_LEVEL' AND e.operator_id = l.operator_id
        AND e.user_id = l.user_id AND e.occurred_at = l.created_at
        AND e.reason = l.vip_level::text
    UNION ALL
    SELECT 'xp', e.id, 0, p.operator_id, p.user_id, p.occurred_at, p.occurred_at, 0,
        moved.status, 0, 'deposit', '', (moved.sign * (p.detail -> 'xp')::bigint)::text, NULL,
        NULL, p.occurred_at
    FROM paid AS p
    JOIN (VALUES ('COMPLETED', 'EARNED', 1), ('REVERSED', 'REVOKED', -1))
        AS moved (to_status, status, sign) USING (to_status)
    LEFT JOIN told AS e ON e.kind = 'XP' AND e.operator_id = p.operator_id
        AND e.user_id = p.user_id AND e.occurred_at = p.occurred_at
    WHERE p.kind = 'DEPOSIT' AND (p.detail -> 'xp')::bigint <> 0
)
SELECT r.type, r.id, r.part, r.operator_id, r.user_id, r.created_at, r.updated_at, w.currency,
    r.amount, r.status, r.fee, r.method, r.provider, r.reason,
    coalesce(told_by.real_balance_after, posted.real, 0) AS real_balance_after,
    coalesce(told_by.bonus_balance_after, posted.bonus, 0) AS bonus_balance_after,
    u.username, u.is_bot, b.game_id, g.name AS game_name, c.slug AS category,
    g.provider AS game_provider, b.bet_type, r.sign * b.wager AS wager, r.sign * b.win AS win,
    r.sign * b.jackpot AS jackpot, r.sign * (b.wager - b.win) AS ggr
FROM rows AS r
JOIN wallet AS w USING (operator_id, user_id)
JOIN "user" AS u USING (operator_id, user_id)
LEFT JOIN bet_log AS b ON r.sign IS NOT NULL AND b.operator_id = r.operator_id AND b.bet_id = r.id
LEFT JOIN game AS g ON g.game_id = b.game_id
LEFT JOIN game_category AS c USING (category_id)
LEFT JOIN bet_log AS told_by ON told_by.operator_id = r.operator_id AND told_by.bet_id = r.told_by
LEFT JOIN LATERAL (
    SELECT (array_agg(p.balance_after ORDER BY p.created_at DESC, p.journal_id DESC, p.leg DESC)
        FILTER (WHERE p.account = 'player_real'))[1] AS real,
        (array_agg(p.balance_after ORDER BY p.created_at DESC, p.journal_id DESC, p.leg DESC)
        FILTER (WHERE p.account = 'player_bonus'))[1] AS bonus
    FROM posting AS p
    WHERE p.operator_id = r.operator_id AND p.user_id = r.user_id AND p.created_at <= r.told_at
        -- That time is over is told before what it brings about: bonuses too small without spins.
        AND NOT (r.status = 'EXPIRED' AND p.created_at = r.told_at AND p.reference_id IN (
            SELECT t.task_id FROM bonus_task AS t WHERE t.status <> 'EXPIRED'))
) AS posted ON r.told_by IS NULL
"""

# As other questions to Postgres, $1 to $9; then a type, NULL for any. Rows of one time come by the
# second halves of their ids, the order in which ClickHouse has them.
LIST = """
SELECT type, id::text, user_id::text AS player_id, username,
    to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS created_at,
    to_char(updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS updated_at,
    currency, amount, status, real_balance_after, bonus_balance_after, game_id, game_name,
    bet_type, wager, win, jackpot, ggr, fee, method, provider, nullif(reason, '') AS reason
FROM listed
WHERE operator_id = $1 AND listed.created_at >= $2 AND listed.created_at < $3
    AND ($4::boolean OR NOT is_bot)
    AND ($5::int IS NULL OR game_id = $5)
    AND ($6::text IS NULL OR category = $6)
    AND ($7::text IS NULL OR game_provider = $7)
    AND ($8::uuid IS NULL OR user_id = $8)
    AND ($9::text IS NULL OR bet_type = $9)
    AND ($10::text IS NULL OR type = $10
        OR ($10 = 'cashback' AND type = 'bonus' AND method = 'CASHBACK'))
ORDER BY listed.created_at DESC, substr(uuid_send(listed.id), 9) DESC,
    uuid_send(listed.id) DESC, part DESC
"""


async def list_money(pool: asyncpg.Pool) -> None:
    """Make the table ``listed`` of everything that has happened on this database by now."""
    await pool.execute(TABLE)


async def listing(pool: asyncpg.Pool, *question: Any) -> list[dict[str, Any]]:
    """Rows of the list in its order, as JSON has them. ``question`` is what ``LIST`` takes."""
    return [dict(row) for row in await pool.fetch(LIST, *question)]
