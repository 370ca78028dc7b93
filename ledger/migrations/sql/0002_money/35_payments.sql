-- A webhook that came too early and was refused may come again under the same id and be applied:
-- every outcome it had is kept.
ALTER TABLE webhook_receipt ADD COLUMN attempt smallint NOT NULL DEFAULT 1;
ALTER TABLE webhook_receipt DROP CONSTRAINT webhook_receipt_pkey;
ALTER TABLE webhook_receipt ADD PRIMARY KEY (provider, webhook_id, attempt);
COMMENT ON COLUMN webhook_receipt.attempt IS 'Counts the outcomes that deliveries under one id had';

COMMENT ON COLUMN transaction.detail IS
'Of a credited deposit: experience, bonus, offers and free spins that it brought';
CREATE INDEX transaction_withdrawal_idx
ON transaction (operator_id, created_at DESC, transaction_id DESC) WHERE kind = 'WITHDRAWAL';
CREATE INDEX transaction_approved_idx ON transaction (updated_at) WHERE status = 'APPROVED';
-- Payments are few beside bets; this keeps the settlement balance from reading every posting.
CREATE INDEX posting_settlement_idx ON posting (operator_id) INCLUDE (amount, currency)
WHERE account = 'operator_settlement';

ALTER TABLE payment_limit ADD CONSTRAINT payment_limit_numbers_check CHECK (
    deposit_hour > 0 AND deposit_day >= deposit_hour
    AND withdrawal_hour > 0 AND withdrawal_day >= withdrawal_hour
);
