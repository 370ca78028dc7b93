-- name: insert_transaction
INSERT INTO transaction (
    operator_id, transaction_id, user_id, kind, status, amount, fee, currency, method, provider,
    idempotency_key, fingerprint, expires_at, created_at, updated_at
) VALUES ($1, $2, $3, $4, 'PENDING', $5, $6, $7, $8, $9, $10, $11, $12, $13, $13)
RETURNING *;

-- name: transaction_by_key
SELECT * FROM transaction
WHERE operator_id = $1 AND user_id = $2 AND kind = $3 AND idempotency_key = $4;

-- name: find_transaction
SELECT operator_id, user_id, kind FROM transaction WHERE transaction_id = $1;

-- name: lock_transaction
-- After the wallet. A transaction's owner never changes, so it may be looked up before the lock.
SELECT * FROM transaction WHERE operator_id = $1 AND transaction_id = $2 FOR NO KEY UPDATE;

-- name: completed_deposits
-- A deposit that was charged back was a deposit: it does not make the next one the first again.
SELECT count(*) FROM transaction
WHERE
    operator_id = $1 AND user_id = $2 AND kind = 'DEPOSIT'
    AND status IN ('COMPLETED', 'REVERSED');

-- name: recent_payments
SELECT created_at, amount FROM transaction
WHERE
    operator_id = $1 AND user_id = $2 AND kind = $3
    AND created_at > $4
    AND status NOT IN ('FAILED', 'EXPIRED', 'REJECTED')
ORDER BY created_at;

-- name: payment_methods
SELECT method, provider, enabled, min_amount, max_amount, fee_bps
FROM payment_method WHERE operator_id = $1 ORDER BY method;

-- name: payment_limits
SELECT deposit_hour, deposit_day, withdrawal_hour, withdrawal_day
FROM payment_limit WHERE operator_id = $1;

-- name: deposit_offers
SELECT
    offer_id, name, first_deposit_only, min_amount, match_bps, max_bonus, free_spins,
    free_spin_game_id, free_spin_stake, active
FROM deposit_offer WHERE operator_id = $1 ORDER BY offer_id;

-- name: put_method
INSERT INTO payment_method (
    operator_id, method, provider, enabled, min_amount, max_amount, fee_bps
) VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (operator_id, method) DO UPDATE SET
    provider = excluded.provider,
    enabled = excluded.enabled,
    min_amount = excluded.min_amount,
    max_amount = excluded.max_amount,
    fee_bps = excluded.fee_bps;

-- name: disable_other_methods
UPDATE payment_method SET enabled = false
WHERE operator_id = $1 AND enabled AND NOT method = any($2::text[]);

-- name: put_limits
INSERT INTO payment_limit (
    operator_id, deposit_hour, deposit_day, withdrawal_hour, withdrawal_day
) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (operator_id) DO UPDATE SET
    deposit_hour = excluded.deposit_hour,
    deposit_day = excluded.deposit_day,
    withdrawal_hour = excluded.withdrawal_hour,
    withdrawal_day = excluded.withdrawal_day;

-- name: put_offer
INSERT INTO deposit_offer (
    operator_id, name, first_deposit_only, min_amount, match_bps, max_bonus, free_spins,
    free_spin_game_id, free_spin_stake, active
) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (operator_id, name) DO UPDATE SET
    first_deposit_only = excluded.first_deposit_only,
    min_amount = excluded.min_amount,
    match_bps = excluded.match_bps,
    max_bonus = excluded.max_bonus,
    free_spins = excluded.free_spins,
    free_spin_game_id = excluded.free_spin_game_id,
    free_spin_stake = excluded.free_spin_stake,
    active = excluded.active;

-- name: withdraw_other_offers
UPDATE deposit_offer SET active = false
WHERE operator_id = $1 AND active AND NOT name = any($2::text[]);

-- name: playable_game
-- A game if this operator offers it and it takes bonus play, within the operator's limits.
SELECT
    game.wager_step,
    greatest(game.min_wager, operator_game.min_wager) AS min_wager,
    least(game.max_wager, operator_game.max_wager) AS max_wager
FROM game
LEFT JOIN operator_game
    ON game.game_id = operator_game.game_id AND operator_game.operator_id = $1
WHERE
    game.game_id = $2
    AND game.active
    AND game.bonus_eligible
    AND coalesce(operator_game.enabled, true);

-- name: insert_receipt
INSERT INTO webhook_receipt (
    provider, webhook_id, attempt, event_type, transaction_id, outcome, payload
) VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT DO NOTHING;

-- name: last_receipt
SELECT attempt, outcome FROM webhook_receipt
WHERE provider = $1 AND webhook_id = $2
ORDER BY attempt DESC
LIMIT 1;

-- name: set_status
UPDATE transaction SET
    status = $3,
    event_no = event_no + 1,
    updated_at = $4,
    detail = coalesce($5::jsonb, detail)
