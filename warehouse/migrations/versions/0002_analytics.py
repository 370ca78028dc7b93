"""Rollups that every report can be answered from: stake bands, bet types, quarters, days, months.

Their rows are made again from the raw tables. No row may arrive meanwhile: the relay is held.
``transactions_hourly`` gives way to ``transaction_quarters``.

Revision ID: 0002
"""

from alembic import op

from warehouse.migrations.make_again import make_again

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ROLLUP_NAMES = (
    "game_daily",
    "game_hourly",
    "operator_quarters",
    "player_daily",
    "player_monthly",
    "transaction_quarters",
)


def upgrade() -> None:
    connection = op.get_bind()
    for view in ("player_bets_mv", "player_transactions_mv", "transactions_hourly_mv"):
        connection.exec_driver_sql(f"DROP TABLE IF EXISTS {view} SYNC")
    connection.exec_driver_sql("DROP TABLE IF EXISTS transactions_hourly SYNC")
    for table in ("bets", "transactions"):
        connection.exec_driver_sql(
            f"ALTER TABLE {table} ADD COLUMN IF NOT EXISTS liability_delta Int64 "
            "COMMENT 'What its command moved on what is owed to the player' "
            "AFTER bonus_balance_after"
        )
    for name in ROLLUP_NAMES:
        make_again(connection, name)


def downgrade() -> None:
    raise RuntimeError("The warehouse is rebuilt from the ledger instead of being downgraded")
