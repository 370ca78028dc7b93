CREATE TABLE IF NOT EXISTS player_bets AS bets
ENGINE = MergeTree
PARTITION BY toYYYYMM(created_at)
ORDER BY (operator_id, user_id, created_at, bet_id, sign)
SETTINGS
    non_replicated_deduplication_window = 20000,
    fsync_after_insert = 1,
    fsync_part_directory = 1,
    min_bytes_for_full_part_storage = 10485760
COMMENT 'The rows of bets in the order of players, so that one player''s history is read alone'
