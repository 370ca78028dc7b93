"""Bonuses, free spins, jackpots, VIP levels, withdrawals, rollbacks, affiliates' statements.

Revision ID: 0002
"""

from ledger.migrations.run_sql import run_sql_folder

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_folder("0002_money")


def downgrade() -> None:
    raise RuntimeError("The ledger is append-only: restore a backup instead of downgrading")
