-- The money. Amounts are bigint minor units of the wallet's currency; *_e4 counts 1/10,000 of one.

CREATE TABLE fairness_seed (
    operator_id smallint NOT NULL,
    user_id uuid NOT NULL,
    seed_id uuid NOT NULL,
    encrypted_seed bytea NOT NULL,
    seed_hash bytea NOT NULL,
    nonces_used bigint,
    revealed_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (operator_id, user_id, seed_id),
    FOREIGN KEY (operator_id, user_id) REFERENCES "user"
);
COMMENT ON COLUMN fairness_seed.encrypted_seed IS 'AES-256-GCM nonce and ciphertext of the 32-byte seed';
COMMENT ON COLUMN fairness_seed.seed_hash IS 'SHA-256 of the seed, shown to the player beforehand';

CREATE TABLE wallet (
    operator_id smallint NOT NULL,
    user_id uuid NOT NULL,
    currency text NOT NULL,
    real_balance bigint NOT NULL DEFAULT 0,
    bonus_balance bigint NOT NULL DEFAULT 0,
    held_balance bigint NOT NULL DEFAULT 0,
    debt bigint NOT NULL DEFAULT 0,
    deposit_wagering_required bigint NOT NULL DEFAULT 0,
    deposit_wagering_progress_e4 bigint NOT NULL DEFAULT 0,
    bonus_wagering_required bigint NOT NULL DEFAULT 0,
    bonus_wagering_progress_e4 bigint NOT NULL DEFAULT 0,
    fairness_seed_id uuid NOT NULL,
    fairness_nonce bigint NOT NULL DEFAULT 0,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (operator_id, user_id),
    FOREIGN KEY (operator_id, user_id) REFERENCES "user",
    FOREIGN KEY (operator_id, user_id, fairness_seed_id) REFERENCES fairness_seed,
    CONSTRAINT wallet_real_balance_check CHECK (real_balance >= 0),
    CONSTRAINT wallet_bonus_balance_check CHECK (bonus_balance >= 0),
    CONSTRAINT wallet_held_balance_check CHECK (held_balance >= 0),
    CONSTRAINT wallet_debt_check CHECK (debt >= 0),
    CONSTRAINT wallet_deposit_wagering_check CHECK (
        deposit_wagering_required >= 0
        AND deposit_wagering_progress_e4 BETWEEN 0 AND deposit_wagering_required * 10000
    ),
    CONSTRAINT wallet_bonus_wagering_check CHECK (
        bonus_wagering_required >= 0
        AND bonus_wagering_progress_e4 BETWEEN 0 AND bonus_wagering_required * 10000
    )
) WITH (fillfactor = 50);
COMMENT ON TABLE wallet IS
'Lock order of every writer: wallets by (operator_id, user_id), then bonus tasks, then pools';
COMMENT ON COLUMN wallet.fairness_nonce IS 'Number of bets drawn from the active seed';

CREATE TABLE bet_log (
    operator_id smallint NOT NULL,
    bet_id uuid NOT NULL,
    user_id uuid NOT NULL,
    game_id int NOT NULL REFERENCES game,
    idempotency_key text NOT NULL,
    fingerprint bytea NOT NULL,
    currency text NOT NULL,
    bet_type text NOT NULL,
    wager bigint NOT NULL,
    wager_real bigint NOT NULL,
    wager_bonus bigint NOT NULL,
    win bigint NOT NULL,
    win_real bigint NOT NULL,
    win_bonus bigint NOT NULL,
    jackpot bigint NOT NULL,
    multiplier_hundredths bigint NOT NULL,
    free_spin_stake bigint NOT NULL,
    free_spin_win bigint NOT NULL,
    ggr bigint NOT NULL,
    theoretical_ggr_e4 bigint NOT NULL,
    jackpot_contribution_e4 bigint NOT NULL,
    real_balance_before bigint NOT NULL,
    real_balance_after bigint NOT NULL,
    bonus_balance_before bigint NOT NULL,
    bonus_balance_after bigint NOT NULL,
    deposit_wagering_required bigint NOT NULL,
    deposit_wagering_progress_e4 bigint NOT NULL,
    bonus_wagering_required bigint NOT NULL,
    bonus_wagering_progress_e4 bigint NOT NULL,
    xp_added bigint NOT NULL,
    vip_level_before smallint NOT NULL,
    vip_level smallint NOT NULL,
    affiliate_id int,
    bonus_policy text NOT NULL,
    bonus_policy_version int NOT NULL,
    seed_id uuid NOT NULL,
    nonce bigint NOT NULL,
    client_seed text NOT NULL,
    drawn bigint NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (operator_id, bet_id),
    FOREIGN KEY (operator_id, user_id) REFERENCES wallet,
    CONSTRAINT bet_log_type_check CHECK (bet_type IN ('REAL', 'BONUS', 'MIXED', 'FREE_SPIN')),
    CONSTRAINT bet_log_wager_check
    CHECK (wager_real >= 0 AND wager_bonus >= 0 AND wager = wager_real + wager_bonus),
    CONSTRAINT bet_log_win_check
    CHECK (win_real >= 0 AND win_bonus >= 0 AND win = win_real + win_bonus AND jackpot >= 0),
    CONSTRAINT bet_log_ggr_check CHECK (ggr = wager - win),
    CONSTRAINT bet_log_balance_check CHECK (real_balance_after >= 0 AND bonus_balance_after >= 0)
);
CREATE INDEX bet_log_player_idx ON bet_log (operator_id, user_id, created_at DESC, bet_id DESC);
-- Made after the player's index: of two that cost the same by an empty table's statistics, the
-- planner takes the newer, and the batch's prepared lookup of keys keeps its first plan.
ALTER TABLE bet_log
ADD CONSTRAINT bet_log_idempotency_key UNIQUE (operator_id, user_id, idempotency_key);
COMMENT ON COLUMN bet_log.theoretical_ggr_e4
IS 'Theoretical house edge, wager x (1 - RTP), in 1/10,000 minor units';

