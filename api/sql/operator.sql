-- name: currency
SELECT currency FROM operator WHERE operator_id = $1;

-- name: operator_head
SELECT slug, currency, time_zone FROM operator WHERE operator_id = $1;

-- name: affiliate_payouts
-- What affiliates earned by statements made since $2, each at the time it was made.
SELECT created_at, amount FROM affiliate_statement
WHERE operator_id = $1 AND created_at >= $2;

-- name: list_players
SELECT
    u.user_id, u.username, u.email, u.status, u.excluded_until, u.is_bot, u.vip_level,
    u.vip_experience, u.created_at,
    w.currency, w.real_balance, w.bonus_balance, w.held_balance, w.debt
FROM "user" AS u
INNER JOIN wallet AS w ON u.operator_id = w.operator_id AND u.user_id = w.user_id
WHERE
    u.operator_id = $1
    AND (
        $2::text IS NULL
        OR strpos(lower(u.username), lower($2)) > 0
        OR strpos(lower(u.email), lower($2)) > 0
    )
    AND ($3::text IS NULL OR u.status = $3)
    AND ($4::boolean IS NULL OR u.is_bot = $4)
    AND ($5::timestamptz IS NULL OR (u.created_at, u.user_id) < ($5, $6::uuid))
ORDER BY u.created_at DESC, u.user_id DESC
LIMIT $7;

-- name: find_player
SELECT
    user_id, username, email, status, excluded_until, is_bot, vip_level, vip_experience, created_at
FROM "user"
WHERE operator_id = $1 AND user_id = $2;
