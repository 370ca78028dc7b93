"""An operator's part of the tail, and the sums that reports take from it."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import numpy as np
import numpy.typing as npt

from warehouse.filters import Filters
from warehouse.player_keys import player_bytes, player_of
from warehouse.tail_rows import BET_SUMS, MONEY_SUMS
from warehouse.time_ranges import TimeRange
from warehouse.timelines import microseconds

Sums = dict[str, int]
Columns = dict[str, Any]
"""Arrays of one length by name; ``sums`` has a line a row."""

Places = npt.NDArray[np.intp]


class Players(msgspec.Struct, frozen=True):
    """Players by number, and the numbers of players; both only grow."""

    keys: list[bytes]
    numbers: dict[bytes, int]

    def number(self, key: bytes) -> int:
        """The player's number, a new one if need be."""
        number = self.numbers.setdefault(key, len(self.keys))
        if number == len(self.keys):
            self.keys.append(key)
        return number


class Tail(msgspec.Struct, frozen=True):
    """All bets and steps of transactions of one operator that happened from ``since`` on, among
    others; ``since`` is a full minute and settled. Bets have the numbers of their ``players``."""

    since: datetime
    bets: Columns
    money: Columns
    players: Players

    @property
    def row_count(self) -> int:
        """How many rows there are to add up: those from before ``since`` are passed over."""
        first = microseconds(self.since)
        return sum(
            int(np.count_nonzero(rows["moment"] >= first)) for rows in (self.bets, self.money)
        )

    def by_game(
        self, period: TimeRange, filters: Filters, names: Sequence[str]
    ) -> Iterator[tuple[int, Sums]]:
        """The sums of each game's bets; of the filters on games only ``game_id`` counts."""
        limited = None if filters.game_id is None else [filters.game_id]
        shown = self._bets(period, filters, limited)
        games, sums = summed(self.bets["game_id"][shown], self.bets["sums"], shown)
        return zip(games.tolist(), _named(BET_SUMS, names, sums), strict=True)

    def by_player(
        self,
        period: TimeRange,
        filters: Filters,
        player_ids: Collection[UUID],
        names: Sequence[str],
    ) -> Iterator[tuple[UUID, Sums]]:
        """The sums of some players' bets on every game."""
        known = (player_bytes(player_id).rstrip(b"\0") for player_id in player_ids)
        wanted = [self.players.numbers[key] for key in known if key in self.players.numbers]
        shown = self._bets(period, filters)
        shown = shown[np.isin(self.bets["player"][shown], wanted)]
        numbers, sums = summed(self.bets["player"][shown], self.bets["sums"], shown)
        players = (player_of(self.players.keys[number]) for number in numbers.tolist())
        return zip(players, _named(BET_SUMS, names, sums), strict=True)

    def every_player(
        self, period: TimeRange, filters: Filters, names: Sequence[str]
    ) -> tuple[npt.NDArray[np.bytes_], npt.NDArray[np.int64]]:
        """Players, and the named sums of each one's bets on every game, a line a name."""
        shown = self._bets(period, filters)
        numbers, sums = summed(self.bets["player"][shown], self.bets["sums"], shown)
        players = np.array([self.players.keys[number] for number in numbers.tolist()], "S16")
        return players, sums[:, [BET_SUMS.index(name) for name in names]].T

    def bets_by_point(
        self,
        period: TimeRange,
        points: Sequence[int],
        filters: Filters,
        games: Collection[int] | None,
        names: Sequence[str],
    ) -> Iterator[tuple[int, Sums]]:
        """The sums of bets on some games, or on every game, under the newest of ``points`` (in
        microseconds, ascending) that is not after the bet; before all of them under the first."""
        shown = self._bets(period, filters, games)
        numbers, sums = summed(_point_numbers(self.bets, shown, points), self.bets["sums"], shown)
        return zip(
            (points[number] for number in numbers.tolist()),
            _named(BET_SUMS, names, sums),
            strict=True,
        )

    def money_by_point(
        self,
        period: TimeRange,
        points: Sequence[int],
        names: Sequence[str],
        *,
        include_bots: bool,
    ) -> Iterator[tuple[int, Sums]]:
        """The sums of transactions under points, as :meth:`bets_by_point` has them."""
        shown = np.flatnonzero(_within(self.money, period, include_bots=include_bots))
        numbers, sums = summed(_point_numbers(self.money, shown, points), self.money["sums"], shown)
        return zip(
            (points[number] for number in numbers.tolist()),
            _named(MONEY_SUMS, names, sums),
            strict=True,
        )

    def _bets(
        self, period: TimeRange, filters: Filters, games: Collection[int] | None = None
    ) -> Places:
        shown = _within(self.bets, period, include_bots=filters.include_bots)
        if filters.bet_type is not None:
            shown &= self.bets["bet_type"] == filters.bet_type.encode()
        if games is not None:
            shown &= np.isin(self.bets["game_id"], list(games))
        return np.flatnonzero(shown)


def _within(rows: Columns, period: TimeRange, *, include_bots: bool) -> npt.NDArray[np.bool_]:
    moments = rows["moment"]
    shown = (moments >= microseconds(period.start)) & (moments < microseconds(period.end))
    if not include_bots:
        shown &= rows["is_bot"] == 0
    return shown


def _point_numbers(rows: Columns, shown: Places, points: Sequence[int]) -> Places:
    starts = np.array(points, np.int64)
    return np.maximum(np.searchsorted(starts, rows["moment"][shown], side="right") - 1, 0)


def _named(
    every: Sequence[str], names: Sequence[str], sums: npt.NDArray[np.int64]
) -> Iterator[Sums]:
    columns = [every.index(name) for name in names]
    return (dict(zip(names, line, strict=True)) for line in sums[:, columns].tolist())


def summed(
    keys: npt.NDArray[Any], sums: npt.NDArray[np.int64], places: Places
) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
    """Each of the keys once, in order, and what the lines at its places come to."""
    if not len(keys):
        return keys, sums[:0]
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    first = np.flatnonzero(np.append([True], keys[1:] != keys[:-1]))
    return keys[first], np.add.reduceat(sums[places[order]], first, axis=0)
