"""What the API asks the warehouse, as functions of an operator and typed values."""

import asyncio
from collections.abc import Awaitable, Iterable, Sequence
from itertools import chain
from operator import attrgetter
from typing import Any, TypeVar
from uuid import UUID

import msgspec

from warehouse.client import Warehouse
from warehouse.filters import Filters
from warehouse.settled_past import Piece, pieces, settled_and_recent
from warehouse.time_ranges import DAY, HOUR, MONTH, QUARTER, NestedSplit, TimeRange

RTP_DECIMALS = 6


class KeyFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Sums over bets, net of rollbacks; minor units, ``*_e4`` in 1/10,000 of one.

    Free spins are counted apart: they have no wager and no win.
    """

    bets: int = 0
    free_spins: int = 0
    wager: int = 0
    wager_real: int = 0
    wager_bonus: int = 0
    win: int = 0
    win_real: int = 0
    win_bonus: int = 0
    jackpot: int = 0
    jackpot_hits: int = 0
    jackpot_contribution_e4: int = 0

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


class Figures(KeyFigures, frozen=True, kw_only=True):
    """All sums over bets. Free spins have a stake and a win of their own."""

    winning_bets: int = 0
    free_spin_stake: int = 0
    free_spin_win: int = 0
    theoretical_ggr_e4: int = 0


Sums = TypeVar("Sums", bound=msgspec.Struct)


def total(rows: Iterable[msgspec.Struct], kind: type[Sums]) -> Sums:
    """The sum of rows that have at least the fields of ``kind``, all of them numbers."""
    names = kind.__struct_fields__
    columns = zip(*map(attrgetter(*names), rows), strict=True)
    return kind(**dict(zip(names, map(sum, columns), strict=False)))


class GameFigures(Figures, frozen=True, kw_only=True):
    """Figures of a game, with what the catalogue says of it."""

    game_id: int
    game_name: str
    provider: str
    category: str
    theoretical_rtp_bps: int


class Game(msgspec.Struct, frozen=True, kw_only=True):
    """A game as the catalogue has it now; ``category`` is a slug."""

    game_id: int
    game_name: str
    provider: str
    category: str
    theoretical_rtp_bps: int


class _GameRow(Figures, frozen=True, kw_only=True):
    game_id: int


class PlayerFigures(Figures, frozen=True, kw_only=True):
    """Figures of a player."""

    player_id: UUID
    username: str


class PlayerRow(Figures, frozen=True, kw_only=True):
    """Figures of a player, without the name."""

    player_id: UUID


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
    warehouse: Warehouse, operator_id: int, period: TimeRange, filters: Filters
) -> list[GameFigures]:
    """Figures by game, most wagered first; exact to the microsecond at both ends."""
    past = None if filters.player_id else warehouse.past
    parts = asyncio.gather(
        *(_games_in(warehouse, operator_id, piece, filters) for piece in pieces(period, past))
    )
    catalogue = await warehouse.read_shared("games", Game)
    rows: dict[int, list[_GameRow]] = {}
    for row in chain.from_iterable(await parts):
        rows.setdefault(row.game_id, []).append(row)
    games = {game.game_id: game for game in catalogue}
    found = [
        _game_figures(games.get(game_id) or _unknown(game_id), total(some, Figures))
        for game_id, some in rows.items()
    ]
    shown = [game for game in found if (game.bets or game.free_spins) and filters.shows(game)]
    return sorted(shown, key=lambda game: (-game.wager, game.game_id))


async def _games_in(
    warehouse: Warehouse, operator_id: int, piece: Piece, filters: Filters
) -> list[_GameRow]:
    """The figures of a piece of the period, each game's once a table that has a share in it."""

    if piece.recent and warehouse.tail is not None:
        found = warehouse.tail.by_game(piece.range, filters, Figures.__struct_fields__)
        return [_GameRow(game_id=game_id, **sums) for game_id, sums in found]

    async def ask() -> list[_GameRow]:
        shares = _game_shares(warehouse, operator_id, piece, filters)
        return list(chain.from_iterable(await asyncio.gather(*shares)))

    return await warehouse.recall(("games", piece, filters), piece.range.end, ask)


def _game_shares(
    warehouse: Warehouse, operator_id: int, piece: Piece, filters: Filters
) -> list[Awaitable[list[_GameRow]]]:
    """Each table's share of the figures by game, of those that have one."""
    period = piece.range
    limits: dict[str, Any] = filters.of_every_game() | {"game_id": filters.game_id or 0}
    if filters.player_id is not None:
        endpoints = ["games_of_player"]
        limits |= {
            "player_id": filters.player_id,
            "from_time": period.start,
            "to_time": period.end,
        }
    else:
        split = period.nested(HOUR, None if piece.recent else DAY)
        limits |= split.parameters()
        shares = {
            "games_from_days": split.has_coarse,
            "games_from_hours": split.has_fine,
            "games_from_bets": split.has_edges,
        }
        endpoints = [name for name, has in shares.items() if has]
    return [
        warehouse.read(endpoint, _GameRow, operator_id=operator_id, **limits)
        for endpoint in endpoints
    ]


