"""Reports that may be long, as batches of rows that come while the warehouse still reads."""

from collections.abc import AsyncIterator
from uuid import UUID

from warehouse.client import Warehouse
from warehouse.filters import Filters
from warehouse.queries import player_names
from warehouse.queries_players import (
    Page,
    RankedPlayer,
    RankedRow,
    Sort,
    figures_of,
    games_parameters,
    named,
    page_parameters,
    player_ranks,
)
from warehouse.time_ranges import TimeRange
from warehouse.transaction_pages import PageStart, TransactionRow, transaction_page

EVERYBODY = 2**32 - 1
PAGE_ROWS = 2_000


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
    filters: Filters,
    *,
    type: str | None = None,
) -> AsyncIterator[tuple[list[TransactionRow], dict[UUID, str]]]:
    """Every bet and transaction of a period, newest first, with the players' names: page after
    page, so that however slowly they are taken no query waits for that.

    Raises ``WarehouseUnavailable``, possibly after some batches.
    """
    # Of its pages nobody asks for one again, and they are more than there is room for.
    warehouse = warehouse.apart()
    names = Names(warehouse, operator_id)
    after: PageStart | None = None
    while True:
        rows = await transaction_page(
            warehouse,
            operator_id,
            period,
            limit=PAGE_ROWS,
            after=after,
            type=type,
            filters=filters,
        )
        if rows:
            yield rows, await names.of({row.player_id for row in rows})
        if len(rows) < PAGE_ROWS:
            return
        after = PageStart(rows[-1].created_at, rows[-1].id, rows[-1].part)


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
    page = Page(sort=sort, direction=-1 if descending else 1, limit=EVERYBODY)
    if filters.games:
        names = Names(warehouse, operator_id)
        limits = page_parameters(filters, page)
        limits |= await games_parameters(warehouse, period, filters)
        async for rows in warehouse.stream(
            "players_ranked_on_games", RankedRow, operator_id=operator_id, **limits
        ):
            known = await names.of({row.player_id for row in rows})
            yield [named(row, known) for row in rows]
        return
    ranks = await player_ranks(warehouse, operator_id, period, filters, page)
    for start in range(0, len(ranks), PAGE_ROWS):
        some = ranks[start : start + PAGE_ROWS]
        yield await figures_of(warehouse, operator_id, period, filters, some)
