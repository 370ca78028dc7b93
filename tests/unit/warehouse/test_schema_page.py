"""The committed page of the warehouse's schema is what the schema's files say now."""

from pathlib import Path

from warehouse.schema_page import grain_views, page, tables


def test_the_committed_page_is_the_generated_one(repository_root: Path) -> None:
    committed = (repository_root / "docs/warehouse-schema.md").read_text()
    assert committed == page(), "the schema has changed: run `make docs` and commit the page"


def test_every_table_and_column_is_explained() -> None:
    assert all(table.order for table in tables())
    for table in (*tables(), *grain_views()):
        assert table.comment, table.name
        assert table.columns, table.name
        for column in table.columns:
            assert column.comment, f"{table.name}.{column.name}"
