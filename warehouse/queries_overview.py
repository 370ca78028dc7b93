"""The overview: an operator's key figures over a period, before it, and as a series.

Definitions as in RULES §10. What bets do not know (deposits, bonuses, registrations) is None where
the filters are of bets alone.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from itertools import chain
from typing import Any, TypeVar

import msgspec

from warehouse.buckets import Interval
from warehouse.client import Warehouse
from warehouse.filters import Filters
from warehouse.player_activity import player_activity
from warehouse.queries import (
    KeyFigures,
    Sums,
    limited_games,
    total,
)
from warehouse.recalled_points import Asked, of_edges, of_rollup, recalled_points
from warehouse.registrations import registrations
from warehouse.time_ranges import HOUR, QUARTER, TimeRange
from warehouse.timelines import Timeline, microseconds

E4 = 10_000
NGR_FORMULA = "ggr - bonus_cost - jackpot_contributions - affiliate_payouts"

Payout = tuple[datetime, int]
"""When an affiliate's statement was made, and its amount in minor units."""


class Money(msgspec.Struct, frozen=True, kw_only=True):
    """Payments and bonuses, minor units. Deposits are net of those charged back."""

    deposits: int = 0
    deposit_count: int = 0
    first_deposits: int = 0
    withdrawals: int = 0
    withdrawal_count: int = 0
    bonus_cost: int = 0
    liability_delta: int = 0


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about one period or point; None is what the filters leave no sense to.

    ``liability`` is what the operator owes its players at the end, in minor units.
    """

    figures: KeyFigures = KeyFigures()
    money: Money | None = None
    registrations: int | None = None
    active_players: int | None = None
    affiliate_payouts: int | None = None
    liability: int | None = None

    @property
    def jackpot_contributions(self) -> int:
        """Fed to jackpot pools, in whole minor units, rounded down."""
        return self.figures.jackpot_contribution_e4 // E4

    @property
    def arpu(self) -> int | None:
        """GGR per active player in minor units, rounded down; None without any."""
        return self.figures.ggr // self.active_players if self.active_players else None

    @property
    def ngr(self) -> int | None:
        """GGR - bonus cost - jackpot contributions - affiliate payouts (RULES §10)."""
        if self.money is None or self.affiliate_payouts is None:
            return None
        costs = self.money.bonus_cost + self.jackpot_contributions + self.affiliate_payouts
        return self.figures.ggr - costs


class Point(msgspec.Struct, frozen=True):
    """A point of the series and what happened from its start to the next one's."""

    start: datetime
    totals: Totals


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """A period, the one before it (None if that would begin before 1970), and its points."""

    current: Totals
    previous: Totals | None
    points: list[Point]


class _Bets(KeyFigures, frozen=True, kw_only=True):
    liability_delta: int = 0


class _BetRow(_Bets, frozen=True, kw_only=True):
    point: int


class _MoneyRow(Money, frozen=True, kw_only=True):
    point: int


class _Liability(msgspec.Struct, frozen=True):
    liability: int


class _Active(msgspec.Struct, frozen=True):
    active: int


Row = TypeVar("Row", bound=msgspec.Struct)
_NO_BETS = _Bets()
_NO_MONEY = Money()


async def overview(
    warehouse: Warehouse,
    operator_id: int,
    timeline: Timeline,
    filters: Filters,
    payouts: Sequence[Payout],
) -> Overview:
    """The overview of a timeline. ``payouts`` are the affiliates' statements made since
    ``timeline.earliest``, whatever the filters; they count at the time they were made.

    Raises :class:`warehouse.client.WarehouseUnavailable`.
    """
    bets, money, registered, base, active, active_before = await asyncio.gather(
        _bets(warehouse, operator_id, timeline, filters),
        _money(warehouse, operator_id, timeline, filters),
        _registrations(warehouse, operator_id, timeline, filters),
        _liability_before(warehouse, operator_id, timeline, filters),
        _active(warehouse, operator_id, TimeRange(timeline.start, timeline.read_end), filters),
        _active_before(warehouse, operator_id, timeline, filters),
    )
    assembly = _Assembly(timeline, filters, bets, money, registered, base, payouts)
    return assembly.overview(active, active_before)


