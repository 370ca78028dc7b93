"""${message}

Revision ID: ${up_revision}
"""

from ledger.migrations.run_sql import run_sql_folder

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = ${repr(branch_labels)}
depends_on = ${repr(depends_on)}


def upgrade() -> None:
    run_sql_folder("${up_revision}_${message}")
