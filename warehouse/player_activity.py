"""What every player of an operator did in a period: who was active, and who ranks where.

A ranking needs everybody's sums before it knows anybody's place, so they come as arrays, of which
those about the settled past are kept: what a request reads anew is the last quarter of an hour, or
nothing with the tail at hand.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from warehouse.client import Warehouse
from warehouse.filters import Filters
from warehouse.player_keys import player_bytes
from warehouse.queries import PlayerRow, player_pieces, player_split, raw_split
from warehouse.settled_past import Piece, pieces
from warehouse.time_ranges import QUARTER, TimeRange
from warehouse.timelines import microseconds

_ROW = np.dtype([("player", "<u8", 2), ("sums", "<i8", 4)])
"""A row of ``player_activity.sql`` in the engine's RowBinary: a UUID is two numbers."""

_BET = np.dtype([("row", _ROW), ("moment", "<i8")])
"""A row of ``player_moments.sql``."""

ACTIVITY = ("bets", "free_spins", "wager", "win")

SHORT = 50_000
"""Rows of arrays that are added up within a millisecond or two."""

Result = TypeVar("Result")


class Activity:
    """Sums by player, each once. ``players`` are 16 bytes each, which sort as the engine sorts
    UUIDs: by their second half first; ``bets``, ``free_spins``, ``wager``, ``win`` belong to them.
    """

    def __init__(self, players: npt.NDArray[np.bytes_], sums: npt.NDArray[np.int64]) -> None:
        self.players = players
        self.sums = sums
        self.bets, self.free_spins, self.wager, self.win = sums
        self._active: dict[bool, int] = {}

    @classmethod
    def of_rows(cls, body: bytes) -> "Activity":
        """From the rows of ``player_activity.sql``."""
        return cls._of(np.frombuffer(body, _ROW))

    @classmethod
    def since(cls, start: datetime, bets: npt.NDArray[Any]) -> "Activity":
        """Of the rows of ``player_moments.sql``, those from ``start`` on."""
        at = np.searchsorted(bets["moment"], microseconds(start))
        return combined([cls._of(bets["row"][at:])])

    @classmethod
    def _of(cls, rows: npt.NDArray[Any]) -> "Activity":
        halves = np.ascontiguousarray(rows["player"][:, ::-1]).byteswap()
        return cls(halves.view("S16").reshape(-1), np.ascontiguousarray(rows["sums"].T))

    @classmethod
    def of_figures(cls, rows: Iterable[PlayerRow]) -> "Activity":
        """From players' figures."""
        every = list(rows)
        players = np.array([player_bytes(row.player_id) for row in every], "S16")
        sums = [[row.bets, row.free_spins, row.wager, row.win] for row in every]
        return cls(players, np.array(sums, np.int64).reshape(-1, 4).T)

    @property
    def nbytes(self) -> int:
        """The memory it takes."""
        return self.players.nbytes + self.sums.nbytes

    def __len__(self) -> int:
        return len(self.players)

    def active(self, *, by_free_spins: bool) -> int:
        """Players with at least one bet net of rollbacks, or with one bet or free spin."""
        if by_free_spins not in self._active:
            every = slice(None)
            self._active[by_free_spins] = _count(self._played(every, by_free_spins))
        return self._active[by_free_spins]

    def active_with(self, few: "Activity", *, by_free_spins: bool) -> int:
        """The same with what a ``few`` did besides; these players are in order."""
        at, known = _places(self, few)
        before = self._played(at[known], by_free_spins)
        added = few._played(slice(None), by_free_spins)
        changed = _count(before + added[known]) - _count(before) + _count(added[~known])
        return self.active(by_free_spins=by_free_spins) + changed

    def _played(self, places: Any, by_free_spins: bool) -> npt.NDArray[np.int64]:
        return self.bets[places] + self.free_spins[places] if by_free_spins else self.bets[places]


NOBODY = Activity(np.empty(0, "S16"), np.empty((4, 0), np.int64))


def combined(parts: Sequence[Activity]) -> Activity:
    """The sums of several parts of a period, players in order."""
    players = np.concatenate([part.players for part in parts])
    sums = np.concatenate([part.sums for part in parts], axis=1)
    if not len(players):
        return parts[0]
    order = np.argsort(players, kind="stable")
    players = players[order]
    first = np.flatnonzero(np.append([True], players[1:] != players[:-1]))
    return Activity(players[first], np.add.reduceat(sums[:, order], first, axis=1))


def with_few(settled: Activity, few: Activity) -> Activity:
    """The sums of both, in no order. Takes as long as copying ``settled``, whose players are in
    order, and finding the ``few`` in it."""
    at, known = _places(settled, few)
    sums = settled.sums.copy()
    sums[:, at[known]] += few.sums[:, known]
    return Activity(
        np.append(settled.players, few.players[~known]),
        np.append(sums, few.sums[:, ~known], axis=1),
    )