CREATE TABLE transaction (
    operator_id smallint NOT NULL,
    transaction_id uuid NOT NULL,
    user_id uuid NOT NULL,
    kind text NOT NULL,
    status text NOT NULL,
    amount bigint NOT NULL,
    fee bigint NOT NULL DEFAULT 0,
    currency text NOT NULL,
    method text NOT NULL,
    provider text NOT NULL,
    idempotency_key text,
    fingerprint bytea,
    event_no smallint NOT NULL DEFAULT 1,
    expires_at timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (operator_id, transaction_id),
    FOREIGN KEY (operator_id, user_id) REFERENCES wallet,
    CONSTRAINT transaction_idempotency_key UNIQUE (operator_id, user_id, kind, idempotency_key),
    CONSTRAINT transaction_amount_check CHECK (amount > 0 AND fee >= 0),
    CONSTRAINT transaction_status_check CHECK (
        status IN (
            'PENDING', 'APPROVED', 'COMPLETED', 'FAILED', 'EXPIRED', 'REJECTED', 'REVERSED'
        )
    )
);
CREATE UNIQUE INDEX transaction_id_key ON transaction (transaction_id);
CREATE INDEX transaction_player_idx
ON transaction (operator_id, user_id, created_at DESC, transaction_id DESC);
CREATE INDEX transaction_open_idx ON transaction (kind, expires_at) WHERE status = 'PENDING';

CREATE TABLE transaction_event (
    operator_id smallint NOT NULL,
    transaction_id uuid NOT NULL,
    event_no smallint NOT NULL,
    from_status text,
    to_status text NOT NULL,
    actor text NOT NULL,
    reason text,
    occurred_at timestamptz NOT NULL,
    PRIMARY KEY (operator_id, transaction_id, event_no),
    FOREIGN KEY (operator_id, transaction_id) REFERENCES transaction
);

CREATE TABLE webhook_receipt (
    provider text NOT NULL,
    webhook_id text NOT NULL,
    event_type text NOT NULL,
    transaction_id uuid,
    outcome text NOT NULL,
    payload jsonb NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (provider, webhook_id)
);
COMMENT ON COLUMN webhook_receipt.outcome
IS 'applied, or the reason why the webhook changed nothing';

-- Double entry. A journal's legs are inserted by one statement and sum to zero per currency.
-- player_* accounts are what the platform owes the player (balance_after is the wallet's);
-- operator_gaming collects wagers and pays wins, so its sum is the real-money GGR;
-- operator_settlement is the counterpart of money that came in or went out by a provider:
-- minus its sum is the cash the provider holds for the operator.
CREATE TABLE posting (
    operator_id smallint NOT NULL,
    journal_id uuid NOT NULL,
    leg smallint NOT NULL,
    account text NOT NULL,
    user_id uuid,
    currency text NOT NULL,
    amount bigint NOT NULL,
    balance_after bigint,
    reference_kind text NOT NULL,
    reference_id uuid NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (operator_id, journal_id, leg),
    CONSTRAINT posting_account_check CHECK (
        account IN (
            'player_real', 'player_bonus', 'player_held',
            'operator_gaming', 'operator_settlement', 'operator_bonus'
        )
    ),
    CONSTRAINT posting_wallet_account_check CHECK (
        (account LIKE 'player\_%') = (user_id IS NOT NULL AND balance_after IS NOT NULL)
        AND balance_after >= 0
    )
);
