"""JSON of bonuses, free spins, jackpots and VIP; amounts are minor units of the currency."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec

from api.schemas.fields import PRINTABLE, Amount, BasisPoints, Currency
from ledger.account import E4
from ledger.events import timestamp
from ledger.vip import VipLevel

Reason = Annotated[str, msgspec.Meta(min_length=1, max_length=500, pattern=PRINTABLE)]
ShortName = Annotated[str, msgspec.Meta(min_length=1, max_length=32, pattern=PRINTABLE)]
GameId = Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]


class BonusView(msgspec.Struct, frozen=True, kw_only=True):
    """A bonus; its requirement is 0 where the wallet has one pooled requirement."""

    bonus_id: UUID
    kind: str
    status: str
    currency: str
    granted: int
    balance: int
    required: int
    progress: int
    converted: int
    game_id: int | None
    expires_at: str
    created_at: str
    closed_at: str | None


class FreeSpinView(msgspec.Struct, frozen=True, kw_only=True):
    """Free spins on one game at a fixed stake."""

    grant_id: UUID
    game_id: int
    stake: int
    count: int
    used: int
    status: str
    source: str
    expires_at: str
    created_at: str


class BonusesView(msgspec.Struct, frozen=True):
    """A player's bonuses and free spins, newest first."""

    items: list[BonusView]
    free_spins: list[FreeSpinView]


class WaivedView(msgspec.Struct, frozen=True):
    """The bonuses that were given up."""

    waived: list[UUID]


class BonusGrantForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A bonus to give; with ``game_id`` it can be played on that game only."""

    amount: Amount
    reason: Reason
    game_id: GameId | None = None


class SpinGrantForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Free spins to give at a fixed stake."""

    game_id: GameId
    stake: Amount
    count: Annotated[int, msgspec.Meta(ge=1, le=1_000)]
    reason: Reason


class StatusForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A player's new status."""

    status: Literal["ACTIVE", "BLOCKED"]
    reason: Reason


class StatusView(msgspec.Struct, frozen=True):
    """A player's status."""

    player_id: UUID
    status: str


class RollbackForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why a bet is rolled back."""

    reason: Reason


class KeyRollbackForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A bet named by its player and key; if it has not arrived yet, it never will."""

    user_id: UUID
    idempotency_key: Annotated[str, msgspec.Meta(min_length=1, max_length=255, pattern=PRINTABLE)]
    reason: Reason


class JackpotWinView(msgspec.Struct, frozen=True, kw_only=True):
    """The last win: what proves it is SHA-256(nonce + H as 16 bytes, big-endian)."""

    cycle_no: int
    amount: int
    won_at: str
    hit_e4: int
    nonce: str
    commitment: str


class JackpotView(msgspec.Struct, frozen=True, kw_only=True):
    """A pool as everybody sees it: it must be won before it exceeds ``cap``."""

    pool_id: int
    name: str
    currency: str
    amount: int
    seed: int
    cap: int
    cycle_no: int
    commitment: str
    last_win: JackpotWinView | None


class JackpotsView(msgspec.Struct, frozen=True):
    """The pools."""

    items: list[JackpotView]


class JackpotForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A new pool; ``rate_bps`` of every real wager on its games feeds it."""

    name: ShortName
    currency: Currency
    seed: Amount
    cap: Amount
    rate_bps: Annotated[int, msgspec.Meta(ge=1, le=2_000)]
    game_ids: list[GameId] | None = None


class VipLevelForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A VIP level; ``xp_from`` in points, multipliers in tenths."""

    name: ShortName
    xp_from: Annotated[int, msgspec.Meta(ge=0, le=2**40)]
    xp_multiplier_tenths: Annotated[int, msgspec.Meta(ge=1, le=1_000)]
    cashback_bps: BasisPoints
    free_spins: Annotated[int, msgspec.Meta(ge=0, le=10_000)]
    bet_limit_multiplier_tenths: Annotated[int, msgspec.Meta(ge=10, le=1_000)]