def _places(settled: Activity, few: Activity) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.bool_]]:
    """Where each of the few would be among the settled, and whether that is where one is."""
    at = np.searchsorted(settled.players, few.players)
    known = np.zeros(len(few), dtype=bool)
    inside = at < len(settled)
    known[inside] = settled.players[at[inside]] == few.players[inside]
    return at, known


def _count(played: npt.NDArray[np.int64]) -> int:
    return int(np.count_nonzero(played > 0))


async def player_activity(
    warehouse: Warehouse, operator_id: int, period: TimeRange, filters: Filters
) -> Activity:
    """Sums by player over a period, on every game.

    Raises :class:`warehouse.client.WarehouseUnavailable`.
    """
    settled, few = await _settled_and_few(warehouse, operator_id, period, filters)
    if settled is None or few is None:
        return settled or few or NOBODY
    return await off_loop(len(settled), with_few, settled, few)


async def active_players(
    warehouse: Warehouse,
    operator_id: int,
    period: TimeRange,
    filters: Filters,
    *,
    start_moves: bool = False,
) -> int:
    """How many played in a period, on every game; with a limit to free spins, those.

    ``start_moves``: the next request's period begins a little earlier. Then the quarter of an hour
    in which it begins is kept bet by bet, and what follows as it is.
    Raises :class:`warehouse.client.WarehouseUnavailable`.
    """
    by_free_spins = filters.bet_type == "FREE_SPIN"
    settled, few = await _settled_and_few(
        warehouse, operator_id, period, filters, start_moves=start_moves
    )
    if settled is None or few is None:
        return (settled or few or NOBODY).active(by_free_spins=by_free_spins)
    return settled.active_with(few, by_free_spins=by_free_spins)


async def off_loop(size: int, function: Callable[..., Result], *args: Any) -> Result:
    """The result of a function on arrays, from a thread if they are so long that others would wait;
    the way to a thread and back takes longer than most."""
    if size <= SHORT:
        return function(*args)
    return await asyncio.to_thread(function, *args)


async def _settled_and_few(
    warehouse: Warehouse,
    operator_id: int,
    period: TimeRange,
    filters: Filters,
    *,
    start_moves: bool = False,
) -> tuple[Activity | None, Activity | None]:
    """What is kept, and what of the period is not; None for what the period has none of."""
    few = []
    first_quarter = QUARTER.ceiling(period.start)
    past = warehouse.past
    if past and start_moves and first_quarter < min(period.end, past.settled):
        beginning = TimeRange(period.start, first_quarter)
        few.append(_beginning(warehouse, operator_id, beginning, filters))
        period = TimeRange(first_quarter, period.end)
    parts = pieces(period, past, finest=QUARTER)
    few += [_piece(warehouse, operator_id, part, filters) for part in parts if part.recent]
    parts_settled = [part for part in parts if not part.recent]
    if not parts_settled:
        return None, combined(await asyncio.gather(*few)) if few else None
    settled, *added = await asyncio.gather(
        _settled(warehouse, operator_id, parts_settled, filters), *few
    )
    return settled, combined(added) if added else None


async def _beginning(
    warehouse: Warehouse, operator_id: int, period: TimeRange, filters: Filters
) -> Activity:
    """Of a period within a quarter of an hour, all of which is kept."""
    quarter = TimeRange(QUARTER.floor(period.start), period.end)

    async def ask() -> npt.NDArray[Any]:
        body = await warehouse.read_binary(
            "player_moments",
            operator_id=operator_id,
            from_time=quarter.start,
            to_time=quarter.end,
            **filters.of_every_game(),
        )
        return np.frombuffer(body, _BET)

    bets = await warehouse.recall(("moments", quarter, *_limits(filters)), quarter.end, ask)
    return await off_loop(len(bets), Activity.since, period.start, bets)


async def _settled(
    warehouse: Warehouse, operator_id: int, parts: list[Piece], filters: Filters
) -> Activity:
    if len(parts) == 1:
        return await _piece(warehouse, operator_id, parts[0], filters)

    async def ask() -> Activity:
        found = await asyncio.gather(
            *(_piece(warehouse, operator_id, piece, filters) for piece in parts)
        )
        return await asyncio.to_thread(combined, found)

    end = parts[-1].range.end
    question = ("activity", parts[0].range.start, end, *_limits(filters))
    return await warehouse.recall(question, end, ask)


async def _piece(
    warehouse: Warehouse, operator_id: int, piece: Piece, filters: Filters
) -> Activity:
    if piece.recent and warehouse.tail is not None:
        return Activity(*warehouse.tail.every_player(piece.range, filters, ACTIVITY))
    split = raw_split(piece.range) if piece.recent else player_split(piece.range, filters)

    async def ask() -> Activity:
        body = await warehouse.read_binary(
            "player_activity",
            operator_id=operator_id,
            pieces=player_pieces("player_activity", split),
            **filters.of_every_game(),
            **split.parameters(),
        )
        return Activity.of_rows(body)

    return await warehouse.recall(("activity", piece, *_limits(filters)), piece.range.end, ask)


def _limits(filters: Filters) -> tuple[object, ...]:
    return tuple(filters.of_every_game().values())
