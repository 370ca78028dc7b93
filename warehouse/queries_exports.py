"""Reports that may be long, as batches of rows that come while the warehouse still reads."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import msgspec

from warehouse.client import Warehouse
from warehouse.filters import Filters
from warehouse.queries import player_names
from warehouse.queries_players import RankedPlayer, RankRow, Sort, ranking_query
from warehouse.time_ranges import TimeRange
from warehouse.transaction_pages import PageStart, TransactionRow

EVERYTHING = 2**32 - 1


class Names:
    """Usernames of an operator's players, each asked for once."""

    def __init__(self, warehouse: Warehouse, operator_id: int) -> None:
        self._warehouse = warehouse
        self._operator_id = operator_id
        self._known: dict[UUID, str] = {}

    async def of(self, player_ids: set[UUID]) -> dict[UUID, str]:
        """Names by player, of these and those asked for before."""
        unknown = player_ids - self._known.keys()
        self._known |= await player_names(self._warehouse, self._operator_id, unknown)
        return self._known


async def stream_transactions(
    warehouse: Warehouse,
    operator_id: int,
    period: TimeRange,
    *,
    type: str | None = None,
    player_id: UUID | None = None,
    include_bots: bool = True,
) -> AsyncIterator[tuple[list[TransactionRow], dict[UUID, str]]]:
    """Every bet and transaction of a period, newest first, with the players' names.

    Raises ``WarehouseUnavailable``, possibly after some batches.
    """
    names = Names(warehouse, operator_id)
    start = PageStart()
    parameters: dict[str, Any] = {
        "from_time": period.start,
        "to_time": period.end,
        "cursor_time": start.created_at,
        "cursor_id": start.id,
        "cursor_part": start.part,
        "include_bots": include_bots,
        "type": type or "",
        "limit": EVERYTHING,
    }
    query = "transactions"
    if player_id is not None:
        query, parameters["player_id"] = "transactions_of_player", player_id
    async for rows in warehouse.stream(
        query, TransactionRow, operator_id=operator_id, **parameters
    ):
        yield rows, await names.of({row.player_id for row in rows})


async def stream_players(
    warehouse: Warehouse,
    operator_id: int,
    period: TimeRange,
    filters: Filters,
    *,
    sort: Sort = "handle",
    descending: bool = True,
) -> AsyncIterator[list[RankedPlayer]]:
    """Every player of a ranking, in its order. Raises as :func:`stream_transactions`."""
    names = Names(warehouse, operator_id)
    query, parameters = ranking_query(
        period, filters, sort=sort, descending=descending, limit=EVERYTHING
    )
    async for rows in warehouse.stream(query, RankRow, operator_id=operator_id, **parameters):
        known = await names.of({row.player_id for row in rows})
        yield [
            RankedPlayer(**msgspec.structs.asdict(row), username=known.get(row.player_id, ""))
            for row in rows
        ]