class _Assembly:
    """Puts the queries' rows, each about one point, together. Points without any are zeros."""

    def __init__(
        self,
        timeline: Timeline,
        filters: Filters,
        bets: list[_BetRow],
        money: list[_MoneyRow],
        registered: dict[int, int],
        liability_before: int,
        payouts: Sequence[Payout],
    ) -> None:
        self.timeline = timeline
        self.filters = filters
        self.bets = _by_point(bets, _Bets)
        self.money = _by_point(money, Money)
        self.registered = registered
        self.liability = liability_before
        self.payouts = payouts

    def overview(self, active: int | None, active_before: int | None) -> Overview:
        """The points in order of time, each with the liability that has come about by its end."""
        timeline = self.timeline
        if timeline.quarter_before < timeline.earliest:
            self._add_liability(timeline.quarter_before)
        previous = self._totals(timeline.previous, timeline.start) if timeline.previous else None
        ends = (*timeline.starts[1:], timeline.read_end)
        points = [
            Point(start, self._totals(start, end))
            for start, end in zip(timeline.starts, ends, strict=True)
        ]
        current = _sum([point.totals for point in points])
        return Overview(
            current=self._with_active(current, active),
            previous=previous and self._with_active(previous, active_before),
            points=points,
        )

    def _with_active(self, totals: Totals, active: int | None) -> Totals:
        """One player is active or not, as the figures say."""
        if active is None:
            active = int(_played(totals, self.filters))
        return msgspec.structs.replace(totals, active_players=active)

    def _totals(self, start: datetime, end: datetime) -> Totals:
        point = microseconds(start)
        self._add_liability(start)
        whole = not self.filters.of_bets
        everybody = whole and self.filters.player_id is None
        return Totals(
            figures=self.bets.get(point, _NO_BETS),
            money=self.money.get(point, _NO_MONEY) if whole else None,
            registrations=self.registered.get(point, 0) if everybody else None,
            affiliate_payouts=sum(amount for made, amount in self.payouts if start <= made < end)
            if everybody
            else None,
            liability=self.liability if whole else None,
        )

    def _add_liability(self, start: datetime) -> None:
        point = microseconds(start)
        self.liability += self.bets.get(point, _NO_BETS).liability_delta
        self.liability += self.money.get(point, _NO_MONEY).liability_delta


def _by_point(rows: Sequence[Any], kind: type[Sums]) -> dict[int, Sums]:
    """The sum of each point's rows: a rollup's and those of raw rows."""
    grouped: dict[int, list[Any]] = {}
    for row in rows:
        grouped.setdefault(row.point, []).append(row)
    return {point: total(some, kind) for point, some in grouped.items()}


def _sum(points: list[Totals]) -> Totals:
    first = points[0]
    return Totals(
        figures=total([point.figures for point in points], KeyFigures),
        money=first.money and total([point.money for point in points if point.money], Money),
        registrations=_sum_of(points, "registrations"),
        affiliate_payouts=_sum_of(points, "affiliate_payouts"),
        liability=points[-1].liability,
    )


def _sum_of(points: list[Totals], name: str) -> int | None:
    if getattr(points[0], name) is None:
        return None
    return sum(getattr(point, name) for point in points)


def _played(totals: Totals, filters: Filters) -> bool:
    if filters.bet_type == "FREE_SPIN":
        return totals.figures.free_spins > 0
    return totals.figures.bets > 0


async def _bets(
    warehouse: Warehouse, operator_id: int, timeline: Timeline, filters: Filters
) -> list[_BetRow]:
    limits: dict[str, Any] = filters.of_every_game()
    limits |= await limited_games(warehouse, filters)
    if filters.player_id is not None:
        return await warehouse.read(
            "overview_of_player",
            _BetRow,
            operator_id=operator_id,
            player_id=filters.player_id,
            from_time=timeline.quarter_before,
            to_time=timeline.read_end,
            points=timeline.points(),
            **limits,
        )
    by_minute = timeline.interval is Interval.MINUTE
    recent = None
    if filters.games:
        rollup = "overview_of_games_from_hours"
        shares = timeline.shares(HOUR, raw_points=by_minute or timeline.cuts_hours())
    else:
        rollup, recent = "overview_from_quarters", "overview_recent"
        shares = timeline.shares(QUARTER, raw_points=by_minute)
    points = timeline.points()
    asked = (
        of_rollup(warehouse, rollup, shares, points, limits, recent=recent),
        of_edges(warehouse, "overview_from_bets", shares, points, limits),
    )
    return await _both(warehouse, operator_id, _BetRow, asked)


