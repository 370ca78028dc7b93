SELECT
    name,
    engine,
    target_table,
    extract(engine_full, 'non_replicated_deduplication_window = (\\d+)') AS window
FROM system.tables
WHERE database = currentDatabase() AND name != 'alembic_version'
