"""Young parts as one file each, flushed with their directories.

A part of a few rows is a dozen files. Every batch makes one in each table and merges drop them
again, so that the file system's search for free inodes cost as much as the insert itself. Packed,
a part is one file until it holds 10 MB. Flushing that file and its directory is both cheaper and
safer than flushing the dozen without it.

Revision ID: 0003
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TABLES = (
    "bets",
    "game_daily",
    "game_hourly",
    "games",
    "operator_quarters",
    "operators",
    "player_daily",
    "player_monthly",
    "players",
    "transaction_quarters",
    "transactions",
)


def upgrade() -> None:
    for table in TABLES:
        op.get_bind().exec_driver_sql(
            f"ALTER TABLE {table} MODIFY SETTING fsync_part_directory = 1, "
            "min_bytes_for_full_part_storage = 10485760"
        )


def downgrade() -> None:
    raise RuntimeError("The warehouse is rebuilt from the ledger instead of being downgraded")
