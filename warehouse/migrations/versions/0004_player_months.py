"""Players' months without types of bets: less than half the rows, in finer granules.

Rankings and active players of long periods read all of an operator's player-months, and nearly
always of every type of bet; the few questions about one type are answered from days. Then the
figures of fifty players are read, which are in as many granules.

Revision ID: 0004
"""

from alembic import op

from warehouse.migrations.make_again import make_again

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    make_again(op.get_bind(), "player_monthly")


def downgrade() -> None:
    raise RuntimeError("The warehouse is rebuilt from the ledger instead of being downgraded")
