-- name: lock_wallets
-- In key order, the one lock order of every writer. A wallet that another transaction holds is
-- skipped, and its bets wait for the next batch, so that one slow holder delays only its own.
-- NO KEY UPDATE: foreign keys that point at a wallet need not wait for it.
SELECT w.operator_id, w.user_id
FROM wallet AS w
INNER JOIN unnest($1::smallint[], $2::uuid[]) AS asked (operator_id, user_id)
    ON w.operator_id = asked.operator_id AND w.user_id = asked.user_id
ORDER BY w.operator_id, w.user_id
FOR NO KEY UPDATE OF w SKIP LOCKED;

-- name: wait_for_wallets
-- For writers of one player or a few, which have nothing better to do than to wait.
SELECT w.operator_id, w.user_id
FROM wallet AS w
INNER JOIN unnest($1::smallint[], $2::uuid[]) AS asked (operator_id, user_id)
    ON w.operator_id = asked.operator_id AND w.user_id = asked.user_id
ORDER BY w.operator_id, w.user_id
FOR NO KEY UPDATE OF w;

-- name: load_players
-- Read after the lock, by a later snapshot, so it sees what the lock waited for. Whoever writes a
-- player's tasks, grants or tombstones holds the wallet's lock, so they need none of their own.
SELECT
    w.operator_id,
    w.user_id,
    u.status,
    u.excluded_until,
    u.vip_experience,
    u.vip_level,
    u.is_bot,
    u.affiliate_id,
    w.currency,
    w.real_balance,
    w.held_balance,
    w.debt,
    w.deposit_wagering_required,
    w.deposit_wagering_progress_e4,
    w.bonus_wagering_required,
    w.bonus_wagering_progress_e4,
    w.bonus_policy_version,
    w.fairness_seed_id,
    w.fairness_nonce,
    s.encrypted_seed,
    s.seed_hash,
    array(
        SELECT t FROM bonus_task AS t
        WHERE
            t.operator_id = w.operator_id AND t.user_id = w.user_id AND t.status = 'ACTIVE'
        ORDER BY t.task_id
    ) AS tasks,
    array(
        SELECT g FROM free_spin_grant AS g
        WHERE
            g.operator_id = w.operator_id AND g.user_id = w.user_id AND g.status = 'ACTIVE'
        ORDER BY g.grant_id
    ) AS grants,
    array(
        SELECT b.idempotency_key FROM bet_tombstone AS b
        WHERE b.operator_id = w.operator_id AND b.user_id = w.user_id
    ) AS tombstones
FROM unnest($1::smallint[], $2::uuid[]) AS asked (operator_id, user_id)
INNER JOIN wallet AS w ON asked.operator_id = w.operator_id AND asked.user_id = w.user_id
INNER JOIN "user" AS u ON asked.operator_id = u.operator_id AND asked.user_id = u.user_id
INNER JOIN fairness_seed AS s
    ON
        asked.operator_id = s.operator_id AND asked.user_id = s.user_id
        AND w.fairness_seed_id = s.seed_id;

-- name: committed_bets
-- One probe of the unique key for each request; the seed's hash is looked up for hits alone.
SELECT
    b.*,
    (
        SELECT s.seed_hash FROM fairness_seed AS s
        WHERE
            s.operator_id = b.operator_id AND s.user_id = b.user_id AND s.seed_id = b.seed_id
    ) AS seed_hash
FROM unnest($1::smallint[], $2::uuid[], $3::text[]) AS asked (operator_id, user_id, key)
INNER JOIN bet_log AS b
    ON
        asked.operator_id = b.operator_id AND asked.user_id = b.user_id
        AND asked.key = b.idempotency_key;

-- name: lock_pools
-- After the wallets, in key order. The row carries its cycle's secret, so that what is read is
-- what the lock waited for.
SELECT
    pool_id, name, currency, seed, cap, largest_contribution_e4, amount_e4, cycle_no,
    encrypted_hit
FROM jackpot_pool
WHERE pool_id = any($1::smallint[]) AND active
ORDER BY pool_id
FOR NO KEY UPDATE;

-- name: player_bets
SELECT
    b.*,
    s.seed_hash,
    CASE WHEN s.revealed_at IS NOT NULL THEN s.encrypted_seed END AS revealed_encrypted_seed
FROM bet_log AS b
INNER JOIN fairness_seed AS s
    ON b.operator_id = s.operator_id AND b.user_id = s.user_id AND b.seed_id = s.seed_id
WHERE
    b.operator_id = $1 AND b.user_id = $2
    AND ($3::timestamptz IS NULL OR (b.created_at, b.bet_id) < ($3, $4::uuid))
    AND ($5::uuid IS NULL OR b.bet_id = $5)
ORDER BY b.created_at DESC, b.bet_id DESC
LIMIT $6;
