"""A migration's step that makes a rollup again from its raw rows."""

from sqlalchemy.engine import Connection

from warehouse.rollups import ROLLUPS
from warehouse.sql_files import read_sql

BOUNDED = (
    "max_threads = 1, max_bytes_before_external_group_by = 134217728, "
    "min_insert_block_size_rows = 100000, min_insert_block_size_bytes = 0"
)
"""A month of a large platform must not need more memory than the embedded engine has."""


def make_again(connection: Connection, name: str) -> None:
    """Drop the rollup, make it, fill it month by month, and only then feed it."""
    connection.exec_driver_sql(f"DROP TABLE IF EXISTS {name}_mv SYNC")
    connection.exec_driver_sql(f"DROP TABLE IF EXISTS {name} SYNC")
    connection.exec_driver_sql(read_sql("tables", name))
    rollup = ROLLUPS[name]
    columns = connection.exec_driver_sql(f"DESCRIBE TABLE ({rollup.select})").fetchall()
    months = connection.exec_driver_sql(
        f"SELECT DISTINCT toYYYYMM(created_at) FROM {rollup.source} ORDER BY ALL"  # noqa: S608
    ).fetchall()
    for (month,) in months:
        connection.exec_driver_sql(
            f"INSERT INTO {name} ({', '.join(column[0] for column in columns)}) "
            f"{rollup.select} SETTINGS additional_table_filters = "
            f"{{'{rollup.source}': 'toYYYYMM(created_at) = {int(month)}'}}, {BOUNDED}"
        )
    connection.exec_driver_sql(read_sql("views", f"{name}_mv"))