def _game_figures(game: Game, figures: Figures) -> GameFigures:
    return GameFigures(**msgspec.structs.asdict(figures), **msgspec.structs.asdict(game))


def _unknown(game_id: int) -> Game:
    """A game that bets name and the catalogue does not: its event is still to come."""
    return Game(game_id=game_id, game_name="", provider="", category="", theoretical_rtp_bps=0)


async def limited_games(warehouse: Warehouse, filters: Filters) -> dict[str, Any]:
    """Query parameters that limit bets to the games that the filters show, or to none."""
    if not filters.games:
        return {"every_game": True, "game_ids": []}
    catalogue = await warehouse.read_shared("games", Game)
    return {
        "every_game": False,
        "game_ids": [game.game_id for game in catalogue if filters.shows(game)],
    }


async def player_figures(
    warehouse: Warehouse,
    operator_id: int,
    period: TimeRange,
    player_ids: Sequence[UUID],
    filters: Filters,
) -> dict[UUID, PlayerRow]:
    """Figures of those of the players who played, on every game."""
    if not player_ids:
        return {}
    parts = settled_and_recent(period, warehouse.past, QUARTER)
    found = await asyncio.gather(
        *(_figures_in(warehouse, operator_id, part, player_ids, filters) for part in parts)
    )
    rows: dict[UUID, list[PlayerRow]] = {}
    for row in chain.from_iterable(found):
        rows.setdefault(row.player_id, []).append(row)
    figures = {player_id: _of_player(player_id, some) for player_id, some in rows.items()}
    return {player_id: row for player_id, row in figures.items() if row.bets or row.free_spins}


def _of_player(player_id: UUID, rows: list[PlayerRow]) -> PlayerRow:
    if len(rows) == 1:
        return rows[0]
    return PlayerRow(player_id=player_id, **msgspec.structs.asdict(total(rows, Figures)))


async def _figures_in(
    warehouse: Warehouse,
    operator_id: int,
    piece: Piece,
    player_ids: Sequence[UUID],
    filters: Filters,
) -> list[PlayerRow]:
    if piece.recent and warehouse.tail is not None:
        names = Figures.__struct_fields__
        found = warehouse.tail.by_player(piece.range, filters, player_ids, names)
        return [PlayerRow(player_id=player_id, **sums) for player_id, sums in found]
    split = raw_split(piece.range) if piece.recent else player_split(piece.range, filters)
    limits = filters.of_every_game()
    return await warehouse.recall(
        ("players", piece, tuple(player_ids), *limits.values()),
        piece.range.end,
        lambda: warehouse.read(
            "players",
            PlayerRow,
            operator_id=operator_id,
            pieces=player_pieces("player_figures", split),
            player_ids=list(player_ids),
            **limits,
            **split.parameters(),
        ),
    )


def player_split(period: TimeRange, filters: Filters) -> NestedSplit:
    """Which part of the period players' months answer, which their days, and which bets.

    Months know no types of bets.
    """
    return period.nested(DAY, MONTH if filters.bet_type is None else None)


def raw_split(period: TimeRange) -> NestedSplit:
    """All of the period from raw rows: it is short, and may end in the middle of a day."""
    return NestedSplit(period.start, *[period.end] * 5)


def player_pieces(what: str, split: NestedSplit) -> list[str]:
    """The pieces that answer the split; an empty one where there is nothing to answer."""
    shares = {"months": split.has_coarse, "days": split.has_fine, "bets": split.has_edges}
    found = [f"{what}_from_{table}" for table, has in shares.items() if has]
    return found or [f"{what}_from_bets"]


async def affiliate_figures(
    warehouse: Warehouse, operator_id: int, period: TimeRange, *, include_bots: bool = True
) -> list[AffiliateFigures]:
    """Figures by affiliate, of those whose players did anything; an ISO week's are those of the
    affiliate's statement."""
    filters = Filters(include_bots=include_bots)
    split = player_split(period, filters)
    return await warehouse.read(
        "affiliates",
        AffiliateFigures,
        operator_id=operator_id,
        pieces=player_pieces("player_activity", split),
        **filters.of_every_game(),
        **split.parameters(),
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
    asked = sorted(player_ids)
    question = ("player_names", tuple(asked))
    rows = warehouse.recollect(question)
    if rows is None:
        rows = await warehouse.read(
            "player_names", _PlayerName, operator_id=operator_id, player_ids=asked
        )
        # Names never change, but one may still be on its way here.
        if len(rows) == len(asked):
            warehouse.keep(question, rows)
    return {row.player_id: row.username for row in rows}
