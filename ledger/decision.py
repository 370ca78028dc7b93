"""A settled bet's consequences, as data: what the fold hands to the store."""

from uuid import UUID

import msgspec

from ledger.account import Leg, PlayerState, SpinGrant
from ledger.bonus import BonusPolicy, BonusTask, ClosedTask, Share
from ledger.jackpot import Hit, HitPoint, Pool


class TaskCredit(msgspec.Struct, frozen=True):
    """Money granted to a bonus task outside of a bet's own win, with the task as it was."""

    task: BonusTask
    amount: int


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a settled bet changes. ``legs`` sum to zero."""

    bet_type: str
    wager: int
    wager_real: int
    wager_bonus: int
    win: int
    win_real: int
    win_bonus: int
    multiplier_hundredths: int
    ggr: int
    theoretical_ggr_e4: int
    policy: BonusPolicy
    after: PlayerState
    legs: tuple[Leg, ...]
    shares: tuple[Share, ...] = ()
    closed: tuple[ClosedTask, ...] = ()
    credits: tuple[TaskCredit, ...] = ()
    contributions: tuple[tuple[int, int], ...] = ()
    hits: tuple[Hit, ...] = ()
    pools: tuple[Pool, ...] = ()
    hit_points: tuple[tuple[int, HitPoint], ...] = ()
    new_grants: tuple[SpinGrant, ...] = ()
    free_spin_stake: int = 0
    free_spin_win: int = 0
    grant_id: UUID | None = None

    @property
    def fed_cycles(self) -> tuple[int, ...]:
        """The cycle each contribution went to: the one before, where it hit."""
        hit = {hit.pool_id: hit.cycle_no for hit in self.hits}
        return tuple(hit.get(pool.pool_id, pool.cycle_no) for pool in self.pools)

    @property
    def jackpot(self) -> int:
        """What jackpots paid, always as real money."""
        return sum(hit.amount for hit in self.hits)


class Feeding(msgspec.Struct, frozen=True):
    """What a bet did to the pools: (pool, contribution), hits, and the pools afterwards."""

    contributions: tuple[tuple[int, int], ...] = ()
    hits: tuple[Hit, ...] = ()
    pools: tuple[Pool, ...] = ()
    hit_points: tuple[tuple[int, HitPoint], ...] = ()


NO_FEEDING = Feeding()
