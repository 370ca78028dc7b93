"""Players ranked by what they wagered, lost, won or played."""

from typing import Any, Literal
from uuid import UUID

import msgspec

from warehouse.client import Warehouse
from warehouse.filters import Filters
from warehouse.queries import Figures, PlayerFigures, player_bounds, player_names
from warehouse.time_ranges import TimeRange

Sort = Literal["handle", "ggr", "win", "rtp", "bets"]
ANYBODY = UUID(int=0)


class RankStart(msgspec.Struct, frozen=True):
    """A page starts after this key and player. Keys of a descending ranking are negated."""

    sort_key: int
    player_id: UUID


class RankedPlayer(PlayerFigures, frozen=True, kw_only=True):
    """A player's figures, and the key that a next page goes on from."""

    sort_key: int

    @property
    def rank_start(self) -> RankStart:
        """Where the page after this player starts."""
        return RankStart(self.sort_key, self.player_id)


class RankRow(Figures, frozen=True, kw_only=True):
    """A line of a ranking as the warehouse has it, without the player's name."""

    player_id: UUID
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

    With a limit on games all bets in the range are read, otherwise months, days and edges.
    """
    query, parameters = ranking_query(
        period, filters, sort=sort, descending=descending, limit=limit, after=after
    )
    rows = await warehouse.read(query, RankRow, operator_id=operator_id, **parameters)
    names = await player_names(warehouse, operator_id, {row.player_id for row in rows})
    return [
        RankedPlayer(**msgspec.structs.asdict(row), username=names.get(row.player_id, ""))
        for row in rows
    ]


def ranking_query(
    period: TimeRange,
    filters: Filters,
    *,
    sort: Sort,
    descending: bool,
    limit: int,
    after: RankStart | None = None,
) -> tuple[str, dict[str, Any]]:
    """The endpoint query of a page of a ranking, and its parameters."""
    parameters: dict[str, Any] = filters.parameters() | {
        "player_id": filters.player_id or ANYBODY,
        "sort": sort,
        "direction": -1 if descending else 1,
        "limit": limit,
        "has_cursor": after is not None,
        "cursor_key": after.sort_key if after else 0,
        "cursor_id": after.player_id if after else ANYBODY,
    }
    if filters.games:
        query = "players_ranked_on_games"
        parameters |= {"from_time": period.start, "to_time": period.end}
    else:
        query = "players_ranked"
        for name in ("game_id", "category", "provider"):
            del parameters[name]
        parameters |= player_bounds(period)
    return query, parameters
