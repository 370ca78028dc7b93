CREATE TABLE IF NOT EXISTS players
(
    operator_id UInt16 COMMENT 'Tenant; leads every order key',
    user_id UUID COMMENT 'Player',
    username String COMMENT 'Login name, unique per operator',
    status LowCardinality(String) COMMENT 'ACTIVE, BLOCKED or CLOSED',
    is_bot UInt8 COMMENT '1 for demo traffic',
    vip_level UInt8 COMMENT 'VIP level',
    affiliate_id UInt32 COMMENT 'Affiliate, 0 without one',
    registered_at DateTime64(6, 'UTC') COMMENT 'When the player registered',
    version UInt32 COMMENT 'The highest version of a player is the current row',
    CONSTRAINT players_tenant CHECK operator_id > 0
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (operator_id, user_id)
SETTINGS
    non_replicated_deduplication_window = 20000,
    fsync_after_insert = 1,
    fsync_part_directory = 1,
    min_bytes_for_full_part_storage = 10485760,
    merge_selector_base = 20
COMMENT 'Players as they are now; read it with FINAL';
