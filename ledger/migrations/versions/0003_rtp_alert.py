"""Alerts of the RTP monitor, with their evidence and who acknowledged them.

Revision ID: 0003
"""

from ledger.migrations.run_sql import run_sql_folder

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_folder("0003_rtp_alert")


def downgrade() -> None:
    raise RuntimeError("The ledger is append-only: restore a backup instead of downgrading")
