"""A settled bet as it is logged, told to the warehouse and answered to the player.

The answer is built from the log's row alone, so a repeat of the request gets, for good, exactly
what the first answer said.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from ledger.account import E4, PlayerState
from ledger.bet_effects import encode_effects
from ledger.decision import Decision
from ledger.events import BetEvent, timestamp
from ledger.terms import GameTerms


class SpinRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A player's wish to bet ``wager`` minor units; ``fingerprint`` is of the parsed body."""

    operator_id: int
    user_id: UUID
    game_id: int
    wager: int
    client_seed: str
    idempotency_key: str
    fingerprint: bytes
    free_spin: bool = False


class BetRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of ``bet_log``: the same columns in the same order, so that it stores as it stands."""

    operator_id: int
    bet_id: UUID
    user_id: UUID
    game_id: int
    idempotency_key: str
    fingerprint: bytes
    currency: str
    bet_type: str
    wager: int
    wager_real: int
    wager_bonus: int
    win: int
    win_real: int
    win_bonus: int
    jackpot: int
    multiplier_hundredths: int
    free_spin_stake: int
    free_spin_win: int
    ggr: int
    theoretical_ggr_e4: int
    jackpot_contribution_e4: int
    real_balance_before: int
    real_balance_after: int
    bonus_balance_before: int
    bonus_balance_after: int
    deposit_wagering_required: int
    deposit_wagering_progress_e4: int
    bonus_wagering_required: int
    bonus_wagering_progress_e4: int
    xp_added: int
    vip_level_before: int
    vip_level: int
    affiliate_id: int | None
    bonus_policy: str
    bonus_policy_version: int
    seed_id: UUID
    nonce: int
    client_seed: str
    drawn: int
    created_at: datetime
    effects: str
    game_version: int | None

    @property
    def vip_level_up(self) -> bool:
        """Whether this bet reached a new VIP level."""
        return self.vip_level > self.vip_level_before

    @classmethod
    def of_record(cls, record: Mapping[str, Any]) -> "BetRow":
        """The row from a query's record, which may have further columns."""
        return cls(**{name: record[name] for name in cls.__struct_fields__})


class Balances(msgspec.Struct, frozen=True):
    """Balances after the bet, in minor units."""

    real: int
    bonus: int


