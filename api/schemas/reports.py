"""JSON of the operator's reports; amounts are minor units of ``currency``."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from api.freshness import Freshness
from api.periods import Period
from ledger.events import timestamp
from warehouse.queries import (
    Figures,
    GameFigures,
    PlayerCash,
    PlayerFigures,
    ratio,
)
from warehouse.transaction_pages import TransactionRow


class ReportHead(msgspec.Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    """What every report says of itself; everything committed before ``as_of`` is in it."""

    as_of: str
    lag_ms: int
    operator_id: int
    currency: str
    from_: str
    to: str
    include_bots: bool


class FigureFields(msgspec.Struct, frozen=True, kw_only=True):
    """Sums over bets, net of rollbacks. Ratios are fractions, null when nothing was wagered.

    Jackpots are paid by the pools and stand beside ``total_won``; free spins have no wager.
    """

    bets: int
    winning_bets: int
    total_wagered: int
    wager_real: int
    wager_bonus: int
    total_won: int
    win_real: int
    win_bonus: int
    ggr: int
    hold: float | None
    rtp: float | None
    rtp_with_jackpot: float | None
    theoretical_ggr: int
    jackpot_won: int
    jackpot_hits: int
    jackpot_contribution: int
    free_spins: int
    free_spin_stake: int
    free_spin_win: int


class GameItem(FigureFields, frozen=True, kw_only=True):
    """A game's figures; ``theoretical_rtp`` is the declared one, None for an unknown game."""

    game_id: int
    game_name: str
    provider: str
    category: str
    theoretical_rtp: float | None


class GamesReport(ReportHead, frozen=True, kw_only=True):
    """Figures by game, most wagered first, and their sum."""

    items: list[GameItem]
    totals: FigureFields


class GameRtp(msgspec.Struct, frozen=True, kw_only=True):
    """A game's return to player beside the declared one."""

    game_id: int
    name: str
    rtp: float | None
    theoretical_rtp: float | None
    bets: int
    total_wagered: int
    total_won: int


class PlayerRtp(msgspec.Struct, frozen=True, kw_only=True):
    """A player's return."""

    player_id: UUID
    username: str
    rtp: float | None
    bets: int
    total_wagered: int
    total_won: int


class RtpSummary(ReportHead, frozen=True, kw_only=True):
    """RTP by game and by player, most wagered first; ``rtp`` is over all games."""

    rtp: float | None
    by_game: list[GameRtp]
    by_player: list[PlayerRtp]


class TransactionItem(msgspec.Struct, frozen=True, kw_only=True):
    """A bet, the rollback of one, or a transaction with its latest status.

    ``amount`` is the stake of a bet. Fields that a row's type does not have are null.
    """

    type: str
    id: UUID
    player_id: UUID
    username: str | None
    created_at: str
    updated_at: str
    currency: str
    amount: int
    status: str
    real_balance_after: int
    bonus_balance_after: int
    game_id: int | None = None
    game_name: str | None = None
    bet_type: str | None = None
    wager: int | None = None
    win: int | None = None
    jackpot: int | None = None
    ggr: int | None = None
    fee: int | None = None
    method: str | None = None
    provider: str | None = None
    reason: str | None = None


class TransactionsReport(ReportHead, frozen=True, kw_only=True):
    """A page of bets and transactions in one list, newest first."""

    items: list[TransactionItem]
    next_cursor: str | None


class PlayerItem(msgspec.Struct, frozen=True, kw_only=True):
    """A player with balances as they are now and lifetime figures as of ``as_of``."""

    player_id: UUID
    username: str
    email: str
    status: str
    excluded_until: str | None
    is_bot: bool
    vip_level: int
    created_at: str
    currency: str
    real_balance: int
    bonus_balance: int
    held_balance: int
    debt: int
    bets: int
    total_wagered: int
    total_won: int
    ggr: int
    rtp: float | None


class PlayersReport(msgspec.Struct, frozen=True, kw_only=True):
    """A page of players, newest first."""

    items: list[PlayerItem]
    next_cursor: str | None
    operator_id: int
    as_of: str
    lag_ms: int


class Lifetime(FigureFields, frozen=True, kw_only=True):
    """Everything a player ever did, net of rollbacks; completed deposits and withdrawals only."""

    deposits: int
    deposit_count: int
    withdrawals: int
    withdrawal_count: int


class PlayerReport(msgspec.Struct, frozen=True, kw_only=True):
    """All about one player."""

    operator_id: int
    as_of: str
    lag_ms: int
    player_id: UUID
    username: str
    email: str
    status: str
    excluded_until: str | None
    is_bot: bool
    created_at: str
    vip: dict[str, int]
    wallet: Any
    lifetime: Lifetime
    history: list[TransactionItem]


