"""What the engine itself says of every table, column and view is what the page says."""

from clickhouse_connect.driver.client import Client

from warehouse.schema_page import page, tables

COLUMNS = """
SELECT table, name, type, comment FROM system.columns
WHERE database = currentDatabase() AND table IN (
    SELECT name FROM system.tables
    WHERE database = currentDatabase() AND engine LIKE '%MergeTree'
)
"""
OBJECTS = """
SELECT name, engine, comment FROM system.tables
WHERE database = currentDatabase() AND name NOT LIKE 'alembic%'
"""


def test_every_column_of_the_engine_is_explained_as_on_the_page(
    warehouse_client: Client,
) -> None:
    expected = {
        (table.name, column.name): (column.type, column.comment)
        for table in tables()
        for column in table.columns
    }
    rows = warehouse_client.query(COLUMNS).result_rows
    found = {
        (table, name): (kind, comment)
        for table, name, kind, comment in rows
        if not table.startswith("alembic")
    }
    assert found == expected


def test_every_table_and_view_of_the_engine_has_a_comment(warehouse_client: Client) -> None:
    text = page()
    rows = warehouse_client.query(OBJECTS).result_rows
    assert len(rows) > 20
    for name, engine, comment in rows:
        assert comment, f"{name} ({engine}) has no comment"
        if engine != "MaterializedView":
            assert name in text
