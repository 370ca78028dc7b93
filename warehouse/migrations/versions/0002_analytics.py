"""Rollups that every report can be answered from: stake bands, bet types, quarters, days, months.

Their rows are made again from the raw tables. No row may arrive meanwhile: the relay is held.
``transactions_hourly`` gives way to ``transaction_quarters``.

Revision ID: 0002
"""

from alembic import op
from sqlalchemy.engine import Connection

from warehouse.rollups import ROLLUPS
from warehouse.sql_files import read_sql

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
        _make_again(connection, name)


def _make_again(connection: Connection, name: str) -> None:
    """Drop the rollup, make it, fill it month by month, and only then feed it."""
    connection.exec_driver_sql(f"DROP TABLE IF EXISTS {name}_mv SYNC")
    connection.exec_driver_sql(f"DROP TABLE IF EXISTS {name} SYNC")
    connection.exec_driver_sql(read_sql("tables", name))
    rollup = ROLLUPS[name]
    columns = connection.exec_driver_sql(f"DESCRIBE TABLE ({rollup.select})").fetchall()
    months = connection.exec_driver_sql(
        f"SELECT DISTINCT toYYYYMM(created_at) FROM {rollup.source} ORDER BY ALL"  # noqa: S608
    ).fetchall()
    for (month,) in months:
        connection.exec_driver_sql(
            f"INSERT INTO {name} ({', '.join(column[0] for column in columns)}) "
            f"{rollup.select} SETTINGS additional_table_filters = "
            f"{{'{rollup.source}': 'toYYYYMM(created_at) = {int(month)}'}}"
        )
    connection.exec_driver_sql(read_sql("views", f"{name}_mv"))


def downgrade() -> None:
    raise RuntimeError("The warehouse is rebuilt from the ledger instead of being downgraded")
