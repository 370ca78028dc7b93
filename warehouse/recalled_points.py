"""Rows by point, of which those about the settled past are kept.

Where a piece of the settled past begins with no point of its own, its rows are kept under the
piece's beginning. So they hold for any series whose points inside the piece are the same, also if
the period before moves on with every request, as it does under a period that ends now.
"""

from bisect import bisect_right
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from warehouse.client import Warehouse
from warehouse.settled_past import Piece, pieces
from warehouse.time_ranges import EPOCH, QUARTER, TimeRange
from warehouse.timelines import Shares, microseconds

Row = TypeVar("Row", bound=msgspec.Struct)
Area = list[Piece]
"""Pieces that follow each other; a query asks for one run of them."""

ROLLUP_BOUNDS = (("earlier_whole_from", "earlier_whole_to"), ("whole_from", "whole_to"))
RAW_BOUNDS = (
    ("earlier_from", "earlier_whole_from"),
    ("earlier_whole_to", "whole_from"),
    ("whole_to", "to_time"),
)
"""The parameters that bound what a query reads of each area."""

SECOND = 1_000_000


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """An endpoint query by points: its areas and the names of their ``bounds``, the points, which
    are microseconds since 1970 in ascending order, and its other parameters."""

    endpoint: str
    areas: list[Area]
    bounds: tuple[tuple[str, str], ...]
    points: list[int]
    limits: dict[str, Any]
    finer: Mapping[Piece, list[int]] = {}
    """Points inside pieces that a rollup or a series does not need, but the next request will."""
    recent: str | None = None
    """The endpoint that answers when only what is recent is asked for, with no point inside."""

    def inside(self, piece: Piece) -> Sequence[int]:
        """The points inside a piece, without its start."""
        points = self.finer.get(piece, self.points)
        start, end = microseconds(piece.range.start), microseconds(piece.range.end)
        return points[bisect_right(points, start) : bisect_right(points, end - 1)]

    def question(self, piece: Piece) -> Hashable:
        """All that the kept rows depend on; lists as tuples."""
        values = [
            (name, tuple(value) if isinstance(value, list) else value)
            for name, value in self.limits.items()
        ]
        return (self.endpoint, piece, tuple(self.inside(piece)), tuple(values))


def of_rollup(
    warehouse: Warehouse,
    endpoint: str,
    shares: Shares,
    points: list[int],
    limits: dict[str, Any],
    *,
    recent: str | None = None,
) -> Asked:
    """What a rollup answers: the whole grains of two periods."""
    areas = [
        pieces(TimeRange(split.whole_start, split.whole_end), warehouse.past)
        if split.has_whole
        else []
        for split in (shares.earlier, shares.later)
    ]
    return Asked(endpoint=endpoint, areas=areas, bounds=ROLLUP_BOUNDS, points=points, limits=limits)


def of_edges(
    warehouse: Warehouse, endpoint: str, shares: Shares, points: list[int], limits: dict[str, Any]
) -> Asked:
    """What raw rows answer: where two periods begin, meet and end.

    Under a period that ends now the one before begins later with every request. So of the quarter
    of an hour in which that is, every second is kept; they are as far apart from the beginning as
    it moves by.
    """
    edges = [
        (shares.first, shares.earlier.whole_start),
        (shares.earlier.whole_end, shares.later.whole_start),
        (shares.later.whole_end, shares.later.end),
    ]
    areas = [
        pieces(TimeRange(start, end), warehouse.past, finest=QUARTER) if start < end else []
        for start, end in edges
    ]
    finer = {}
    if warehouse.past is not None and len(areas[0]) == 1 and not areas[0][0].recent:
        start, end = (microseconds(moment) for moment in edges[0])
        if end - start <= 900 * SECOND:
            finer[areas[0][0]] = list(
                range(start + (microseconds(shares.earlier.start) - start) % SECOND, end, SECOND)
            )
    return Asked(
        endpoint=endpoint,
        areas=areas,
        bounds=RAW_BOUNDS,
        points=points,
        limits=limits,
        finer=finer,
    )


async def recalled_points(
    warehouse: Warehouse, operator_id: int, row: type[Row], asked: Asked
) -> list[Row]:
    """The rows of an endpoint, from one query at most.

    ``row`` has a field ``point``: the newest point that is not after what the row sums; a point may
    have several rows. Raises :class:`warehouse.client.WarehouseUnavailable`.
    """
    found: dict[Piece, list[Row]] = {}
    for piece in (piece for area in asked.areas for piece in area):
        kept = None if piece.recent else warehouse.recollect(asked.question(piece))
        if kept is not None:
            found[piece] = kept
    runs = [_missing(area, found) for area in asked.areas]
    if any(runs):
        for piece, rows in (await _ask(warehouse, operator_id, row, asked, runs)).items():
            found[piece] = rows
            if not piece.recent:
                warehouse.keep(asked.question(piece), rows)
    return [_at_its_point(item, asked.points) for rows in found.values() for item in rows]


def _missing(area: Area, found: Mapping[Piece, Any]) -> Area:
    """From the first piece that is not known to the last one."""
    unknown = [number for number, piece in enumerate(area) if piece not in found]
    return area[unknown[0] : unknown[-1] + 1] if unknown else []


async def _ask(
    warehouse: Warehouse, operator_id: int, row: type[Row], asked: Asked, runs: list[Area]
) -> dict[Piece, list[Row]]:
    """The rows of runs of pieces, each under a point inside its piece or the piece's start."""
    missing = [piece for run in runs for piece in run]
    if asked.recent and len(missing) == 1 and missing[0].recent and not asked.inside(missing[0]):
        return {missing[0]: await _ask_recent(warehouse, operator_id, row, asked, missing[0])}
    starts = {microseconds(piece.range.start): piece for piece in missing}
    inside = [point for piece in starts.values() for point in asked.inside(piece)]
    parameters: dict[str, Any] = {**asked.limits, "points": sorted({*starts, *inside})}
    for (start, end), run in zip(asked.bounds, runs, strict=True):
        parameters[start] = run[0].range.start if run else EPOCH
        parameters[end] = run[-1].range.end if run else EPOCH
    rows = await warehouse.read(asked.endpoint, row, operator_id=operator_id, **parameters)
    ordered = sorted(starts)
    found: dict[Piece, list[Row]] = {piece: [] for piece in starts.values()}
    for item in rows:
        start = ordered[bisect_right(ordered, _point(item)) - 1]
        found[starts[start]].append(item)
    return found


async def _ask_recent(
    warehouse: Warehouse, operator_id: int, row: type[Row], asked: Asked, piece: Piece
) -> list[Row]:
    parameters: dict[str, Any] = {
        "point": microseconds(piece.range.start),
        "from_time": piece.range.start,
        "to_time": piece.range.end,
    }
    return await warehouse.read(
        asked.recent or asked.endpoint, row, operator_id=operator_id, **asked.limits, **parameters
    )


def _at_its_point(row: Row, points: Sequence[int]) -> Row:
    point = points[max(bisect_right(points, _point(row)) - 1, 0)]
    return row if point == _point(row) else msgspec.structs.replace(row, point=point)


def _point(row: Any) -> int:
    return row.point
