"""One player's history from a projection of the raw tables instead of a copy of each.

A copy cost every batch a pipeline, a part and a flush of its own, and could differ from its raw
table. A projection is written within the raw table's parts.

The parts that are there get theirs in the background, half a million rows a second: start-up does
not wait for it. Until then the engine reads them in their own order, so that answers are right and
only slower.

Revision ID: 0005
"""

import re

from alembic import op

from warehouse.sql_files import read_sql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

RAW_TABLES = ("bets", "transactions")
PROJECTION = re.compile(r"PROJECTION by_player \([^()]+\)")


def upgrade() -> None:
    connection = op.get_bind()
    for table in RAW_TABLES:
        connection.exec_driver_sql(f"DROP TABLE IF EXISTS player_{table}_mv SYNC")
        connection.exec_driver_sql(
            f"DROP TABLE IF EXISTS player_{table} SYNC "
            "SETTINGS max_table_size_to_drop = 0, max_partition_size_to_drop = 0"
        )
        connection.exec_driver_sql(f"ALTER TABLE {table} ADD {_declared(table)}")
        connection.exec_driver_sql(
            f"ALTER TABLE {table} MATERIALIZE PROJECTION by_player SETTINGS mutations_sync = 0"
        )


def _declared(table: str) -> str:
    """``PROJECTION IF NOT EXISTS …`` as the table's file has it."""
    found = PROJECTION.search(read_sql("tables", table))
    if found is None:
        raise LookupError(f"{table} has no projection by_player")
    return found[0].replace("PROJECTION", "PROJECTION IF NOT EXISTS", 1)


def downgrade() -> None:
    raise RuntimeError("The warehouse is rebuilt from the ledger instead of being downgraded")
