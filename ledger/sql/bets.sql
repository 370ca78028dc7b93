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

-- name: load_players
-- Read after the lock, by a later snapshot, so it sees what the lock waited for.
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
    w.bonus_balance,
    w.deposit_wagering_required,
    w.deposit_wagering_progress_e4,
    w.bonus_wagering_required,
    w.bonus_wagering_progress_e4,
    w.fairness_seed_id,
    w.fairness_nonce,
    s.encrypted_seed,
    s.seed_hash
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

-- name: batch_clock
SELECT clock_timestamp() AS now, version FROM catalogue_version;

-- name: store_batch
-- One statement for everything a batch changes. The arrays are of the tables' own row types,
-- so a column is named once, in the schema.
WITH bets AS (
    INSERT INTO bet_log SELECT * FROM unnest($1::bet_log[])
),

postings AS (
    INSERT INTO posting SELECT * FROM unnest($2::posting[])
),

events AS (
    INSERT INTO outbox (topic, key, payload)
    SELECT 'bets', event.key, event.payload
    FROM unnest($3::text[], $4::jsonb[]) AS event (key, payload)
)

UPDATE wallet
SET
    real_balance = changed.real_balance,
    bonus_balance = changed.bonus_balance,
    deposit_wagering_required = changed.deposit_required,
    deposit_wagering_progress_e4 = changed.deposit_progress_e4,
    bonus_wagering_required = changed.bonus_required,
    bonus_wagering_progress_e4 = changed.bonus_progress_e4,
    fairness_nonce = changed.nonce,
    updated_at = $14
FROM
    unnest(
        $5::smallint[], $6::uuid[], $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[],
        $11::bigint[], $12::bigint[], $13::bigint[]
    ) AS changed (
        operator_id, user_id, real_balance, bonus_balance, deposit_required, deposit_progress_e4,
        bonus_required, bonus_progress_e4, nonce
    )
WHERE wallet.operator_id = changed.operator_id AND wallet.user_id = changed.user_id;

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
