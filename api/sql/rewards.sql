-- name: vip_of_player
SELECT vip_level, vip_experience FROM "user" WHERE operator_id = $1 AND user_id = $2;

-- name: vip_levels
SELECT * FROM vip_level ORDER BY level;

-- name: put_vip_level
INSERT INTO vip_level (
    level, name, xp_from, xp_multiplier_tenths, cashback_bps, free_spins,
    bet_limit_multiplier_tenths
) VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (level) DO UPDATE
    SET
        name = excluded.name,
        xp_from = excluded.xp_from,
        xp_multiplier_tenths = excluded.xp_multiplier_tenths,
        cashback_bps = excluded.cashback_bps,
        free_spins = excluded.free_spins,
        bet_limit_multiplier_tenths = excluded.bet_limit_multiplier_tenths
RETURNING *;

-- name: set_status
UPDATE "user" SET status = $3 WHERE operator_id = $1 AND user_id = $2
RETURNING user_id;
