-- name: wallet
SELECT
    w.*,
    s.seed_hash,
    s.created_at AS seed_created_at
FROM wallet AS w
INNER JOIN fairness_seed AS s
    ON w.operator_id = s.operator_id AND w.user_id = s.user_id AND w.fairness_seed_id = s.seed_id
WHERE w.operator_id = $1 AND w.user_id = $2;

-- name: lock_wallet_seed
SELECT fairness_seed_id, fairness_nonce FROM wallet
WHERE operator_id = $1 AND user_id = $2
FOR NO KEY UPDATE;

-- name: reveal_seed
UPDATE fairness_seed SET revealed_at = clock_timestamp(), nonces_used = $4
WHERE operator_id = $1 AND user_id = $2 AND seed_id = $3
RETURNING encrypted_seed, seed_hash, revealed_at;

-- name: insert_seed
INSERT INTO fairness_seed (operator_id, user_id, seed_id, encrypted_seed, seed_hash)
VALUES ($1, $2, $3, $4, $5);

-- name: activate_seed
UPDATE wallet SET fairness_seed_id = $3, fairness_nonce = 0, updated_at = clock_timestamp()
WHERE operator_id = $1 AND user_id = $2;