class Requirement(msgspec.Struct, frozen=True):
    """A wagering requirement and how much of it is done, in whole minor units."""

    required: int
    progress: int

    @classmethod
    def of(cls, required: int, progress_e4: int) -> "Requirement":
        """Progress is rounded down: a requirement never looks met before it is."""
        return cls(required, progress_e4 // E4)


class Wagering(msgspec.Struct, frozen=True):
    """What must still be wagered before money may be withdrawn."""

    deposit: Requirement
    bonus: Requirement


class VipProgress(msgspec.Struct, frozen=True):
    """XP points this bet added, the level after it, and whether that is a new one."""

    xp_added: float
    level: int
    level_up: bool


class Fairness(msgspec.Struct, frozen=True):
    """What verifies the draw once the seed behind ``server_seed_hash`` is revealed."""

    server_seed_hash: str
    client_seed: str
    nonce: int
    drawn: int


class SpinResult(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a spin; amounts are minor units of ``currency``.

    ``wager`` and ``win`` of a free spin are 0: its stake and its win, which goes to a bonus, have
    fields of their own.
    """

    bet_id: UUID
    game_id: int
    currency: str
    wager: int
    win: int
    multiplier: float
    bet_type: str
    free_spin_stake: int
    free_spin_win: int
    jackpot: int
    balances: Balances
    wagering: Wagering
    vip: VipProgress
    fairness: Fairness
    created_at: str


def bet_row(  # the one place where a decision becomes a row
    request: SpinRequest,
    player: PlayerState,
    decision: Decision,
    drawn: int,
    bet_id: UUID,
    now: datetime,
    game_version: int,
) -> BetRow:
    """The log's row for a decision about ``request`` made on ``player``'s state."""
    after = decision.after
    bonus_required, bonus_progress_e4 = after.bonus_wagering()
    return BetRow(
        operator_id=player.operator_id,
        bet_id=bet_id,
        user_id=player.user_id,
        game_id=request.game_id,
        idempotency_key=request.idempotency_key,
        fingerprint=request.fingerprint,
        currency=player.currency,
        bet_type=decision.bet_type,
        wager=decision.wager,
        wager_real=decision.wager_real,
        wager_bonus=decision.wager_bonus,
        win=decision.win,
        win_real=decision.win_real,
        win_bonus=decision.win_bonus,
        jackpot=decision.jackpot,
        multiplier_hundredths=decision.multiplier_hundredths,
        free_spin_stake=decision.free_spin_stake,
        free_spin_win=decision.free_spin_win,
        ggr=decision.ggr,
        theoretical_ggr_e4=decision.theoretical_ggr_e4,
        jackpot_contribution_e4=sum(amount for _, amount in decision.contributions),
        real_balance_before=player.real_balance,
        real_balance_after=after.real_balance,
        bonus_balance_before=player.bonus_balance,
        bonus_balance_after=after.bonus_balance,
        deposit_wagering_required=after.deposit_wagering_required,
        deposit_wagering_progress_e4=after.deposit_wagering_progress_e4,
        bonus_wagering_required=bonus_required,
        bonus_wagering_progress_e4=bonus_progress_e4,
        xp_added=after.vip_experience - player.vip_experience,
        vip_level_before=player.vip_level,
        vip_level=after.vip_level,
        affiliate_id=player.affiliate_id,
        bonus_policy=decision.policy.name,
        bonus_policy_version=decision.policy.version,
        seed_id=player.seed_id,
        nonce=player.nonce,
        client_seed=request.client_seed,
        drawn=drawn,
        created_at=now,
        effects=encode_effects(player, decision),
        game_version=game_version,
    )


def bet_event(row: BetRow, game: GameTerms, is_bot: bool) -> BetEvent:
    """The outbox event of a fresh bet."""
    return BetEvent(
        operator_id=row.operator_id,
        bet_id=row.bet_id,
        user_id=row.user_id,
        game_id=row.game_id,
        category_id=game.category_id,
        provider=game.provider,
        affiliate_id=row.affiliate_id or 0,
        is_bot=int(is_bot),
        currency=row.currency,
        bet_type=row.bet_type,
        sign=1,
        wager=row.wager,
        wager_real=row.wager_real,
        wager_bonus=row.wager_bonus,
        win=row.win,
        win_real=row.win_real,
        win_bonus=row.win_bonus,
        jackpot=row.jackpot,
        jackpot_contribution_e4=row.jackpot_contribution_e4,
        free_spin_stake=row.free_spin_stake,
        free_spin_win=row.free_spin_win,
        ggr=row.ggr,
        theoretical_ggr_e4=row.theoretical_ggr_e4,
        rtp_bps=game.rtp_bps,
        xp_added=row.xp_added,
        vip_level=row.vip_level,
        real_balance_after=row.real_balance_after,
        bonus_balance_after=row.bonus_balance_after,
        bonus_policy=row.bonus_policy,
        bonus_policy_version=row.bonus_policy_version,
        created_at=timestamp(row.created_at),
        liability_delta=row.real_balance_after
        - row.real_balance_before
        + row.bonus_balance_after
        - row.bonus_balance_before,
    )


def spin_result(row: BetRow, seed_hash: bytes) -> SpinResult:
    """The player's answer, from the log's row and the published hash of its seed."""
    return SpinResult(
        bet_id=row.bet_id,
        game_id=row.game_id,
        currency=row.currency,
        wager=row.wager,
        win=row.win,
        multiplier=row.multiplier_hundredths / 100,
        bet_type=row.bet_type,
        free_spin_stake=row.free_spin_stake,
        free_spin_win=row.free_spin_win,
        jackpot=row.jackpot,
        balances=Balances(row.real_balance_after, row.bonus_balance_after),
        wagering=Wagering(
            Requirement.of(row.deposit_wagering_required, row.deposit_wagering_progress_e4),
            Requirement.of(row.bonus_wagering_required, row.bonus_wagering_progress_e4),
        ),
        vip=VipProgress(row.xp_added / E4, row.vip_level, row.vip_level > row.vip_level_before),
        fairness=Fairness(seed_hash.hex(), row.client_seed, row.nonce, row.drawn),
        created_at=timestamp(row.created_at),
    )
