"""What the warehouse is rebuilt from: money events for good, versions of games, ranges of time.

Revision ID: 0004
"""

from ledger.migrations.run_sql import run_sql_folder

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_folder("0004_rebuild")


def downgrade() -> None:
    raise RuntimeError("The ledger is append-only: restore a backup instead of downgrading")
