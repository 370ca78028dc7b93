"""What decides bets and is not the player: games, operators, levels, pools, time. Pure data."""

from collections.abc import Callable, Mapping
from datetime import datetime
from uuid import UUID

import msgspec

from ledger.account import PlayerState
from ledger.bonus import E4, BonusPolicy
from ledger.jackpot import HitPoint, Pool
from ledger.outcomes import Paytable
from ledger.vip import VipLevel


class GameTerms(msgspec.Struct, frozen=True, kw_only=True):
    """A game as one operator offers it: limits are the tighter of the game's and the operator's.

    ``version`` counts the game's changes; ``feeds`` are the (pool, basis points of the real wager)
    it feeds in the operator's currency.
    """

    game_id: int
    category_id: int
    provider: str
    paytable: Paytable
    rtp_bps: int
    wager_step: int
    min_wager: int
    max_wager: int
    contribution_bps: int
    offered: bool
    bonus_eligible: bool = True
    xp_multiplier_tenths: int = 10
    feeds: tuple[tuple[int, int], ...] = ()
    version: int = 1


class OperatorTerms(msgspec.Struct, frozen=True, kw_only=True):
    """The part of an operator that decides bets.

    ``policies`` are its bonus policies by version; level-ups grant spins on ``vip_spin_game_id``.
    """

    operator_id: int
    currency: str
    active: bool
    policy: BonusPolicy
    policies: dict[int, BonusPolicy]
    games: dict[int, GameTerms]
    xp_minor_units_per_point: int = 100
    deposit_xp_bps: int = E4
    vip_spin_game_id: int | None = None

    def policy_of(self, player: PlayerState) -> BonusPolicy:
        """The policy of the player's open bonuses; without any, the current one."""
        if player.bonus_policy_version is not None and player.bonus.outstanding:
            return self.policies[player.bonus_policy_version]
        return self.policy


class Surroundings(msgspec.Struct, frozen=True):
    """What a bet meets besides its player: levels, pools as they stand, time, fresh ids and H."""

    levels: tuple[VipLevel, ...]
    pools: Mapping[int, Pool]
    now: datetime
    new_id: Callable[[], UUID]
    new_hit_point: Callable[[Pool], HitPoint]
