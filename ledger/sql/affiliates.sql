-- name: affiliates
SELECT operator_id, affiliate_id, code, name, rate_bps, carries_negative, active, created_at
FROM affiliate
WHERE operator_id = $1 AND ($2::int IS NULL OR affiliate_id = $2)
ORDER BY affiliate_id;

-- name: affiliates_with_players
SELECT
    a.affiliate_id, a.code, a.name, a.rate_bps, a.carries_negative, a.active, a.created_at,
    count(u.user_id) AS players
FROM affiliate AS a
LEFT JOIN "user" AS u ON a.operator_id = u.operator_id AND a.affiliate_id = u.affiliate_id
WHERE a.operator_id = $1 AND ($2::int IS NULL OR a.affiliate_id = $2)
GROUP BY a.operator_id, a.affiliate_id
ORDER BY a.affiliate_id;

-- name: insert_affiliate
INSERT INTO affiliate (operator_id, code, name, rate_bps, carries_negative, active)
VALUES ($1, $2, $3, $4, $5, $6)
RETURNING affiliate_id;

-- name: change_affiliate
UPDATE affiliate
SET code = $3, name = $4, rate_bps = $5, carries_negative = $6, active = $7
WHERE operator_id = $1 AND affiliate_id = $2
RETURNING affiliate_id;

-- name: due_affiliates
-- Every affiliate that has no statement for the week $1, with its last one.
SELECT
    a.operator_id, a.affiliate_id, a.rate_bps, a.carries_negative,
    date_trunc('week', a.created_at, 'UTC')::date AS since_week,
    last.week AS last_week,
    coalesce(last.carried_out, 0) AS carried_out,
    coalesce(last.net_rolled_back, 0) AS net_rolled_back
FROM affiliate AS a
LEFT JOIN LATERAL (
    SELECT week, carried_out, net_rolled_back FROM affiliate_statement AS s
    WHERE s.operator_id = a.operator_id AND s.affiliate_id = a.affiliate_id
    ORDER BY week DESC
    LIMIT 1
) AS last ON true
WHERE last.week IS NULL OR last.week < $1
ORDER BY a.operator_id, a.affiliate_id;

-- name: affiliate_figures
-- GGR and bonus cost of an affiliate's players in [$3, $4). A bet that was rolled back counts
-- nowhere, and neither does what its rollback did to bonuses: that belongs to the bet's time.
WITH bets AS (
    SELECT coalesce(sum(b.ggr), 0) AS ggr
    FROM bet_log AS b
    WHERE
        b.operator_id = $1 AND b.affiliate_id = $2 AND b.created_at >= $3 AND b.created_at < $4
        AND NOT EXISTS (
            SELECT FROM bet_rollback AS r
            WHERE r.operator_id = b.operator_id AND r.bet_id = b.bet_id
        )
),

bonuses AS (
    SELECT p.journal_id, p.amount
    FROM posting AS p
    WHERE
        p.operator_id = $1 AND p.account = 'operator_bonus' AND p.reference_kind <> 'rollback'
        AND p.created_at >= $3 AND p.created_at < $4
),

cost AS (
    SELECT coalesce(-sum(p.amount), 0) AS bonus_cost
    FROM bonuses AS p
    WHERE EXISTS (
        SELECT FROM posting AS player
        INNER JOIN "user" AS u
            ON player.operator_id = u.operator_id AND player.user_id = u.user_id
        WHERE
            player.operator_id = $1 AND player.journal_id = p.journal_id
            AND u.affiliate_id = $2
    )
),

reversed AS (
    SELECT coalesce(-sum(p.amount), 0) AS bonus_cost
    FROM bet_rollback AS r
    INNER JOIN bet_log AS b ON r.operator_id = b.operator_id AND r.bet_id = b.bet_id
    INNER JOIN posting AS p
        ON
            r.operator_id = p.operator_id AND r.bet_id = p.reference_id
            AND p.reference_kind = 'rollback' AND p.account = 'operator_bonus'
            AND p.created_at = r.rolled_back_at
    WHERE
        r.operator_id = $1 AND b.affiliate_id = $2 AND b.created_at >= $3 AND b.created_at < $4
)

SELECT bets.ggr::bigint AS ggr, (cost.bonus_cost + reversed.bonus_cost)::bigint AS bonus_cost
FROM bets, cost, reversed;

-- name: net_rolled_back
-- What all bets of an affiliate's players before $3 that were rolled back had counted for when
-- they were made: their GGR less the bonus cost that their rollbacks took back.
WITH reversed AS (
    SELECT b.bet_id, b.ggr, r.rolled_back_at
    FROM bet_rollback AS r
    INNER JOIN bet_log AS b ON r.operator_id = b.operator_id AND r.bet_id = b.bet_id
    WHERE r.operator_id = $1 AND b.affiliate_id = $2 AND b.created_at < $3
)

SELECT (
    coalesce(sum(r.ggr), 0) - coalesce(sum(returned.amount), 0)
)::bigint
FROM reversed AS r
LEFT JOIN LATERAL (
    SELECT sum(p.amount) AS amount FROM posting AS p
    WHERE
        p.operator_id = $1 AND p.account = 'operator_bonus' AND p.created_at = r.rolled_back_at
        AND p.reference_kind = 'rollback' AND p.reference_id = r.bet_id
) AS returned ON true;

-- name: insert_statement
INSERT INTO affiliate_statement (
    operator_id, affiliate_id, week, ggr, bonus_cost, correction, carried_in, rate_bps, amount,
    carried_out, net_rolled_back, created_at
) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, coalesce($12, now()))
ON CONFLICT DO NOTHING
RETURNING week;

-- name: statements
SELECT * FROM affiliate_statement
WHERE operator_id = $1 AND affiliate_id = $2 AND ($3::date IS NULL OR week < $3)
ORDER BY week DESC
LIMIT $4;
