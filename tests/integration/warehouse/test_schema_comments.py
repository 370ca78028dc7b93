"""What the engine itself says of every table, column and view is what the page says."""

from clickhouse_connect.driver.client import Client

from warehouse.schema_page import grain_views, page, tables

COLUMNS = """
SELECT table, name, type, comment FROM system.columns
WHERE database = currentDatabase() AND table IN (
    SELECT name FROM system.tables
    WHERE database = currentDatabase()
    AND (engine LIKE '%MergeTree' OR name IN {views:Array(String)})
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
        for table in (*tables(), *grain_views())
        for column in table.columns
    }
    views = [view.name for view in grain_views()]
    rows = warehouse_client.query(COLUMNS, parameters={"views": views}).result_rows
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
