-- name: players_with_expired_benefits
SELECT operator_id, user_id FROM bonus_task WHERE status = 'ACTIVE' AND expires_at <= $1
UNION
SELECT operator_id, user_id FROM free_spin_grant WHERE status = 'ACTIVE' AND expires_at <= $1
ORDER BY operator_id, user_id
LIMIT 1000;

-- name: player_bonuses
SELECT * FROM bonus_task
WHERE operator_id = $1 AND user_id = $2 AND ($3::boolean OR status = 'ACTIVE')
ORDER BY task_id DESC
LIMIT 200;

-- name: player_free_spins
SELECT * FROM free_spin_grant
WHERE operator_id = $1 AND user_id = $2 AND ($3::boolean OR status = 'ACTIVE')
ORDER BY grant_id DESC
LIMIT 200;

-- name: insert_policy
INSERT INTO bonus_policy (
    operator_id, version, name, funding, wagering_source, requirement, bust, multiplier, max_bet,
    min_bet, expiry_days, bonus_xp_rate_bps
)
SELECT $1, max(version) + 1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11
FROM bonus_policy WHERE operator_id = $1
RETURNING *;

-- name: use_policy
UPDATE operator SET bonus_policy = $2, bonus_policy_version = $3, updated_at = now()
WHERE operator_id = $1;

-- name: jurisdiction_of
SELECT o.jurisdiction, c.bonus_multiplier_cap
FROM operator AS o
LEFT JOIN jurisdiction_cap AS c ON o.jurisdiction = c.jurisdiction
WHERE o.operator_id = $1
FOR UPDATE OF o;

-- name: current_policy
SELECT p.* FROM bonus_policy AS p
INNER JOIN operator AS o
    ON p.operator_id = o.operator_id AND p.version = o.bonus_policy_version
WHERE p.operator_id = $1;
