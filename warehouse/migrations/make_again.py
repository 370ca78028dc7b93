"""Rollups of bets as migrations before the sixth knew them, and a step that makes one again."""

from sqlalchemy.engine import Connection

from warehouse.rollups import ROLLUPS, feeding_select
from warehouse.sql_files import read_sql, sql_names

BOUNDED = (
    "max_threads = 1, max_bytes_before_external_group_by = 134217728, "
    "min_insert_block_size_rows = 100000, min_insert_block_size_bytes = 0"
)
"""A month of a large platform must not need more memory than the embedded engine has."""

RETIRED = sql_names("retired_tables")
"""Tables that the sixth migration does away with, whose files a database from before needs."""


def table_text(name: str) -> str:
    """The statement that creates a table, retired or not."""
    return read_sql("retired_tables" if name in RETIRED else "tables", name)


def view_text(name: str) -> str:
    """The statement that creates the view that feeds a rollup, retired or not."""
    return read_sql("retired_views" if name in RETIRED else "views", f"{name}_mv")


def make_again(connection: Connection, name: str) -> None:
    """Drop the rollup, make it, fill it from its raw rows month by month, and only then feed it."""
    connection.exec_driver_sql(f"DROP TABLE IF EXISTS {name}_mv SYNC")
    connection.exec_driver_sql(f"DROP TABLE IF EXISTS {name} SYNC")
    connection.exec_driver_sql(table_text(name))
    source = "bets" if name in RETIRED else ROLLUPS[name].source
    select = feeding_select(view_text(name))
    columns = connection.exec_driver_sql(f"DESCRIBE TABLE ({select})").fetchall()
    for month in months_of(connection, source, "created_at"):
        connection.exec_driver_sql(
            f"INSERT INTO {name} ({', '.join(column[0] for column in columns)}) "
            f"{select} SETTINGS additional_table_filters = "
            f"{{'{source}': 'toYYYYMM(created_at) = {month}'}}, {BOUNDED}"
        )
    connection.exec_driver_sql(view_text(name))


def months_of(connection: Connection, table: str, time: str) -> list[int]:
    """Months that the table has rows of, as 202601, in order."""
    rows = connection.exec_driver_sql(
        f"SELECT DISTINCT toYYYYMM({time}) FROM {table} ORDER BY ALL"  # noqa: S608
    ).fetchall()
    return [int(month) for (month,) in rows]
