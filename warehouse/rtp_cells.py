"""Reads the cells that the RTP monitor judges."""

from warehouse.client import Warehouse
from warehouse.rtp_monitor import Cell, with_totals
from warehouse.time_ranges import HOUR, TimeRange


async def rtp_cells(
    warehouse: Warehouse,
    operator_id: int,
    period: TimeRange,
    *,
    include_bots: bool = True,
    game_id: int | None = None,
) -> list[Cell]:
    """An operator's games by stake band, and each game over all bands; exact at both ends.

    Free spins and bets that were rolled back count nowhere; ``largest_stake`` is a bound, above the
    largest where stakes differ. Raises ``WarehouseUnavailable``.
    """
    split = period.split(HOUR)
    cells = await warehouse.read(
        "rtp_cells",
        Cell,
        operator_id=operator_id,
        include_bots=include_bots,
        game_id=game_id or 0,
        from_time=split.start,
        whole_from=split.whole_start,
        whole_to=split.whole_end,
        to_time=split.end,
    )
    return with_totals(cells)