WHERE operator_id = $1 AND transaction_id = $2
RETURNING *;

-- name: insert_event
INSERT INTO transaction_event (
    operator_id, transaction_id, event_no, from_status, to_status, actor, reason, occurred_at
) VALUES ($1, $2, $3, $4, $5, $6, $7, $8);

-- name: insert_outbox
INSERT INTO outbox (topic, key, payload) VALUES ('transactions', $1, $2);

-- name: flag_player
UPDATE "user" SET flagged_reason = $3 WHERE operator_id = $1 AND user_id = $2;

-- name: expired_deposits
SELECT t.*, w.real_balance, w.bonus_balance, u.is_bot, u.affiliate_id
FROM transaction AS t
INNER JOIN wallet AS w ON t.operator_id = w.operator_id AND t.user_id = w.user_id
INNER JOIN "user" AS u ON t.operator_id = u.operator_id AND t.user_id = u.user_id
WHERE t.status = 'PENDING' AND t.kind = 'DEPOSIT' AND t.expires_at < $1
ORDER BY t.expires_at
LIMIT 100
FOR NO KEY UPDATE OF t SKIP LOCKED;

-- name: unreported_payouts
-- Approved longer ago than given, and the provider has not said yet what became of them.
SELECT * FROM transaction
WHERE kind = 'WITHDRAWAL' AND status = 'APPROVED' AND updated_at < clock_timestamp() - $1::interval
ORDER BY updated_at
LIMIT 500;

-- name: player_transactions
SELECT
    t.*,
    (
        SELECT e.reason FROM transaction_event AS e
        WHERE
            e.operator_id = t.operator_id AND e.transaction_id = t.transaction_id
            AND e.event_no = t.event_no
    ) AS reason
FROM transaction AS t
WHERE
    t.operator_id = $1 AND t.user_id = $2
    AND ($3::text IS NULL OR t.kind = $3)
    AND ($4::uuid IS NULL OR t.transaction_id = $4)
    AND ($5::timestamptz IS NULL OR (t.created_at, t.transaction_id) < ($5, $6::uuid))
ORDER BY t.created_at DESC, t.transaction_id DESC
LIMIT $7;

-- name: operator_withdrawals
SELECT
    t.*,
    u.username,
    u.status AS player_status,
    u.is_bot,
    u.flagged_reason,
    w.debt,
    (
        SELECT e.reason FROM transaction_event AS e
        WHERE
            e.operator_id = t.operator_id AND e.transaction_id = t.transaction_id
            AND e.event_no = t.event_no
    ) AS reason
FROM transaction AS t
INNER JOIN "user" AS u ON t.operator_id = u.operator_id AND t.user_id = u.user_id
INNER JOIN wallet AS w ON t.operator_id = w.operator_id AND t.user_id = w.user_id
WHERE
    t.operator_id = $1 AND t.kind = 'WITHDRAWAL'
    AND ($2::text IS NULL OR t.status = $2)
    AND ($3::uuid IS NULL OR t.transaction_id = $3)
    AND ($4::timestamptz IS NULL OR (t.created_at, t.transaction_id) < ($4, $5::uuid))
ORDER BY t.created_at DESC, t.transaction_id DESC
LIMIT $6;

-- name: settlement_balance
-- What came in and went out by the providers is read from the journals, by an index of its own.
SELECT
    o.currency,
    coalesce(-s.net, 0)::bigint AS cash_held,
    coalesce(s.received, 0)::bigint AS received,
    coalesce(s.returned, 0)::bigint AS returned,
    coalesce(w.real_balance, 0)::bigint AS real_balance,
    coalesce(w.held_balance, 0)::bigint AS held_balance,
    coalesce(w.bonus_balance, 0)::bigint AS bonus_balance,
    coalesce(w.debt, 0)::bigint AS debt,
    coalesce(f.fees, 0)::bigint AS fees
FROM operator AS o
LEFT JOIN LATERAL (
    SELECT
        sum(p.amount) AS net,
        -sum(p.amount) FILTER (WHERE p.amount < 0) AS received,
        sum(p.amount) FILTER (WHERE p.amount > 0) AS returned
    FROM posting AS p
    WHERE
        p.operator_id = o.operator_id AND p.account = 'operator_settlement'
        AND p.currency = o.currency
) AS s ON true
LEFT JOIN LATERAL (
    SELECT
        sum(wallet.real_balance) AS real_balance,
        sum(wallet.held_balance) AS held_balance,
        sum(wallet.bonus_balance) AS bonus_balance,
        sum(wallet.debt) AS debt
    FROM wallet WHERE wallet.operator_id = o.operator_id
) AS w ON true
LEFT JOIN LATERAL (
    SELECT sum(t.fee) AS fees FROM transaction AS t
    WHERE
        t.operator_id = o.operator_id AND t.fee > 0
        AND t.status IN ('COMPLETED', 'REVERSED')
) AS f ON true
WHERE o.operator_id = $1;
