-- name: player_for_payment
SELECT w.*, u.status, u.excluded_until, u.is_bot, u.affiliate_id, clock_timestamp() AS now
FROM wallet AS w
INNER JOIN "user" AS u ON w.operator_id = u.operator_id AND w.user_id = u.user_id
WHERE w.operator_id = $1 AND w.user_id = $2;

-- name: insert_transaction
INSERT INTO transaction (
    operator_id, transaction_id, user_id, kind, status, amount, fee, currency, method, provider,
    idempotency_key, fingerprint, expires_at, created_at, updated_at
) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $14)
ON CONFLICT ON CONSTRAINT transaction_idempotency_key DO NOTHING
RETURNING *;

-- name: transaction_by_key
SELECT * FROM transaction
WHERE operator_id = $1 AND user_id = $2 AND kind = $3 AND idempotency_key = $4;

-- name: find_transaction
SELECT operator_id, user_id FROM transaction WHERE transaction_id = $1;

-- name: lock_wallet
SELECT w.*, u.status, u.is_bot, u.affiliate_id, clock_timestamp() AS now
FROM wallet AS w
INNER JOIN "user" AS u ON w.operator_id = u.operator_id AND w.user_id = u.user_id
WHERE w.operator_id = $1 AND w.user_id = $2
FOR NO KEY UPDATE OF w;

-- name: lock_transaction
SELECT * FROM transaction WHERE operator_id = $1 AND transaction_id = $2 FOR NO KEY UPDATE;

-- name: completed_deposits
SELECT count(*) FROM transaction
WHERE operator_id = $1 AND user_id = $2 AND kind = 'DEPOSIT' AND status = 'COMPLETED';

-- name: insert_receipt
INSERT INTO webhook_receipt (provider, webhook_id, event_type, transaction_id, outcome, payload)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT DO NOTHING
RETURNING outcome;

-- name: receipt_outcome
SELECT outcome FROM webhook_receipt WHERE provider = $1 AND webhook_id = $2;

-- name: credit_wallet
UPDATE wallet SET
    real_balance = $3,
    deposit_wagering_required = $4,
    deposit_wagering_progress_e4 = $5,
    updated_at = $6
WHERE operator_id = $1 AND user_id = $2;

-- name: set_status
UPDATE transaction SET status = $3, event_no = event_no + 1, updated_at = $4
WHERE operator_id = $1 AND transaction_id = $2
RETURNING *;

-- name: insert_event
INSERT INTO transaction_event (
    operator_id, transaction_id, event_no, from_status, to_status, actor, reason, occurred_at
) VALUES ($1, $2, $3, $4, $5, $6, $7, $8);

-- name: insert_postings
INSERT INTO posting SELECT * FROM unnest($1::posting[]);

-- name: insert_outbox
INSERT INTO outbox (topic, key, payload) VALUES ('transactions', $1, $2);

-- name: expired_deposits
SELECT t.*, w.real_balance, w.bonus_balance, u.is_bot, u.affiliate_id
FROM transaction AS t
INNER JOIN wallet AS w ON t.operator_id = w.operator_id AND t.user_id = w.user_id
INNER JOIN "user" AS u ON t.operator_id = u.operator_id AND t.user_id = u.user_id
WHERE t.status = 'PENDING' AND t.kind = 'DEPOSIT' AND t.expires_at < $1
ORDER BY t.expires_at
LIMIT 100
FOR NO KEY UPDATE OF t SKIP LOCKED;

-- name: player_transactions
SELECT * FROM transaction
WHERE
    operator_id = $1 AND user_id = $2
    AND ($3::text IS NULL OR kind = $3)
    AND ($4::uuid IS NULL OR transaction_id = $4)
    AND ($5::timestamptz IS NULL OR (created_at, transaction_id) < ($5, $6::uuid))
ORDER BY created_at DESC, transaction_id DESC
LIMIT $7;
