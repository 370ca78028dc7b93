-- name: bet_by_id
SELECT operator_id, user_id FROM bet_log
WHERE operator_id IN (SELECT operator_id FROM operator) AND bet_id = $1;

-- name: operator_of_player
SELECT operator_id FROM wallet
WHERE operator_id IN (SELECT operator_id FROM operator) AND user_id = $1;

-- name: bet_by_key
SELECT bet_id FROM bet_log WHERE operator_id = $1 AND user_id = $2 AND idempotency_key = $3;

-- name: bet_with_game
SELECT
    b.*,
    g.category_id,
    g.provider,
    g.rtp_bps,
    EXISTS(
        SELECT FROM bet_rollback AS r
        WHERE r.operator_id = b.operator_id AND r.bet_id = b.bet_id
    ) AS rolled_back
FROM bet_log AS b
INNER JOIN game_version AS g
    ON
        b.game_id = g.game_id
        AND g.version = coalesce(
            b.game_version,
            (SELECT min(k.version) FROM game_version AS k WHERE k.game_id = b.game_id)
        )
WHERE b.operator_id = $1 AND b.bet_id = $2;

-- name: insert_tombstone
INSERT INTO bet_tombstone (operator_id, user_id, idempotency_key, reason, actor)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT DO NOTHING;

-- name: insert_rollback
INSERT INTO bet_rollback (operator_id, bet_id, user_id, reason, actor, debt, rolled_back_at)
VALUES ($1, $2, $3, $4, $5, $6, $7);

-- name: tasks_by_id
SELECT * FROM bonus_task WHERE operator_id = $1 AND task_id = any($2::uuid[]);

-- name: used_grant
SELECT * FROM free_spin_grant
WHERE operator_id = $1 AND grant_id = $2 AND status = 'USED' AND expires_at > now();

-- name: highest_level_kept
-- The highest level whose free spins are not to be had again once those of the grants $3 that
-- nobody has played are revoked: what the grants' unique key would refuse, whoever reached it.
SELECT max(source_key::int) FROM free_spin_grant
WHERE
    operator_id = $1 AND user_id = $2 AND source = 'vip_level'
    AND (status <> 'REVOKED' OR used > 0)
    AND NOT (grant_id = any($3::uuid[]) AND status = 'ACTIVE' AND used = 0);
