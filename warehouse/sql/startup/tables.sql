SELECT
    name,
    engine,
    target_table,
    extract(engine_full, 'non_replicated_deduplication_window = (\\d+)') AS window,
    extract(engine_full, 'fsync_after_insert = (\\w+)') IN ('1', 'true')
    AND extract(engine_full, 'fsync_part_directory = (\\w+)') IN ('1', 'true') AS flushed
FROM system.tables
WHERE database = currentDatabase() AND name != 'alembic_version'
