"""One table of all sums of bets, fed by one view, in the place of five fed by five.

A view costs each batch of bets about as much processor time as the batch itself, whatever it sums
and however few rows there are, and every table has a part to write, to flush and to merge. The
rollups keep their names as views for whoever reads them.

The table is filled from the rollups there are, which are a fraction of the bets: their neutral
columns stay neutral. Each is read in one block after another, so memory does not grow with it.
While all five are there the fill can be repeated; they are dropped only after it.

Revision ID: 0006
"""

from alembic import op
from sqlalchemy.engine import Connection

from warehouse.migrations.make_again import BOUNDED, RETIRED, months_of
from warehouse.sql_files import read_sql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

OF_EVERYBODY = "toUUID('00000000-0000-0000-0000-000000000000') AS user_id"
ALL_BETS = (
    # Free spins were bets there, and are told by the type; what they won was a win of theirs.
    "if(bet_type = 'FREE_SPIN', 0, r.bets) AS bets",
    "if(bet_type = 'FREE_SPIN', r.bets, 0) AS free_spins",
    "if(bet_type = 'FREE_SPIN', 0, r.winning_bets) AS winning_bets",
    "if(bet_type = 'FREE_SPIN', r.winning_bets, 0) AS winning_free_spins",
)
OF_A_PLAYER = ("user_id", "is_bot", "bets", "free_spins", "winning_bets", "xp_added")
SQUARES = ("wager_squared", "win_squared")
SUMS = (
    "wager",
    "wager_real",
    "win",
    "win_real",
    "jackpot",
    "jackpot_hits",
    "jackpot_contribution_e4",
    "free_spin_stake",
    "free_spin_win",
    "theoretical_ggr_e4",
)
GAMES = (OF_EVERYBODY, "game_id", "bet_type", "is_bot", *ALL_BETS, *SQUARES)
ROLLUPS = {
    "game_hourly": ("game_hour", "hour", (*GAMES, "stake_band")),
    "game_daily": ("game_day", "day", GAMES),
    "operator_quarters": (
        "operator_quarter",
        "quarter",
        (OF_EVERYBODY, "bet_type", "is_bot", *ALL_BETS, "liability_delta"),
    ),
    "player_daily": ("player_day", "day", (*OF_A_PLAYER, "bet_type", *SQUARES)),
    "player_monthly": ("player_month", "month", (*OF_A_PLAYER, *SQUARES)),
}
"""Each with its grain, its column of time, and what it has besides the sums that all have."""


LEFT_BEHIND = ("_mv", "__rebuild_mv", "__rebuild", "__rows", "__seen", "__checked")
"""Views that feed an old rollup, and what a rebuild or reconciliation of it that was broken off
left, which nobody would sweep any more; views first."""


def upgrade() -> None:
    connection = op.get_bind()
    if _retired_in(connection) == set(RETIRED):
        _drop(connection, "bet_rollups_mv")
        _drop(connection, "bet_rollups")
        connection.exec_driver_sql(read_sql("tables", "bet_rollups"))
        for name in RETIRED:
            _fill_from(connection, name)
    connection.exec_driver_sql(read_sql("views", "bet_rollups_mv"))
    for name in RETIRED:
        for end in LEFT_BEHIND:
            _drop(connection, name + end)
    for name in _retired_in(connection):
        _drop(connection, name)


def _retired_in(connection: Connection) -> set[str]:
    """Which of the old rollups are still tables."""
    names = ", ".join(f"'{name}'" for name in RETIRED)
    rows = connection.exec_driver_sql(
        "SELECT name FROM system.tables WHERE database = currentDatabase() "  # noqa: S608
        f"AND engine LIKE '%MergeTree' AND name IN ({names})"
    ).fetchall()
    return {name for (name,) in rows}


def _fill_from(connection: Connection, name: str) -> None:
    grain, time, rest = ROLLUPS[name]
    columns = ("operator_id", f"'{grain}' AS grain", f"toDateTime({time}, 'UTC') AS start", *rest)
    selected = (*columns, *SUMS)
    names = ", ".join(column.rpartition(" AS ")[2] for column in selected)
    for month in months_of(connection, name, time):
        connection.exec_driver_sql(
            # Rows that were not merged yet may be equal, and so may blocks of them.
            f"INSERT INTO bet_rollups ({names}) SELECT {', '.join(selected)} FROM {name} AS r "  # noqa: S608
            f"WHERE toYYYYMM({time}) = {month} SETTINGS insert_deduplicate = 0, {BOUNDED}"
        )


def _drop(connection: Connection, name: str) -> None:
    connection.exec_driver_sql(
        f"DROP TABLE IF EXISTS {name} SYNC "
        "SETTINGS max_table_size_to_drop = 0, max_partition_size_to_drop = 0"
    )


def downgrade() -> None:
    raise RuntimeError("The warehouse is rebuilt from the ledger instead of being downgraded")
