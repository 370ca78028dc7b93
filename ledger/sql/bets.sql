-- name: load_batch
SELECT clock, version, players, known, seed_hashes, pools
FROM load_batch(
    $1::smallint[], $2::uuid[], $3::smallint[], $4::uuid[], $5::text[], $6::bigint, $7::smallint[]
);

-- name: wait_for_wallets
-- In key order, the one lock order of every writer; those of one player or a few have nothing
-- better to do than to wait. NO KEY UPDATE: foreign keys that point at a wallet need not.
SELECT w.operator_id, w.user_id
FROM wallet AS w
INNER JOIN unnest($1::smallint[], $2::uuid[]) AS asked (operator_id, user_id)
    ON w.operator_id = asked.operator_id AND w.user_id = asked.user_id
ORDER BY w.operator_id, w.user_id
FOR NO KEY UPDATE OF w;

-- name: load_players
-- Read after the lock, by a later snapshot, so it sees what the lock waited for.
SELECT * FROM load_players($1::smallint[], $2::uuid[]);

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
