"""Finds the package's SQL: one object or query a file, called by its file name."""

from functools import cache
from pathlib import Path

SQL_ROOT = Path(__file__).parent / "sql"


@cache
def read_sql(folder: str, name: str) -> str:
    """The text of ``warehouse/sql/<folder>/<name>.sql`` without its final semicolon.

    Raises ``FileNotFoundError`` for a name that is not there.
    """
    return (SQL_ROOT / folder / f"{name}.sql").read_text().strip().rstrip(";")


@cache
def sql_names(folder: str) -> tuple[str, ...]:
    """Names of the files in ``warehouse/sql/<folder>``, sorted."""
    return tuple(sorted(path.stem for path in (SQL_ROOT / folder).glob("*.sql")))
