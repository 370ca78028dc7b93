-- name: currency
SELECT currency FROM operator WHERE operator_id = $1;

-- name: operator_head
SELECT slug, currency, time_zone FROM operator WHERE operator_id = $1;

-- name: affiliate_payouts
-- What affiliates earned by statements made since $2, each at the time it was made.
SELECT created_at, amount FROM affiliate_statement
WHERE operator_id = $1 AND created_at >= $2;

-- name: open_bonuses
SELECT t.kind, count(*) AS count, sum(t.balance)::bigint AS balance
FROM bonus_task AS t
INNER JOIN "user" AS u ON t.operator_id = u.operator_id AND t.user_id = u.user_id
WHERE
    t.operator_id = $1 AND t.status = 'ACTIVE' AND ($2::boolean OR NOT u.is_bot)
    AND ($3::uuid IS NULL OR t.user_id = $3)
GROUP BY t.kind
ORDER BY t.kind;

-- name: jackpot_winners
SELECT p.name, w.cycle_no, w.bet_id, w.user_id, u.username, w.amount, w.won_at
FROM jackpot_win AS w
INNER JOIN jackpot_pool AS p ON w.pool_id = p.pool_id
INNER JOIN "user" AS u ON w.operator_id = u.operator_id AND w.user_id = u.user_id
WHERE
    w.operator_id = $1 AND w.won_at >= $2 AND w.won_at < $3 AND ($4::boolean OR NOT u.is_bot)
ORDER BY w.won_at DESC, w.pool_id, w.cycle_no
LIMIT $5;

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

-- name: usernames
SELECT user_id, username FROM "user" WHERE operator_id = $1 AND user_id = ANY($2::uuid[]);

-- name: game_names
SELECT game_id, name FROM game WHERE game_id = ANY($1::int[]);

-- name: catalogue_names
SELECT game_id, name FROM game;

-- name: find_player
SELECT
    user_id, username, email, status, excluded_until, is_bot, vip_level, vip_experience, created_at
FROM "user"
WHERE operator_id = $1 AND user_id = $2;
