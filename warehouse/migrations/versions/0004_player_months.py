"""Players' months without types of bets, and fewer merges of young parts.

Rankings and active players of long periods read all of an operator's player-months, and nearly
always of every type of bet; the few questions about one type are answered from days. Then the
figures of fifty players are read, which are in as many granules: finer ones are fewer rows.

Every batch makes a part in each table. With the engine's base of 5 a table of few parts was merged
at nearly every batch, tens of thousands of rows for a handful of new ones: half as much work as
the inserts themselves. With 20 it is a quarter of that, for a few more parts to read.

Revision ID: 0004
"""

from alembic import op

from warehouse.migrations.make_again import make_again

revision = "0004"
down_revision = "0003"
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
    connection = op.get_bind()
    make_again(connection, "player_monthly")
    for table in TABLES:
        connection.exec_driver_sql(f"ALTER TABLE {table} MODIFY SETTING merge_selector_base = 20")


def downgrade() -> None:
    raise RuntimeError("The warehouse is rebuilt from the ledger instead of being downgraded")
