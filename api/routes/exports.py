"""Reports as CSV files, streamed: however long one is, only some rows are held at a time."""

from collections.abc import AsyncIterator
from typing import Any, Literal

from litestar import Request, Router, get
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath, FromQuery
from litestar.response import Stream

from api.audit import audit_request
from api.csv_stream import csv_parts
from api.exports import EXPORTS, Question
from api.periods import From, Period, To, provide_period
from api.problems import Problem
from api.report_filters import check_type, provide_filters, refuse_filters
from api.routes.operator import SQL, TypeFilter, require_player
from api.routes.overview import IntervalName, overview_period
from api.tenancy import Pools, requires_operator, tenant_transaction
from ledger.database import Role
from warehouse.client import Warehouse
from warehouse.filters import Filters
from warehouse.queries_players import Sort

OPTIONS = {"type": "transactions", "sort": "players", "order": "players", "interval": "overview"}
"""Parameters that only one report knows."""


@get("/{file_name:str}", media_type="text/csv")
async def export_report(
    file_name: FromPath[str],
    request: Request,
    operator_id: NamedDependency[int],
    warehouse: NamedDependency[Warehouse],
    pools: Pools,
    filters: NamedDependency[Filters],
    from_: From = None,
    to: To = None,
    type_: TypeFilter = None,
    sort: FromQuery[Sort] = "handle",
    order: FromQuery[Literal["asc", "desc"]] = "desc",
    interval: IntervalName = None,
) -> Stream:
    """A report by name, ``.csv``: overview (its series), games, players, rtp-summary,
    transactions, bonuses, jackpots or affiliates, with the report's own filters.

    Amounts are integer minor units of the last column's currency, times UTC. A file that ends
    without its last chunk is not complete.
    """
    report = file_name.removesuffix(".csv")
    export = EXPORTS.get(report)
    if export is None or report == file_name:
        raise Problem("not_found", "There is no such export.")
    refuse_filters(request, *export.filters)
    foreign = tuple(name for name, owner in OPTIONS.items() if owner != report)
    refuse_filters(request, known=foreign)
    check_type(type_, filters)
    if filters.player_id is not None:
        await require_player(pools, operator_id, filters.player_id)
    period = overview_period(from_, to) if report == "overview" else provide_period(from_, to)
    head = await _audited_head(request, pools, operator_id, report)
    batches = export.batches(
        Question(
            warehouse=warehouse,
            pools=pools,
            operator_id=operator_id,
            currency=head["currency"],
            period=period,
            filters=filters,
            type=type_,
            sort=sort,
            descending=order == "desc",
            interval=interval,
        )
    )
    started = await _started(batches)
    return Stream(
        csv_parts(export.row.__struct_fields__, started, head["currency"]),
        media_type="text/csv",
        headers={
            "Content-Disposition": "attachment; filename="
            f'"{head["slug"]}-{report}-{_days(period)}.csv"'
        },
    )


async def _audited_head(
    request: Request, pools: Pools, operator_id: int, report: str
) -> dict[str, Any]:
    """The operator's slug and currency; that its data leave is recorded before they do."""
    async with tenant_transaction(pools[Role.APP], operator_id) as connection:
        row: Any = await connection.fetchrow(SQL["operator_head"], operator_id)
        await audit_request(
            connection,
            request,
            "report.exported",
            operator_id=operator_id,
            target=report,
            detail=dict(request.query_params),
        )
    return dict(row)


async def _started(batches: AsyncIterator[Any]) -> AsyncIterator[Any]:
    """The same batches, of which the first is there: what fails at once is a problem document."""
    first = await anext(batches, None)

    async def all_of_them() -> AsyncIterator[Any]:
        if first is not None:
            yield first
        async for batch in batches:
            yield batch

    return all_of_them()


def _days(period: Period) -> str:
    return f"{period.range.start:%Y%m%d}-{period.shown_end:%Y%m%d}"


router = Router(
    "/operator/export",
    route_handlers=[export_report],
    guards=[requires_operator],
    dependencies={"filters": Provide(provide_filters, sync_to_thread=False)},
    tags=["analytics"],
)
