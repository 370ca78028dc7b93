"""What the API asks the warehouse, as functions of an operator and typed values."""

from datetime import datetime
from uuid import UUID

import msgspec

from warehouse.client import Warehouse
from warehouse.filters import BetType
from warehouse.time_ranges import DAY, HOUR, MONTH, Grain, TimeRange

RTP_DECIMALS = 6


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """Sums over bets, net of rollbacks; minor units, ``*_e4`` in 1/10,000 of one.

    Free spins are counted apart: they have no wager and no win, but a stake and a win of their own.
    """

    bets: int = 0
    free_spins: int = 0
    winning_bets: int = 0
    wager: int = 0
    wager_real: int = 0
    wager_bonus: int = 0
    win: int = 0
    win_real: int = 0
    win_bonus: int = 0
    jackpot: int = 0
    jackpot_hits: int = 0
    jackpot_contribution_e4: int = 0
    free_spin_stake: int = 0
    free_spin_win: int = 0
    theoretical_ggr_e4: int = 0

    @property
    def ggr(self) -> int:
        """Gross gaming revenue: wagers minus base wins."""
        return self.wager - self.win

    @property
    def rtp(self) -> float | None:
        """Return to player: base wins over wagers; None when nothing was wagered."""
        return ratio(self.win, self.wager)

    @property
    def rtp_with_jackpot(self) -> float | None:
        """RTP if jackpots counted as wins; they come from the pools, not from the house."""
        return ratio(self.win + self.jackpot, self.wager)

    @property
    def hold(self) -> float | None:
        """GGR over wagers; None when nothing was wagered."""
        return ratio(self.ggr, self.wager)

    def __add__(self, other: "Figures") -> "Figures":
        return Figures(
            **{name: getattr(self, name) + getattr(other, name) for name in _FIGURE_NAMES}
        )


_FIGURE_NAMES = Figures.__struct_fields__


class GameFigures(Figures, frozen=True, kw_only=True):
    """Figures of a game, with what the catalogue says of it."""

    game_id: int
    game_name: str
    provider: str
    category: str
    theoretical_rtp_bps: int


class PlayerFigures(Figures, frozen=True, kw_only=True):
    """Figures of a player."""

    player_id: UUID
    username: str


class PlayerCash(msgspec.Struct, frozen=True, kw_only=True):
    """A player's completed deposits and withdrawals, all time, minor units."""

    deposits: int = 0
    deposit_count: int = 0
    withdrawals: int = 0
    withdrawal_count: int = 0


class AffiliateFigures(msgspec.Struct, frozen=True, kw_only=True):
    """What an affiliate's players left, minor units; ``players`` are those who bet."""

    affiliate_id: int
    players: int
    bets: int
    wager: int
    ggr: int
    bonus_cost: int

    @property
    def net(self) -> int:
        """GGR less bonus cost."""
        return self.ggr - self.bonus_cost


class _PlayerName(msgspec.Struct, frozen=True):
    player_id: UUID
    username: str


def ratio(part: int, whole: int) -> float | None:
    """``part / whole`` to six decimals, or None when there is no whole."""
    return None if whole == 0 else round(part / whole, RTP_DECIMALS)


async def game_figures(
    warehouse: Warehouse,
    operator_id: int,
    period: TimeRange,
    *,
    include_bots: bool = True,
    game_id: int | None = None,
    category: str | None = None,
    provider: str | None = None,
    player_id: UUID | None = None,
    bet_type: BetType | None = None,
) -> list[GameFigures]:
    """Figures by game, most wagered first; exact to the microsecond at both ends."""
    filters = {
        "include_bots": include_bots,
        "game_id": game_id or 0,
        "category": category or "",
        "provider": provider or "",
        "bet_type": bet_type or "",
    }
    if player_id is not None:
        return await warehouse.read(
            "games_of_player",
            GameFigures,
            operator_id=operator_id,
            player_id=player_id,
            from_time=period.start,
            to_time=period.end,
            **filters,
        )
    return await warehouse.read(
        "games", GameFigures, operator_id=operator_id, **_bounds(period, HOUR, DAY), **filters
    )


async def player_figures(
    warehouse: Warehouse,
    operator_id: int,
    period: TimeRange,
    *,
    include_bots: bool = True,
    player_ids: list[UUID] | None = None,
    limit: int = 500,
) -> list[PlayerFigures]:
    """Figures by player, most wagered first; of some players only if ``player_ids`` is given."""
    if player_ids == []:
        return []
    return await warehouse.read(
        "players",
        PlayerFigures,
        operator_id=operator_id,
        include_bots=include_bots,
        player_ids=player_ids or [],
        limit=limit,
        **player_bounds(period),
    )


async def affiliate_figures(
    warehouse: Warehouse, operator_id: int, period: TimeRange, *, include_bots: bool = True
) -> list[AffiliateFigures]:
    """Figures by affiliate, of those whose players did anything; an ISO week's are those of the
    affiliate's statement."""
    return await warehouse.read(
        "affiliates",
        AffiliateFigures,
        operator_id=operator_id,
        include_bots=include_bots,
        **player_bounds(period),
    )


async def player_cash(warehouse: Warehouse, operator_id: int, player_id: UUID) -> PlayerCash:
    """What the player paid in and took out, all time."""
    rows = await warehouse.read(
        "player_cash", PlayerCash, operator_id=operator_id, player_id=player_id
    )
    return rows[0] if rows else PlayerCash()


async def player_names(
    warehouse: Warehouse, operator_id: int, player_ids: set[UUID]
) -> dict[UUID, str]:
    """Usernames of the operator's players among ``player_ids``."""
    if not player_ids:
        return {}
    rows = await warehouse.read(
        "player_names", _PlayerName, operator_id=operator_id, player_ids=sorted(player_ids)
    )
    return {row.player_id: row.username for row in rows}


def player_bounds(period: TimeRange) -> dict[str, datetime]:
    """The period as the players' figures take it: months, days and edges."""
    return _bounds(period, DAY, MONTH)


def _bounds(period: TimeRange, fine: Grain, coarse: Grain) -> dict[str, datetime]:
    split = period.nested(fine, coarse)
    return {
        "from_time": split.start,
        "fine_from": split.fine_start,
        "coarse_from": split.coarse_start,
        "coarse_to": split.coarse_end,
        "fine_to": split.fine_end,
        "to_time": split.end,
    }
