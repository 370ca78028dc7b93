"""Tenants, people, games, money, outbox: what one spin needs from request to warehouse.

Revision ID: 0001
"""

from ledger.migrations.run_sql import run_sql_folder

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_folder("0001_foundation")


def downgrade() -> None:
    raise RuntimeError("The ledger is append-only: restore a backup instead of downgrading")
