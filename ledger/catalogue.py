"""What decides bets and seldom changes — operators, games, limits — kept in memory by version.

Each batch reads ``catalogue_version`` in its own transaction and reloads when it has moved, so a
switched-off game takes no bet from the next batch on, in every process.
"""

from collections import defaultdict
from typing import Any

import msgspec

from ledger.database import Connection
from ledger.named_sql import named_queries
from ledger.outcomes import Paytable
from ledger.settle_bet import GameTerms, OperatorTerms

SQL = named_queries("catalogue.sql")


class Catalogue(msgspec.Struct, frozen=True):
    """All operators' terms as of one ``version``."""

    version: int
    operators: dict[int, OperatorTerms]


EMPTY_CATALOGUE = Catalogue(version=0, operators={})


async def load_catalogue(connection: Connection) -> Catalogue:
    """Read every operator's terms and the version they belong to, in one statement each.

    The version is read first: a change in between makes the next batch load again, never miss it.
    """
    version = await connection.fetchval(SQL["catalogue_version"])
    games: dict[int, dict[int, GameTerms]] = defaultdict(dict)
    for row in await connection.fetch(SQL["offered_games"]):
        games[row["operator_id"]][row["game_id"]] = _game_terms(row)
    operators = {
        row["operator_id"]: OperatorTerms(
            operator_id=row["operator_id"],
            currency=row["currency"],
            active=row["active"],
            bonus_policy=row["bonus_policy"],
            bonus_policy_version=row["bonus_policy_version"],
            games=games[row["operator_id"]],
        )
        for row in await connection.fetch(SQL["operators"])
    }
    return Catalogue(version=version or 0, operators=operators)


def _game_terms(row: Any) -> GameTerms:
    return GameTerms(
        game_id=row["game_id"],
        category_id=row["category_id"],
        provider=row["provider"],
        paytable=Paytable.of(msgspec.json.decode(row["paytable"], type=list[tuple[int, int]])),
        rtp_bps=row["rtp_bps"],
        wager_step=row["wager_step"],
        min_wager=row["min_wager"],
        max_wager=row["max_wager"],
        contribution_bps=row["bonus_contribution_bps"],
        offered=row["offered"],
    )
