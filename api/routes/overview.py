"""The operator's key figures with their change, and as a series in its time zone."""

from datetime import UTC, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import msgspec
from litestar import get
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from api.freshness import Freshness
from api.periods import From, Period, To, provide_period
from api.problems import Problem
from api.routes.operator import SQL, require_player
from api.schemas.overview import OverviewReport, kpis, series_point
from api.schemas.reports import head_fields
from api.tenancy import Pools, tenant_transaction
from ledger.database import Role
from ledger.events import timestamp
from warehouse.buckets import MAX_POINTS, Interval, TooManyPoints
from warehouse.client import Warehouse
from warehouse.filters import Filters
from warehouse.queries_overview import NGR_FORMULA, Overview, Payout, overview
from warehouse.time_ranges import EPOCH, QUARTER, TimeRange
from warehouse.timelines import Timeline, timeline

DEFAULT_LENGTH = timedelta(hours=24)

IntervalName = Annotated[
    Interval | None,
    QueryParameter(
        name="interval",
        description="Length of the series' points; by default what suits the period",
    ),
]


class OverviewAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """An overview, and what it is of."""

    period: Period
    timeline: Timeline
    currency: str
    figures: Overview


@get("/overview")
async def overview_report(
    operator_id: NamedDependency[int],
    warehouse: NamedDependency[Warehouse],
    pools: Pools,
    freshness: NamedDependency[Freshness],
    filters: NamedDependency[Filters],
    from_: From = None,
    to: To = None,
    interval: IntervalName = None,
) -> OverviewReport:
    """Key figures with their change to the equally long period just before, and their series.

    Without ``from`` the last 24 hours before ``to``, from a full quarter of an hour on.
    """
    period = overview_period(from_, to)
    answer = await answer_overview(warehouse, pools, operator_id, period, filters, interval)
    line = answer.timeline
    return OverviewReport(
        **head_fields(freshness, operator_id, answer.currency, period, filters.include_bots),
        previous_from=None if line.previous is None else timestamp(line.previous),
        time_zone=line.zone.key,
        interval=line.interval.value,
        ngr_formula=NGR_FORMULA,
        kpis=kpis(answer.figures),
        series=[series_point(point) for point in answer.figures.points],
    )


def overview_period(from_: str | None, to: str | None) -> Period:
    """As ``provide_period``, but of a bounded length. Raises ``Problem`` ``invalid_range``."""
    given = provide_period(from_, to)
    start = given.range.start
    if from_ is None:
        start = max(EPOCH, QUARTER.floor(given.shown_end - DEFAULT_LENGTH))
    if start >= given.shown_end:
        raise Problem("invalid_range", "from must be before to, and before now.")
    return Period(TimeRange(start, given.range.end), given.shown_end)


async def answer_overview(
    warehouse: Warehouse,
    pools: Pools,
    operator_id: int,
    period: Period,
    filters: Filters,
    interval: Interval | None,
) -> OverviewAnswer:
    """The overview of a period. Raises ``Problem`` ``too_many_points``, ``player_not_found``."""
    if filters.player_id is not None:
        await require_player(pools, operator_id, filters.player_id)
    start, end = period.range.start, period.shown_end
    earliest = start - min(end - start, start - EPOCH)
    async with tenant_transaction(pools[Role.APP], operator_id) as connection:
        row: Any = await connection.fetchrow(SQL["operator_head"], operator_id)
        made = await connection.fetch(SQL["affiliate_payouts"], operator_id, earliest)
    try:
        line = timeline(
            start,
            end,
            zone=ZoneInfo(row["time_zone"]),
            interval=interval,
            read_end=period.range.end,
        )
    except TooManyPoints:
        raise Problem(
            "too_many_points",
            f"A series has at most {MAX_POINTS} points: ask for a longer interval or a shorter "
            "period.",
        ) from None
    payouts: list[Payout] = [(item["created_at"].astimezone(UTC), item["amount"]) for item in made]
    figures = await overview(warehouse, operator_id, line, filters, payouts)
    return OverviewAnswer(period=period, timeline=line, currency=row["currency"], figures=figures)
