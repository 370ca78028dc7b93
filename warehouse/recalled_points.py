"""Rows by point from a rollup, of which those about the settled past are kept.

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
from warehouse.time_ranges import Split, TimeRange
from warehouse.timelines import Shares, microseconds

Row = TypeVar("Row", bound=msgspec.Struct)


async def recalled_points(
    warehouse: Warehouse,
    endpoint: str,
    row: type[Row],
    operator_id: int,
    shares: Shares,
    points: Sequence[int],
    limits: Mapping[str, Any],
) -> list[Row]:
    """The rows of an endpoint about the whole grains of two periods, from one query at most.

    ``row`` has a field ``point``: of ``points``, microseconds since 1970 in ascending order, the
    newest that is not after what the row sums; a point may have several rows.
    Raises :class:`warehouse.client.WarehouseUnavailable`.
    """
    both = [
        pieces(TimeRange(split.whole_start, split.whole_end), warehouse.past)
        if split.has_whole
        else []
        for split in (shares.earlier, shares.later)
    ]
    questions = {
        piece: _question(endpoint, piece, points, limits) for period in both for piece in period
    }
    found: dict[Piece, list[Row]] = {}
    for piece, question in questions.items():
        kept = None if piece.recent else warehouse.recollect(question)
        if kept is not None:
            found[piece] = kept
    runs = [_missing(period, found) for period in both]
    if any(runs):
        asked = await _ask(warehouse, endpoint, row, operator_id, shares, points, limits, runs)
        for piece, rows in asked.items():
            found[piece] = rows
            if not piece.recent:
                warehouse.keep(questions[piece], rows)
    return [_at_its_point(item, points) for rows in found.values() for item in rows]


def _question(
    endpoint: str, piece: Piece, points: Sequence[int], limits: Mapping[str, Any]
) -> Hashable:
    """All that the kept rows depend on; lists as tuples."""
    values = [
        (name, tuple(value) if isinstance(value, list) else value) for name, value in limits.items()
    ]
    return (endpoint, piece, tuple(_inside(piece, points)), tuple(sorted(values)))


def _inside(piece: Piece, points: Sequence[int]) -> Sequence[int]:
    start, end = microseconds(piece.range.start), microseconds(piece.range.end)
    return points[bisect_right(points, start) : bisect_right(points, end - 1)]


def _missing(period: list[Piece], found: Mapping[Piece, Any]) -> list[Piece]:
    """From the first piece that is not known to the last one."""
    unknown = [number for number, piece in enumerate(period) if piece not in found]
    return period[unknown[0] : unknown[-1] + 1] if unknown else []


async def _ask(
    warehouse: Warehouse,
    endpoint: str,
    row: type[Row],
    operator_id: int,
    shares: Shares,
    points: Sequence[int],
    limits: Mapping[str, Any],
    runs: list[list[Piece]],
) -> dict[Piece, list[Row]]:
    """The rows of runs of pieces, one in either period, each under a point inside its piece or
    under the piece's start."""
    every = [piece for run in runs for piece in run]
    starts = {microseconds(piece.range.start): piece for piece in every}
    inside = [point for piece in every for point in _inside(piece, points)]
    narrowed = Shares(
        shares.first, _narrowed(shares.earlier, runs[0]), _narrowed(shares.later, runs[1])
    )
    parameters: dict[str, Any] = {**limits, **narrowed.parameters()}
    parameters["points"] = sorted({*starts, *inside})
    rows = await warehouse.read(endpoint, row, operator_id=operator_id, **parameters)
    ordered = sorted(starts)
    found: dict[Piece, list[Row]] = {piece: [] for piece in every}
    for item in rows:
        start = ordered[bisect_right(ordered, _point(item)) - 1]
        found[starts[start]].append(item)
    return found


def _narrowed(split: Split, run: list[Piece]) -> Split:
    """The split with the run as its whole grains."""
    if not run:
        return Split(split.start, split.end, split.end, split.end)
    return Split(split.start, run[0].range.start, run[-1].range.end, split.end)


def _at_its_point(row: Row, points: Sequence[int]) -> Row:
    point = points[max(bisect_right(points, _point(row)) - 1, 0)]
    return row if point == _point(row) else msgspec.structs.replace(row, point=point)


def _point(row: Any) -> int:
    return row.point
