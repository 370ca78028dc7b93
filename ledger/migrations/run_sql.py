"""Runs a revision's SQL files, in the order of their names, on Alembic's connection."""

from pathlib import Path

from alembic import op

SQL_ROOT = Path(__file__).parent / "sql"


def run_sql_folder(folder: str) -> None:
    """Execute every ``.sql`` file of ``migrations/sql/<folder>`` inside the migration transaction.

    Raises ``FileNotFoundError`` if the folder holds no SQL, so that a misspelt name cannot pass
    as an empty migration.
    """
    files = sorted((SQL_ROOT / folder).glob("*.sql"))
    if not files:
        raise FileNotFoundError(f"No SQL files in {SQL_ROOT / folder}")
    for file in files:
        # Without parameters psycopg sends the text as it is, several statements and all.
        op.get_bind().exec_driver_sql(file.read_text(), execution_options={"no_parameters": True})
