"""Raw tables, dimensions, the first rollups and the views that feed them.

Objects are created from ``warehouse/sql`` with IF NOT EXISTS. A later migration that alters one
does so with IF [NOT] EXISTS too and edits the file, so the files always show the schema as it is
and a fresh database gets it at once.

Revision ID: 0001
"""

from alembic import op

from warehouse.migrations.make_again import table_text, view_text

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = (
    "bets",
    "transactions",
    "players",
    "games",
    "operators",
    "game_hourly",
    "player_daily",
)
FEEDING_VIEWS = (
    "game_hourly_mv",
    "player_daily_mv",
)


def upgrade() -> None:
    for name in TABLES:
        op.get_bind().exec_driver_sql(table_text(name))
    for name in FEEDING_VIEWS:
        op.get_bind().exec_driver_sql(view_text(name.removesuffix("_mv")))


def downgrade() -> None:
    raise RuntimeError("The warehouse is rebuilt from the ledger instead of being downgraded")
