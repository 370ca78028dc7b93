"""Players ranked by what they wagered, lost, won or played."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Literal
from uuid import UUID

import msgspec
import numpy as np
import numpy.typing as npt

from warehouse.client import Warehouse
from warehouse.filters import Filters
from warehouse.player_activity import Activity, off_loop, player_activity
from warehouse.player_keys import player_bytes, player_of
from warehouse.queries import (
    PlayerFigures,
    PlayerRow,
    limited_games,
    player_figures,
    player_names,
)
from warehouse.time_ranges import TimeRange

Sort = Literal["handle", "ggr", "win", "rtp", "bets"]
ANYBODY = UUID(int=0)


class RankStart(msgspec.Struct, frozen=True):
    """A page starts after this key and player. Keys of a descending ranking are negated."""

    sort_key: int
    player_id: UUID


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """A page of a ranking; direction -1 puts the largest first."""

    sort: Sort
    direction: Literal[1, -1]
    limit: int
    after: RankStart | None = None


class RankedPlayer(PlayerFigures, frozen=True, kw_only=True):
    """A player's figures, and the key that a next page goes on from."""

    sort_key: int

    @property
    def rank_start(self) -> RankStart:
        """Where the page after this player starts."""
        return RankStart(self.sort_key, self.player_id)


class Rank(msgspec.Struct, frozen=True, kw_only=True):
    """Where a player stands in a ranking."""

    player_id: UUID
    sort_key: int


class RankedRow(PlayerRow, frozen=True, kw_only=True):
    """A player's figures and place, without the name."""

    sort_key: int


async def ranked_players(
    warehouse: Warehouse,
    operator_id: int,
    period: TimeRange,
    filters: Filters,
    *,
    sort: Sort = "handle",
    descending: bool = True,
    limit: int,
    after: RankStart | None = None,
) -> list[RankedPlayer]:
    """A page of the players who played; ranked by RTP are those who wagered.

    With a limit on games all bets in the range are read. Otherwise first what decides everybody's
    place, then all figures of those on the page.
    """
    page = Page(sort=sort, direction=-1 if descending else 1, limit=limit, after=after)
    if not filters.games:
        ranks = await player_ranks(warehouse, operator_id, period, filters, page)
        return await figures_of(warehouse, operator_id, period, filters, ranks)
    limits = await games_parameters(warehouse, period, filters)
    rows = await warehouse.read(
        "players_ranked_on_games",
        RankedRow,
        operator_id=operator_id,
        **page_parameters(filters, page),
        **limits,
    )
    names = await player_names(warehouse, operator_id, {row.player_id for row in rows})
    return [named(row, names) for row in rows]


def page_parameters(filters: Filters, page: Page) -> dict[str, Any]:
    """A page of a ranking as endpoint queries take it."""
    after = page.after
    return filters.of_every_game() | {
        "player_id": filters.player_id or ANYBODY,
        "sort": page.sort,
        "direction": page.direction,
        "limit": page.limit,
        "has_cursor": after is not None,
        "cursor_key": after.sort_key if after else 0,
        "cursor_id": after.player_id if after else ANYBODY,
    }


async def games_parameters(
    warehouse: Warehouse, period: TimeRange, filters: Filters
) -> dict[str, Any]:
    """What the ranking on some games takes besides."""
    games = await limited_games(warehouse, filters)
    return games | {"from_time": period.start, "to_time": period.end}


async def player_ranks(
    warehouse: Warehouse, operator_id: int, period: TimeRange, filters: Filters, page: Page
) -> list[Rank]:
    """The players of a page, in the ranking's order."""
    if filters.player_id is None:
        activity = await player_activity(warehouse, operator_id, period, filters)
    else:
        alone = [filters.player_id]
        rows = await player_figures(warehouse, operator_id, period, alone, filters)
        activity = Activity.of_figures(rows.values())
    return await off_loop(len(activity), ranked, activity, page)


def ranked(activity: Activity, page: Page) -> list[Rank]:
    """A page of those who played, by their key and then as the engine sorts players; ranked by RTP
    are those who wagered."""
    keys = _keys(activity, page.sort) * page.direction
    shown = (activity.bets != 0) | (activity.free_spins != 0)
    if page.sort == "rtp":
        shown &= activity.wager != 0
    if page.after is not None:
        key, player = page.after.sort_key, player_bytes(page.after.player_id)
        shown &= (keys > key) | ((keys == key) & (activity.players > player))
    found = np.flatnonzero(shown)
    if len(found) > page.limit:
        last = np.partition(keys[found], page.limit - 1)[page.limit - 1]
        found = found[keys[found] <= last]
    order = found[np.lexsort((activity.players[found], keys[found]))][: page.limit]
    return [
        Rank(player_id=player_of(player), sort_key=int(key))
        for player, key in zip(activity.players[order], keys[order], strict=True)
    ]


def _keys(activity: Activity, sort: Sort) -> npt.NDArray[Any]:
    match sort:
        case "ggr":
            return activity.wager - activity.win
        case "win":
            return activity.win
        case "bets":
            return activity.bets
        case "rtp":
            return _rtp_millionths(activity)
        case "handle":
            return activity.wager


def _rtp_millionths(activity: Activity) -> npt.NDArray[np.int64]:
    """RTP in millionths, rounded towards zero; wins of a player may be more than fits times a
    million, so the quotient comes first."""
    wager = np.maximum(activity.wager, 1)
    whole, rest = np.divmod(np.abs(activity.win), wager)
    millionths = whole * 1_000_000 + (rest.astype(object) * 1_000_000 // wager).astype(np.int64)
    return np.sign(activity.win) * millionths


async def figures_of(
    warehouse: Warehouse,
    operator_id: int,
    period: TimeRange,
    filters: Filters,
    ranks: Sequence[Rank],
) -> list[RankedPlayer]:
    """The figures of ranked players, in their order. One whose last bet was rolled back since the
    ranking is left out."""
    shown = [rank.player_id for rank in ranks]
    figures, names = await asyncio.gather(
        player_figures(warehouse, operator_id, period, shown, filters),
        player_names(warehouse, operator_id, set(shown)),
    )
    return [
        named(
            RankedRow(**msgspec.structs.asdict(figures[rank.player_id]), sort_key=rank.sort_key),
            names,
        )
        for rank in ranks
        if rank.player_id in figures
    ]


def named(row: RankedRow, names: Mapping[UUID, str]) -> RankedPlayer:
    """The row with the player's name, which is empty if it is not known yet."""
    return RankedPlayer(**msgspec.structs.asdict(row), username=names.get(row.player_id, ""))
