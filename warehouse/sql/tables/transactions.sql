CREATE TABLE IF NOT EXISTS transactions
(
    operator_id UInt16 COMMENT 'Tenant; leads every order key',
    transaction_id UUID COMMENT 'UUIDv7 of the transaction',
    event_no UInt16 COMMENT 'Counts the statuses a transaction reached, from 1',
    user_id UUID COMMENT 'Player',
    affiliate_id UInt32 COMMENT 'Affiliate of the player, 0 without one',
    is_bot UInt8 COMMENT '1 for demo traffic',
    kind LowCardinality(String) COMMENT 'DEPOSIT, WITHDRAWAL, BONUS, ADJUSTMENT …',
    status LowCardinality(String) COMMENT 'Status reached by this event: PENDING, COMPLETED …',
    currency LowCardinality(String) COMMENT 'ISO 4217 code of every amount in the row',
    amount Int64 COMMENT 'Amount of the transaction in minor units',
    fee Int64 COMMENT 'Fee of the transaction in minor units',
    real_delta Int64 COMMENT 'What this event moved on the real balance',
    bonus_delta Int64 COMMENT 'What this event moved on the bonus balance',
    held_delta Int64 COMMENT 'What this event moved on the held balance',
    real_balance_after Int64 COMMENT 'Real balance after the event',
    bonus_balance_after Int64 COMMENT 'Bonus balance after the event',
    liability_delta Int64 COMMENT 'What its command moved on what is owed to the player',
    first_deposit UInt8 COMMENT '1 when this event completed the player''s first deposit',
    method LowCardinality(String) COMMENT 'Payment method',
    provider LowCardinality(String) COMMENT 'Payment provider',
    reason String COMMENT 'Why, where somebody gave a reason',
    created_at DateTime64(6, 'UTC') COMMENT 'When the transaction began; equal in all its events',
    occurred_at DateTime64(6, 'UTC') COMMENT 'When this status was reached',
    PROJECTION by_player (
        SELECT * ORDER BY operator_id, user_id, created_at, transaction_id, event_no
    ),
    CONSTRAINT transactions_tenant CHECK operator_id > 0,
    CONSTRAINT transactions_event_no CHECK event_no > 0
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(created_at)
ORDER BY (operator_id, created_at, transaction_id, event_no)
SETTINGS
    non_replicated_deduplication_window = 20000,
    fsync_after_insert = 1,
    fsync_part_directory = 1,
    min_bytes_for_full_part_storage = 10485760,
    merge_selector_base = 20
COMMENT 'Every status of every deposit, withdrawal, bonus and adjustment, one row each';