def head_fields(
    freshness: Freshness, operator_id: int, currency: str, period: Period, include_bots: bool
) -> dict[str, Any]:
    """The fields of a ``ReportHead``."""
    return {
        "as_of": timestamp(freshness.as_of),
        "lag_ms": freshness.lag_ms,
        "operator_id": operator_id,
        "currency": currency,
        "from_": timestamp(period.range.start),
        "to": timestamp(period.shown_end),
        "include_bots": include_bots,
    }


def figure_fields(figures: Figures) -> dict[str, Any]:
    """The fields of ``FigureFields``; counters in 1/10,000 are shown in whole minor units."""
    return {
        "bets": figures.bets,
        "winning_bets": figures.winning_bets,
        "total_wagered": figures.wager,
        "wager_real": figures.wager_real,
        "wager_bonus": figures.wager_bonus,
        "total_won": figures.win,
        "win_real": figures.win_real,
        "win_bonus": figures.win_bonus,
        "ggr": figures.ggr,
        "hold": figures.hold,
        "rtp": figures.rtp,
        "rtp_with_jackpot": figures.rtp_with_jackpot,
        "theoretical_ggr": figures.theoretical_ggr_e4 // 10_000,
        "jackpot_won": figures.jackpot,
        "jackpot_hits": figures.jackpot_hits,
        "jackpot_contribution": figures.jackpot_contribution_e4 // 10_000,
        "free_spins": figures.free_spins,
        "free_spin_stake": figures.free_spin_stake,
        "free_spin_win": figures.free_spin_win,
    }


def game_item(figures: GameFigures) -> GameItem:
    """A game's line of the games report."""
    return GameItem(
        game_id=figures.game_id,
        game_name=figures.game_name,
        provider=figures.provider,
        category=figures.category,
        theoretical_rtp=_declared(figures),
        **figure_fields(figures),
    )


def game_rtp(figures: GameFigures) -> GameRtp:
    """A game's line of the RTP summary."""
    return GameRtp(
        game_id=figures.game_id,
        name=figures.game_name,
        rtp=figures.rtp,
        theoretical_rtp=_declared(figures),
        bets=figures.bets,
        total_wagered=figures.wager,
        total_won=figures.win,
    )


def player_rtp(figures: PlayerFigures) -> PlayerRtp:
    """A player's line of the RTP summary."""
    return PlayerRtp(
        player_id=figures.player_id,
        username=figures.username,
        rtp=figures.rtp,
        bets=figures.bets,
        total_wagered=figures.wager,
        total_won=figures.win,
    )


def lifetime(figures: Figures, cash: PlayerCash) -> Lifetime:
    """A player's figures and cash together."""
    return Lifetime(**figure_fields(figures), **msgspec.structs.asdict(cash))


def player_item(row: Any, figures: Figures) -> PlayerItem:
    """A player from the ledger's row and the warehouse's figures."""
    return PlayerItem(
        player_id=row["user_id"],
        username=row["username"],
        email=row["email"],
        status=row["status"],
        excluded_until=optional_timestamp(row["excluded_until"]),
        is_bot=row["is_bot"],
        vip_level=row["vip_level"],
        created_at=timestamp(row["created_at"]),
        currency=row["currency"],
        real_balance=row["real_balance"],
        bonus_balance=row["bonus_balance"],
        held_balance=row["held_balance"],
        debt=row["debt"],
        bets=figures.bets,
        total_wagered=figures.wager,
        total_won=figures.win,
        ggr=figures.ggr,
        rtp=figures.rtp,
    )


def transaction_item(
    row: TransactionRow, username: str | None, game_name: str | None
) -> TransactionItem:
    """A row of the transactions report."""
    common = {
        "type": row.type,
        "id": row.id,
        "player_id": row.player_id,
        "username": username,
        "created_at": timestamp(row.created_at),
        "updated_at": timestamp(row.updated_at),
        "currency": row.currency,
        "amount": row.amount,
        "status": row.status,
        "real_balance_after": row.real_balance_after,
        "bonus_balance_after": row.bonus_balance_after,
    }
    if row.game_id:
        return TransactionItem(
            **common,
            game_id=row.game_id,
            game_name=game_name,
            bet_type=row.bet_type,
            wager=row.wager,
            win=row.win,
            jackpot=row.jackpot,
            ggr=row.ggr,
        )
    return TransactionItem(
        **common,
        fee=row.fee,
        method=row.method,
        provider=row.provider,
        reason=row.reason or None,
    )


def optional_timestamp(moment: datetime | None) -> str | None:
    """The moment as text, None as None."""
    return None if moment is None else timestamp(moment)


def _declared(figures: GameFigures) -> float | None:
    return ratio(figures.theoretical_rtp_bps, 10_000) if figures.game_name else None
