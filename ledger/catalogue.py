"""What decides bets and seldom changes — operators, games, limits — kept in memory by version.

Each batch reads ``catalogue_version`` in its own transaction and reloads when it has moved, so a
switched-off game takes no bet from the next batch on, in every process.
"""

from collections import defaultdict
from datetime import datetime
from typing import Any

import msgspec

from ledger.bonus import BonusPolicy
from ledger.database import Connection
from ledger.named_sql import named_queries
from ledger.outcomes import Paytable
from ledger.terms import GameTerms, OperatorTerms
from ledger.vip import DEFAULT_LEVELS, VipLevel

SQL = named_queries("catalogue.sql")


class Catalogue(msgspec.Struct, frozen=True):
    """All operators' terms and the VIP levels as of one ``version``."""

    version: int
    operators: dict[int, OperatorTerms]
    levels: tuple[VipLevel, ...] = DEFAULT_LEVELS

    def pools_fed(self, operator_id: int, game_id: int) -> tuple[int, ...]:
        """The ids of the pools that a game feeds for this operator; none for an unknown game."""
        operator = self.operators.get(operator_id)
        game = operator.games.get(game_id) if operator else None
        return tuple(pool_id for pool_id, _ in game.feeds) if game else ()


EMPTY_CATALOGUE = Catalogue(version=0, operators={})


async def load_catalogue(connection: Connection) -> Catalogue:
    """Read every operator's terms and the version they belong to, in one statement each.

    The version is read first: a change in between makes the next batch load again, never miss it.
    """
    version = await connection.fetchval(SQL["catalogue_version"])
    levels = [VipLevel(**row) for row in await connection.fetch(SQL["vip_levels"])]
    policies: dict[int, dict[int, BonusPolicy]] = defaultdict(dict)
    for row in await connection.fetch(SQL["bonus_policies"]):
        policies[row["operator_id"]][row["version"]] = bonus_policy(row)
    games: dict[int, dict[int, GameTerms]] = defaultdict(dict)
    for row in await connection.fetch(SQL["offered_games"]):
        games[row["operator_id"]][row["game_id"]] = _game_terms(row)
    operators = {
        row["operator_id"]: _operator_terms(row, policies, games)
        for row in await connection.fetch(SQL["operators"])
    }
    return Catalogue(version or 0, operators, tuple(levels))


async def current_catalogue(
    connection: Connection, cached: Catalogue
) -> tuple[datetime, Catalogue]:
    """The database's clock, and the catalogue: ``cached`` unless its version has moved."""
    clock = await connection.fetchrow(SQL["clock"])
    assert clock is not None  # noqa: S101 - the table holds exactly one row, by its constraint
    if clock["version"] == cached.version:
        return clock["now"], cached
    return clock["now"], await load_catalogue(connection)


def bonus_policy(row: Any) -> BonusPolicy:
    """A policy from its row of ``bonus_policy``."""
    return BonusPolicy(**{name: row[name] for name in BonusPolicy.__struct_fields__})


def _operator_terms(row: Any, policies: Any, games: Any) -> OperatorTerms:
    operator_id = row["operator_id"]
    offered = games[operator_id]
    default_spin_game = min(
        (game.game_id for game in offered.values() if game.offered and game.bonus_eligible),
        default=None,
    )
    return OperatorTerms(
        operator_id=operator_id,
        currency=row["currency"],
        active=row["active"],
        policy=policies[operator_id][row["bonus_policy_version"]],
        policies=policies[operator_id],
        games=offered,
        xp_minor_units_per_point=row["xp_minor_units_per_point"],
        deposit_xp_bps=row["deposit_xp_bps"],
        vip_spin_game_id=row["vip_spin_game_id"] or default_spin_game,
    )


def _game_terms(row: Any) -> GameTerms:
    return GameTerms(
        game_id=row["game_id"],
        version=row["version"],
        category_id=row["category_id"],
        provider=row["provider"],
        paytable=Paytable.of(msgspec.json.decode(row["paytable"], type=list[tuple[int, int]])),
        rtp_bps=row["rtp_bps"],
        wager_step=row["wager_step"],
        min_wager=row["min_wager"],
        max_wager=row["max_wager"],
        contribution_bps=row["bonus_contribution_bps"],
        offered=row["offered"],
        bonus_eligible=row["bonus_eligible"],
        xp_multiplier_tenths=row["xp_multiplier_tenths"],
        feeds=tuple(zip(row["pool_ids"] or (), row["pool_rates_bps"] or (), strict=True)),
    )
