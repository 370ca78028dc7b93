"""When an operator's players registered, of which what is known is kept."""

import asyncio
from bisect import bisect_left
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from warehouse.client import Warehouse
from warehouse.settled_past import Piece, settled_and_recent
from warehouse.time_ranges import EPOCH, TimeRange
from warehouse.timelines import Timeline, microseconds

Moments = npt.NDArray[np.int64]


async def registrations(
    warehouse: Warehouse, operator_id: int, timeline: Timeline, *, include_bots: bool
) -> dict[int, int]:
    """How many players registered, by point as in :class:`warehouse.timelines.Timeline`.

    Raises :class:`warehouse.client.WarehouseUnavailable`.
    """
    period = TimeRange(timeline.earliest, timeline.read_end)
    if warehouse.past is not None:
        # From the beginning, so that it is the same question wherever the period begins.
        period = TimeRange(EPOCH, timeline.read_end)
    # The tail has no registrations, and what is recent changes only when there is a new one.
    past = warehouse.past and msgspec.structs.replace(warehouse.past, tail_from=None)
    parts = settled_and_recent(period, past)
    found = await asyncio.gather(
        *(_moments(warehouse, operator_id, part, include_bots) for part in parts)
    )
    points = timeline.points[bisect_left(timeline.points, microseconds(timeline.earliest)) :]
    bounds = [*points, microseconds(timeline.read_end)]
    before = np.sum([np.searchsorted(moments, bounds) for moments in found], axis=0)
    return dict(zip(points, np.diff(before).tolist(), strict=True))


async def _moments(
    warehouse: Warehouse, operator_id: int, piece: Piece, include_bots: bool
) -> Moments:
    """In ascending order. What is recent changes when somebody registers, and only then."""
    question: tuple[Any, ...] = ("registrations", piece, include_bots)
    if piece.recent and warehouse.past is not None:
        question = (*question, warehouse.past.registered)
    kept = warehouse.recollect(question)
    if kept is not None:
        return kept
    body = await warehouse.read_binary(
        "registration_moments",
        operator_id=operator_id,
        from_time=piece.range.start,
        to_time=piece.range.end,
        include_bots=include_bots,
    )
    moments = np.frombuffer(body, "<i8")
    warehouse.keep(question, moments)
    return moments
