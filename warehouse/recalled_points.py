"""Rows by point, of which those about the settled past are kept.

Where a piece of the settled past begins with no point of its own, its rows are kept under the
piece's beginning. So they hold for any series whose points inside the piece are the same, also if
the period before moves on with every request, as it does under a period that ends now.
"""

from bisect import bisect_right
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from functools import cache
from itertools import chain
from typing import Any, TypeVar

import msgspec

from warehouse.client import Warehouse
from warehouse.queries import total
from warehouse.settled_past import Piece, pieces
from warehouse.time_ranges import EPOCH, QUARTER, TimeRange
from warehouse.timelines import Shares, microseconds

Row = TypeVar("Row", bound=msgspec.Struct)
SumsByPoint = Callable[[TimeRange, Sequence[int]], Iterable[tuple[int, dict[str, int]]]]
"""Sums under the newest of some points that is not after what they sum, as a row's fields."""

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
    tail: SumsByPoint | None = None
    """What answers whatever is recent instead, where the process has the tail."""

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
    warehouse: Warehouse, endpoint: str, shares: Shares, points: list[int], limits: dict[str, Any]
) -> Asked:
    """What a rollup answers: the whole grains of two periods. They end before the tail begins."""
    areas = [
        pieces(TimeRange(split.whole_start, split.whole_end), warehouse.past)
        if split.has_whole
        else []
        for split in (shares.earlier, shares.later)
    ]
    return Asked(endpoint=endpoint, areas=areas, bounds=ROLLUP_BOUNDS, points=points, limits=limits)


def of_edges(
    warehouse: Warehouse,
    endpoint: str,
    shares: Shares,
    points: list[int],
    limits: dict[str, Any],
    *,
    tail: SumsByPoint | None = None,
) -> Asked:
    """What raw rows answer: where two periods begin, meet and end.

    Under a period that ends now the one before begins later with every request. So of the quarter
    of an hour in which that is, every second is kept; they are as far apart from the beginning as
    it moves by.
    """
    edges = shares.edges
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
        tail=tail,
    )


async def recalled_points(
    warehouse: Warehouse, operator_id: int, kind: type[Row], asked: Asked
) -> dict[int, Row]:
    """The sums of an endpoint, from one query at most, by the newest point that is not after what
    they sum.

    ``kind`` has their fields but for ``point``.
    Raises :class:`warehouse.client.WarehouseUnavailable`.
    """
    found: dict[Piece, list[tuple[int, Row]]] = {}
    for piece in (piece for area in asked.areas for piece in area):
        if piece.recent and asked.tail is not None:
            sums = asked.tail(piece.range, asked.points)
            found[piece] = [(point, kind(**some)) for point, some in sums]
            continue
        kept = None if piece.recent else warehouse.recollect(asked.question(piece))
        if kept is not None:
            found[piece] = kept
    runs = [_missing(area, found) for area in asked.areas]
    if any(runs):
        for piece, rows in (await _ask(warehouse, operator_id, kind, asked, runs)).items():
            found[piece] = rows
            if not piece.recent:
                warehouse.keep(asked.question(piece), rows)
    return added_up(asked.points, chain.from_iterable(found.values()), kind)


def added_up(
    points: Sequence[int], rows: Iterable[tuple[int, Row]], kind: type[Row]
) -> dict[int, Row]:
    """The sum of the rows of each point; most have one row, which stays as it is."""
    known = set(points)
    sums: dict[int, Row] = {}
    others: dict[int, list[Row]] = {}
    for moment, row in rows:
        point = moment
        if moment not in known:
            point = points[max(bisect_right(points, moment) - 1, 0)]
        if point in sums:
            others.setdefault(point, []).append(row)
        else:
            sums[point] = row
    for point, some in others.items():
        sums[point] = total([sums[point], *some], kind)
    return sums


def _missing(area: Area, found: Mapping[Piece, Any]) -> Area:
    """From the first piece that is not known to the last one."""
    unknown = [number for number, piece in enumerate(area) if piece not in found]
    return area[unknown[0] : unknown[-1] + 1] if unknown else []


async def _ask(
    warehouse: Warehouse, operator_id: int, kind: type[Row], asked: Asked, runs: list[Area]
) -> dict[Piece, list[tuple[int, Row]]]:
    """The rows of runs of pieces, each at a point inside its piece or the piece's start."""
    missing = [piece for run in runs for piece in run]
    starts = {microseconds(piece.range.start): piece for piece in missing}
    inside = [point for piece in starts.values() for point in asked.inside(piece)]
    parameters: dict[str, Any] = {**asked.limits, "points": sorted({*starts, *inside})}
    for (start, end), run in zip(asked.bounds, runs, strict=True):
        parameters[start] = run[0].range.start if run else EPOCH
        parameters[end] = run[-1].range.end if run else EPOCH
    endpoint = asked.endpoint
    rows = await warehouse.read(endpoint, at_point(kind), operator_id=operator_id, **parameters)
    ordered = sorted(starts)
    names = kind.__struct_fields__
    found: dict[Piece, list[tuple[int, Row]]] = {piece: [] for piece in starts.values()}
    for row in rows:
        start = ordered[bisect_right(ordered, row.point) - 1]
        sums = kind(**{name: getattr(row, name) for name in names})
        found[starts[start]].append((row.point, sums))
    return found


@cache
def at_point(kind: type[msgspec.Struct]) -> Any:
    """The kind as endpoints have it, with the field ``point``."""
    name = f"{kind.__name__}AtPoint"
    return msgspec.defstruct(name, [("point", int)], bases=(kind,), frozen=True, kw_only=True)
