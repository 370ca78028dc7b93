CREATE TABLE IF NOT EXISTS transaction_quarters
(
    operator_id UInt16 COMMENT 'Tenant; leads every order key',
    quarter DateTime('UTC') COMMENT 'Start of the quarter hour in which the status was reached',
    kind LowCardinality(String) COMMENT 'DEPOSIT, WITHDRAWAL, BONUS, ADJUSTMENT …',
    status LowCardinality(String) COMMENT 'Status that was reached',
    method LowCardinality(String) COMMENT 'Payment method',
    is_bot UInt8 COMMENT '1 for demo traffic',
    events Int64 COMMENT 'How many transactions reached the status',
    amount Int64 COMMENT 'Sum of their amounts in minor units',
    fee Int64 COMMENT 'Sum of their fees in minor units',
    real_delta Int64 COMMENT 'What these events moved on real balances',
    bonus_delta Int64 COMMENT 'What these events moved on bonus balances',
    held_delta Int64 COMMENT 'What these events moved on held balances',
    liability_delta Int64 COMMENT 'What these events moved on what the operator owes its players',
    first_deposits Int64 COMMENT 'Players whose first deposit was completed'
)
ENGINE = SummingMergeTree
PARTITION BY toYear(quarter)
ORDER BY (operator_id, quarter, kind, status, method, is_bot)
SETTINGS
    non_replicated_deduplication_window = 20000,
    fsync_after_insert = 1,
    fsync_part_directory = 1,
    min_bytes_for_full_part_storage = 10485760,
    merge_selector_base = 20
COMMENT 'Statuses reached by operator, quarter hour, kind and method; always aggregate again';