async def _money(
    warehouse: Warehouse, operator_id: int, timeline: Timeline, filters: Filters
) -> list[_MoneyRow]:
    if filters.of_bets:
        return []
    limits: dict[str, Any] = {"include_bots": filters.include_bots}
    if filters.player_id is not None:
        return await warehouse.read(
            "overview_money_of_player",
            _MoneyRow,
            operator_id=operator_id,
            player_id=filters.player_id,
            from_time=timeline.quarter_before,
            to_time=timeline.read_end,
            points=timeline.points(),
            **limits,
        )
    shares = timeline.shares(QUARTER, raw_points=timeline.interval is Interval.MINUTE)
    rollup, recent = "overview_money_from_quarters", "overview_money_recent"
    points = timeline.points()
    asked = (
        of_rollup(warehouse, rollup, shares, points, limits, recent=recent),
        of_edges(warehouse, "overview_money_from_transactions", shares, points, limits),
    )
    return await _both(warehouse, operator_id, _MoneyRow, asked)


async def _both(
    warehouse: Warehouse, operator_id: int, row: type[Row], asked: Sequence[Asked]
) -> list[Row]:
    """The rows of an endpoint on a rollup and of the one on raw rows that completes it."""
    parts = await asyncio.gather(
        *(recalled_points(warehouse, operator_id, row, one) for one in asked)
    )
    return list(chain.from_iterable(parts))


async def _registrations(
    warehouse: Warehouse, operator_id: int, timeline: Timeline, filters: Filters
) -> dict[int, int]:
    if filters.of_bets or filters.player_id is not None:
        return {}
    return await registrations(warehouse, operator_id, timeline, include_bots=filters.include_bots)


async def _liability_before(
    warehouse: Warehouse, operator_id: int, timeline: Timeline, filters: Filters
) -> int:
    if filters.of_bets:
        return 0
    parameters: dict[str, Any] = {
        "include_bots": filters.include_bots,
        "before": timeline.quarter_before,
    }
    query = "liability_before"
    if filters.player_id is not None:
        query, parameters["player_id"] = "liability_of_player_before", filters.player_id
    rows = await warehouse.recall(
        (query, *parameters.values()),
        timeline.quarter_before,
        lambda: warehouse.read(query, _Liability, operator_id=operator_id, **parameters),
    )
    return rows[0].liability if rows else 0


async def _active_before(
    warehouse: Warehouse, operator_id: int, timeline: Timeline, filters: Filters
) -> int | None:
    period = TimeRange(timeline.earliest, timeline.start)
    return await _active(warehouse, operator_id, period, filters, start_moves=timeline.is_open)


async def _active(
    warehouse: Warehouse,
    operator_id: int,
    period: TimeRange,
    filters: Filters,
    *,
    start_moves: bool = False,
) -> int | None:
    """None for one player, whose own figures say it."""
    if filters.player_id is not None or period.start >= period.end:
        return None
    limits: dict[str, Any] = filters.of_every_game()
    if filters.games:
        limits |= await limited_games(warehouse, filters)
        limits |= {"from_time": period.start, "to_time": period.end}
        [row] = await warehouse.recall(
            ("active_players_of_games", *map(str, limits.values())),
            period.end,
            lambda: warehouse.read(
                "active_players_of_games", _Active, operator_id=operator_id, **limits
            ),
        )
        return row.active
    activity = await player_activity(
        warehouse, operator_id, period, filters, start_moves=start_moves
    )
    return activity.active(by_free_spins=filters.bet_type == "FREE_SPIN")
