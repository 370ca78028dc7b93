CREATE TABLE IF NOT EXISTS operators
(
    operator_id UInt16 COMMENT 'Operator',
    slug String COMMENT 'Name of the operator in addresses',
    name String COMMENT 'Brand as shown',
    currency LowCardinality(String) COMMENT 'ISO 4217 code of all the operator''s amounts',
    time_zone LowCardinality(String) COMMENT 'IANA time zone of the operator''s reports',
    active UInt8 COMMENT '1 while the operator is open',
    version UInt32 COMMENT 'The highest version of an operator is the current row'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY operator_id
SETTINGS
    non_replicated_deduplication_window = 20000,
    fsync_after_insert = 1,
    fsync_part_directory = 1,
    min_bytes_for_full_part_storage = 10485760,
    merge_selector_base = 20
COMMENT 'Operators as they are now; read it with FINAL';
