"""A batch of bets is locked and read in one round trip.

Revision ID: 0005
"""

from ledger.migrations.run_sql import run_sql_folder

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_folder("0005_one_round_trip")


def downgrade() -> None:
    raise RuntimeError("The ledger is append-only: restore a backup instead of downgrading")
