CREATE TABLE IF NOT EXISTS games
(
    game_id UInt32 COMMENT 'Game; the catalogue is shared by all operators',
    category_id UInt16 COMMENT 'Category',
    category LowCardinality(String) COMMENT 'Slug of the category',
    slug String COMMENT 'Name of the game in addresses',
    name String COMMENT 'Name of the game as shown',
    provider LowCardinality(String) COMMENT 'Studio that made the game',
    rtp_bps UInt16 COMMENT 'Declared return to player in basis points',
    sigma_e6 Int64 COMMENT 'Standard deviation of the win per unit staked, in millionths',
    volatility LowCardinality(String) COMMENT 'low, medium or high',
    active UInt8 COMMENT '1 while the platform offers the game',
    version UInt32 COMMENT 'The highest version of a game is the current row'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY game_id
SETTINGS
    non_replicated_deduplication_window = 20000,
    fsync_after_insert = 1,
    fsync_part_directory = 1,
    min_bytes_for_full_part_storage = 10485760,
    merge_selector_base = 20
COMMENT 'Games as they are now; read it with FINAL';
