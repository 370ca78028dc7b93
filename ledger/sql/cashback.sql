-- name: due_players
-- Players who bet in [$1, $2) at a level with cashback ($3) and have none for the week $4.
SELECT w.operator_id, w.user_id
FROM wallet AS w
WHERE
    EXISTS (
        SELECT FROM bet_log AS b
        WHERE
            b.operator_id = w.operator_id AND b.user_id = w.user_id
            AND b.created_at >= $1 AND b.created_at < $2 AND b.vip_level = any($3::smallint[])
    )
    AND NOT EXISTS (
        SELECT FROM cashback AS c
        WHERE c.operator_id = w.operator_id AND c.user_id = w.user_id AND c.week = $4
    )
ORDER BY w.operator_id, w.user_id;

-- name: player_week
-- What a player staked and won in real money in [$3, $4), rolled-back bets aside, and the level
-- after the last of these bets; under the wallet's lock. No row if the week $5 has been paid.
WITH standing AS (
    SELECT b.wager_real, b.win_real, b.vip_level, b.created_at, b.bet_id
    FROM bet_log AS b
    WHERE
        b.operator_id = $1 AND b.user_id = $2 AND b.created_at >= $3 AND b.created_at < $4
        AND NOT EXISTS (
            SELECT FROM bet_rollback AS r
            WHERE r.operator_id = b.operator_id AND r.bet_id = b.bet_id
        )
)

SELECT
    sum(wager_real)::bigint AS wagers,
    sum(win_real)::bigint AS wins,
    (array_agg(vip_level ORDER BY created_at DESC, bet_id DESC))[1] AS level
FROM standing
WHERE
    NOT EXISTS (
        SELECT FROM cashback WHERE operator_id = $1 AND user_id = $2 AND week = $5
    )
HAVING count(*) > 0;

-- name: insert_cashback
INSERT INTO cashback (
    operator_id, user_id, week, vip_level, rate_bps, net_loss, amount, task_id, created_at
) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9);
