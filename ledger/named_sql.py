"""Loads named queries from ``ledger/sql``: SQL is read as SQL, Python refers to it by name."""

import re
from functools import cache
from pathlib import Path

SQL_FOLDER = Path(__file__).parent / "sql"
NAME_LINE = re.compile(r"^-- name: (\w+)\s*$", re.MULTILINE)


@cache
def named_queries(file_name: str, folder: Path = SQL_FOLDER) -> dict[str, str]:
    """The queries of ``<folder>/<file_name>`` by the name in their ``-- name: x`` line.

    Raises ``ValueError`` for a file without named queries or with a name used twice.
    """
    parts = NAME_LINE.split((folder / file_name).read_text())
    names, bodies = parts[1::2], parts[2::2]
    if not names or len(set(names)) != len(names):
        raise ValueError(f"{file_name}: every query needs a name of its own")
    return {name: body.strip().rstrip(";") for name, body in zip(names, bodies, strict=True)}
