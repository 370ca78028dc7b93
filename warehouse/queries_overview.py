"""The overview: an operator's key figures over a period, before it, and as a series.

Definitions as in RULES §10. What bets do not know (deposits, bonuses, registrations) is None where
the filters are of bets alone.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from warehouse.client import Warehouse
from warehouse.filters import Filters
from warehouse.overview_sums import BetSums, Money, bets_by_point, money_by_point
from warehouse.player_activity import active_players
from warehouse.queries import KeyFigures, limited_games, total
from warehouse.registrations import registrations
from warehouse.time_ranges import TimeRange
from warehouse.timelines import Timeline, microseconds

E4 = 10_000
NGR_FORMULA = "ggr - bonus_cost - jackpot_contributions - affiliate_payouts"

Payout = tuple[datetime, int]
"""When an affiliate's statement was made, and its amount in minor units."""


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


class _Liability(msgspec.Struct, frozen=True):
    liability: int


class _Active(msgspec.Struct, frozen=True):
    active: int


_NO_BETS = BetSums()
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
    head = _settled_head(warehouse, timeline, filters)
    rest = timeline.after(head) if head else timeline
    known, assembly, active, active_before = await asyncio.gather(
        _known_points(warehouse, operator_id, head, filters, payouts),
        _assembly(warehouse, operator_id, rest, filters, payouts),
        _active(warehouse, operator_id, TimeRange(timeline.start, timeline.read_end), filters),
        _active_before(warehouse, operator_id, timeline, filters),
    )
    return assembly.overview(known, active, active_before)


def _settled_head(warehouse: Warehouse, timeline: Timeline, filters: Filters) -> Timeline | None:
    if warehouse.past is None or warehouse.past.tail_from is None or filters.player_id is not None:
        return None
    return timeline.head(warehouse.past.tail_from)


async def _known_points(
    warehouse: Warehouse,
    operator_id: int,
    head: Timeline | None,
    filters: Filters,
    payouts: Sequence[Payout],
) -> list[Point]:
    """The points of a settled head of a timeline, which are kept as they are shown."""
    if head is None:
        return []
    made = tuple(payout for payout in payouts if head.start <= payout[0] < head.end)

    async def ask() -> list[Point]:
        assembly = await _assembly(warehouse, operator_id, head, filters, made)
        return assembly.points()

    question = ("points", head.start, head.end, head.interval, head.zone.key, filters, made)
    return await warehouse.recall(question, head.end, ask)


async def _assembly(
    warehouse: Warehouse,
    operator_id: int,
    timeline: Timeline,
    filters: Filters,
    payouts: Sequence[Payout],
) -> "_Assembly":
    bets, money, registered, base = await asyncio.gather(
        bets_by_point(warehouse, operator_id, timeline, filters),
        money_by_point(warehouse, operator_id, timeline, filters),
        _registrations(warehouse, operator_id, timeline, filters),
        _liability_before(warehouse, operator_id, timeline, filters),
    )
    return _Assembly(timeline, filters, bets, money, registered, base, payouts)


class _Assembly:
    """Puts the sums by point together. Points without any are zeros."""

    def __init__(
        self,
        timeline: Timeline,
        filters: Filters,
        bets: dict[int, BetSums],
        money: dict[int, Money],
        registered: dict[int, int],
        liability_before: int,
        payouts: Sequence[Payout],
    ) -> None:
        self.timeline = timeline
        self.filters = filters
        self.bets = bets
        self.money = money
        self.registered = registered
        self.liability = liability_before
        self.payouts = payouts

    def overview(
        self, known: list[Point], active: int | None, active_before: int | None
    ) -> Overview:
        """The points in order of time, the ``known`` first, each with the liability that has come
        about by its end."""
        previous = self._before()
        if known:
            self.liability = known[-1].totals.liability or 0
        points = known + self._points(1 if known else 0)
        current = _sum([point.totals for point in points])
        return Overview(
            current=self._with_active(current, active),
            previous=previous and self._with_active(previous, active_before),
            points=points,
        )

    def points(self) -> list[Point]:
        """The points alone."""
        self._before()
        return self._points(0)

    def _before(self) -> Totals | None:
        """The earlier period, if there is one; by its end the liability is the period's."""
        timeline = self.timeline
        if timeline.quarter_before < timeline.earliest:
            self._add_liability(microseconds(timeline.quarter_before))
        if timeline.previous is None:
            return None
        return self._totals(microseconds(timeline.previous), timeline.previous, timeline.start)

    def _points(self, first: int) -> list[Point]:
        timeline = self.timeline
        ends = (*timeline.starts[1:], timeline.read_end)
        moments = timeline.points[-len(timeline.starts) :]
        return [
            Point(start, self._totals(point, start, end))
            for point, start, end in zip(
                moments[first:], timeline.starts[first:], ends[first:], strict=True
            )
        ]

    def _with_active(self, totals: Totals, active: int | None) -> Totals:
        """One player is active or not, as the figures say."""
        if active is None:
            active = int(_played(totals, self.filters))
        return msgspec.structs.replace(totals, active_players=active)

    def _totals(self, point: int, start: datetime, end: datetime) -> Totals:
        self._add_liability(point)
        whole = not self.filters.of_bets
        everybody = whole and self.filters.player_id is None
        return Totals(
            figures=self.bets.get(point, _NO_BETS),
            money=self.money.get(point, _NO_MONEY) if whole else None,
            registrations=self.registered.get(point, 0) if everybody else None,
            affiliate_payouts=self._payouts(start, end) if everybody else None,
            liability=self.liability if whole else None,
        )

    def _payouts(self, start: datetime, end: datetime) -> int:
        if not self.payouts:
            return 0
        return sum(amount for made, amount in self.payouts if start <= made < end)

    def _add_liability(self, point: int) -> None:
        self.liability += self.bets.get(point, _NO_BETS).liability_delta
        self.liability += self.money.get(point, _NO_MONEY).liability_delta


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
    return await active_players(warehouse, operator_id, period, filters, start_moves=start_moves)
