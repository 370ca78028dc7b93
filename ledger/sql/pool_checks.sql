-- name: pools_unlike_their_contributions
-- The present cycle of every pool, to the last sub-unit: its seed, what the last cycle's hit
-- carried over, and what its bets contributed and no rollback has taken out again.
WITH fed AS (
    SELECT
        (feed ->> 0)::smallint AS pool_id,
        (feed ->> 1)::bigint AS cycle_no,
        sum((feed ->> 2)::bigint) AS contributed_e4
    FROM bet_log AS b
    CROSS JOIN LATERAL jsonb_array_elements(b.effects -> 'pools') AS feed
    WHERE
        b.jackpot_contribution_e4 > 0
        AND NOT EXISTS (
            SELECT FROM bet_rollback AS r
            WHERE r.operator_id = b.operator_id AND r.bet_id = b.bet_id
        )
    GROUP BY 1, 2
)

SELECT
    0 AS operator_id,
    format('pool %s cycle %s', p.pool_id, p.cycle_no) AS key,
    p.amount_e4 - c.seed * 10000 - c.carried_e4 - coalesce(f.contributed_e4, 0) AS difference
FROM jackpot_pool AS p
INNER JOIN jackpot_cycle AS c ON p.pool_id = c.pool_id AND p.cycle_no = c.cycle_no
LEFT JOIN fed AS f ON p.pool_id = f.pool_id AND p.cycle_no = f.cycle_no
WHERE p.amount_e4 <> c.seed * 10000 + c.carried_e4 + coalesce(f.contributed_e4, 0)
LIMIT 100;

-- name: cycles_unlike_their_payouts
-- Every cycle that was won: what was paid and carried over is what it held. A contribution that
-- was rolled back may have left the pool before the hit or have been borne by the platform after
-- it, so these bound what may be missing.
WITH fed AS (
    SELECT
        (feed ->> 0)::smallint AS pool_id,
        (feed ->> 1)::bigint AS cycle_no,
        sum((feed ->> 2)::bigint) AS contributed_e4,
        coalesce(sum((feed ->> 2)::bigint) FILTER (WHERE r.bet_id IS NOT NULL), 0)
            AS rolled_back_e4
    FROM bet_log AS b
    CROSS JOIN LATERAL jsonb_array_elements(b.effects -> 'pools') AS feed
    LEFT JOIN bet_rollback AS r ON b.operator_id = r.operator_id AND b.bet_id = r.bet_id
    WHERE b.jackpot_contribution_e4 > 0
    GROUP BY 1, 2
),

held AS (
    SELECT
        w.pool_id,
        w.cycle_no,
        c.seed * 10000 + c.carried_e4 + coalesce(f.contributed_e4, 0) AS held_e4,
        coalesce(f.rolled_back_e4, 0) AS rolled_back_e4,
        w.amount * 10000 + following.carried_e4 AS spent_e4
    FROM jackpot_win AS w
    INNER JOIN jackpot_cycle AS c ON w.pool_id = c.pool_id AND w.cycle_no = c.cycle_no
    INNER JOIN jackpot_cycle AS following
        ON w.pool_id = following.pool_id AND w.cycle_no + 1 = following.cycle_no
    LEFT JOIN fed AS f ON w.pool_id = f.pool_id AND w.cycle_no = f.cycle_no
)

SELECT
    0 AS operator_id,
    format('pool %s cycle %s', pool_id, cycle_no) AS key,
    spent_e4 - held_e4 AS difference
FROM held
WHERE held_e4 - spent_e4 NOT BETWEEN 0 AND rolled_back_e4
LIMIT 100;

-- name: cycles_without_a_winner
-- Cycles follow one another without a gap: each but the present one has been won once.
SELECT
    0 AS operator_id,
    'pool ' || p.pool_id AS key,
    count(w.cycle_no) - (p.cycle_no - 1) AS difference
FROM jackpot_pool AS p
LEFT JOIN jackpot_win AS w ON p.pool_id = w.pool_id AND w.cycle_no < p.cycle_no
GROUP BY p.pool_id, p.cycle_no
HAVING count(w.cycle_no) <> p.cycle_no - 1
LIMIT 100;
