"""The overview: an operator's key figures over a period, before it, and as a series.

Definitions as in RULES §10. What bets do not know (deposits, bonuses, registrations) is None where
the filters are of bets alone.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from warehouse.buckets import Interval
from warehouse.client import Warehouse
from warehouse.filters import Filters
from warehouse.queries import Figures, player_bounds
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

    def __add__(self, other: "Money") -> "Money":
        return Money(
            **{name: getattr(self, name) + getattr(other, name) for name in Money.__struct_fields__}
        )


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about one period or point; None is what the filters leave no sense to.

    ``liability`` is what the operator owes its players at the end, in minor units.
    """

    figures: Figures = Figures()
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


class _BetRow(Figures, frozen=True, kw_only=True):
    point: int
    liability_delta: int


class _MoneyRow(Money, frozen=True, kw_only=True):
    point: int


class _Registrations(msgspec.Struct, frozen=True):
    point: int
    registrations: int


class _Liability(msgspec.Struct, frozen=True):
    liability: int


class _Active(msgspec.Struct, frozen=True):
    active: int


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
    bets, money, registrations, base, active, active_before = await asyncio.gather(
        _bets(warehouse, operator_id, timeline, filters),
        _money(warehouse, operator_id, timeline, filters),
        _registrations(warehouse, operator_id, timeline, filters),
        _liability_before(warehouse, operator_id, timeline, filters),
        _active(warehouse, operator_id, TimeRange(timeline.start, timeline.read_end), filters),
        _active(warehouse, operator_id, TimeRange(timeline.earliest, timeline.start), filters),
    )
    assembly = _Assembly(timeline, filters, bets, money, registrations, base, payouts)
    return assembly.overview(active, active_before)


class _Assembly:
    """Puts the queries' rows, each about one point, together. Points without any are zeros."""

    def __init__(
        self,
        timeline: Timeline,
        filters: Filters,
        bets: list[_BetRow],
        money: list[_MoneyRow],
        registrations: list[_Registrations],
        liability_before: int,
        payouts: Sequence[Payout],
    ) -> None:
        self.timeline = timeline
        self.filters = filters
        self.bets = {row.point: row for row in bets}
        self.money = {row.point: row for row in money}
        self.registered = {row.point: row.registrations for row in registrations}
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
            figures=self.bets.get(point, Figures()),
            money=self.money.get(point, Money()) if whole else None,
            registrations=self.registered.get(point, 0) if everybody else None,
            affiliate_payouts=sum(amount for made, amount in self.payouts if start <= made < end)
            if everybody
            else None,
            liability=self.liability if whole else None,
        )

    def _add_liability(self, start: datetime) -> None:
        for rows in (self.bets, self.money):
            row = rows.get(microseconds(start))
            self.liability += row.liability_delta if row else 0


def _sum(points: list[Totals]) -> Totals:
    first = points[0]
    return Totals(
        figures=sum((point.figures for point in points), start=Figures()),
        money=first.money and sum((point.money for point in points if point.money), start=Money()),
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
    common: dict[str, Any] = filters.parameters() | timeline.run_parameters()
    if filters.player_id is not None:
        return await warehouse.read(
            "overview_of_player",
            _BetRow,
            operator_id=operator_id,
            player_id=filters.player_id,
            from_time=timeline.quarter_before,
            to_time=timeline.read_end,
            **common,
        )
    if filters.games:
        by_rows = timeline.interval is Interval.MINUTE or timeline.cuts_hours()
        ranges = timeline.range_parameters(HOUR, raw_points=by_rows)
        return await warehouse.read(
            "overview_of_games", _BetRow, operator_id=operator_id, **common, **ranges
        )
    for name in ("game_id", "category", "provider"):
        del common[name]
    ranges = timeline.range_parameters(QUARTER, raw_points=timeline.interval is Interval.MINUTE)
    return await warehouse.read("overview", _BetRow, operator_id=operator_id, **common, **ranges)


async def _money(
    warehouse: Warehouse, operator_id: int, timeline: Timeline, filters: Filters
) -> list[_MoneyRow]:
    if filters.of_bets:
        return []
    common: dict[str, Any] = timeline.run_parameters()
    common["include_bots"] = filters.include_bots
    if filters.player_id is not None:
        return await warehouse.read(
            "overview_money_of_player",
            _MoneyRow,
            operator_id=operator_id,
            player_id=filters.player_id,
            from_time=timeline.quarter_before,
            to_time=timeline.read_end,
            **common,
        )
    ranges = timeline.range_parameters(QUARTER, raw_points=timeline.interval is Interval.MINUTE)
    return await warehouse.read(
        "overview_money", _MoneyRow, operator_id=operator_id, **common, **ranges
    )


async def _registrations(
    warehouse: Warehouse, operator_id: int, timeline: Timeline, filters: Filters
) -> list[_Registrations]:
    if filters.of_bets or filters.player_id is not None:
        return []
    return await warehouse.read(
        "registrations",
        _Registrations,
        operator_id=operator_id,
        include_bots=filters.include_bots,
        from_time=timeline.earliest,
        to_time=timeline.read_end,
        **timeline.run_parameters(),
    )


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
    rows = await warehouse.read(query, _Liability, operator_id=operator_id, **parameters)
    return rows[0].liability if rows else 0


async def _active(
    warehouse: Warehouse, operator_id: int, period: TimeRange, filters: Filters
) -> int | None:
    """None for one player, whose own figures say it."""
    if filters.player_id is not None or period.start >= period.end:
        return None
    parameters: dict[str, Any] = filters.parameters()
    if filters.games:
        query = "active_players_of_games"
        parameters |= {"from_time": period.start, "to_time": period.end}
    else:
        query = "active_players"
        for name in ("game_id", "category", "provider"):
            del parameters[name]
        parameters |= player_bounds(period)
    [row] = await warehouse.read(query, _Active, operator_id=operator_id, **parameters)
    return row.active