class VipBenefits(msgspec.Struct, frozen=True, kw_only=True):
    """What a level gives."""

    xp_multiplier: float
    cashback_rate: float
    free_spins: int
    bet_limit_multiplier: float


class VipStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A player's standing; XP in points, ``progress`` from 0 to 1 towards the next level."""

    level: int
    name: str
    xp: float
    xp_current_level: int
    xp_next_level: int | None
    xp_needed: float
    progress: float
    benefits: VipBenefits


class PolicyForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A bonus policy (RULES: switches of how bonuses are funded, wagered and lost)."""

    name: Literal["strict", "mixed", "custom"] = "custom"
    funding: Literal["single", "mixed"]
    wagering_source: Literal["bonus_bets", "all_bets"]
    requirement: Literal["per_task", "pooled"]
    bust: Literal["clears_requirement", "keeps_requirement"]
    multiplier: Annotated[int, msgspec.Meta(ge=1, le=1_000)]
    max_bet: Amount
    min_bet: Amount
    expiry_days: Annotated[int, msgspec.Meta(ge=1, le=3_650)]
    bonus_xp_rate_bps: BasisPoints = 5_000


def bonus_view(row: Mapping[str, Any]) -> BonusView:
    """A bonus from its row of ``bonus_task``."""
    return BonusView(
        bonus_id=row["task_id"],
        kind=row["kind"],
        status=row["status"],
        currency=row["currency"],
        granted=row["granted"],
        balance=row["balance"],
        required=row["required"],
        progress=row["progress_e4"] // E4,
        converted=row["converted"],
        game_id=row["game_id"],
        expires_at=timestamp(row["expires_at"]),
        created_at=timestamp(row["created_at"]),
        closed_at=None if row["closed_at"] is None else timestamp(row["closed_at"]),
    )


def free_spin_view(row: Mapping[str, Any]) -> FreeSpinView:
    """Free spins from their row."""
    return FreeSpinView(
        **{
            name: row[name]
            for name in ("grant_id", "game_id", "stake", "count", "used", "status", "source")
        },
        expires_at=timestamp(row["expires_at"]),
        created_at=timestamp(row["created_at"]),
    )


def jackpot_view(row: Mapping[str, Any]) -> JackpotView:
    """A pool from its row, which holds the last win too."""
    won = row["won_cycle_no"] is not None
    return JackpotView(
        **{
            name: row[name]
            for name in ("pool_id", "name", "currency", "amount", "seed", "cap", "cycle_no")
        },
        commitment=row["commitment"].hex(),
        last_win=JackpotWinView(
            cycle_no=row["won_cycle_no"],
            amount=row["won_amount"],
            won_at=timestamp(row["won_at"]),
            hit_e4=row["won_hit_e4"],
            nonce=row["won_nonce"].hex(),
            commitment=row["won_commitment"].hex(),
        )
        if won
        else None,
    )


def vip_status(levels: tuple[VipLevel, ...], level_no: int, experience: int) -> VipStatus:
    """A standing from the levels, the level held and XP in 1/10,000 of a point."""
    ordered = sorted(levels, key=lambda level: level.level)
    held = max((x for x in ordered if x.level <= level_no), key=lambda level: level.level)
    following = next((x for x in ordered if x.level > held.level), None)
    xp = experience / E4
    span = following.xp_from - held.xp_from if following else 0
    progress = min(1.0, max(0.0, (xp - held.xp_from) / span)) if span > 0 else 1.0
    return VipStatus(
        level=held.level,
        name=held.name,
        xp=xp,
        xp_current_level=held.xp_from,
        xp_next_level=following.xp_from if following else None,
        xp_needed=max(0.0, following.xp_from - xp) if following else 0.0,
        progress=round(progress, 4),
        benefits=VipBenefits(
            xp_multiplier=held.xp_multiplier_tenths / 10,
            cashback_rate=held.cashback_bps / E4,
            free_spins=held.free_spins,
            bet_limit_multiplier=held.bet_limit_multiplier_tenths / 10,
        ),
    )
