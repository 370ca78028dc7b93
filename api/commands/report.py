"""`pitboss report daily` and `pitboss report weekly`."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg
import msgspec
import redis.asyncio
import redis.exceptions
import rich_click as click

from api.commands.options import Target, data_dir_option, running_stack
from api.settings import Settings
from api.stack.errors import StackError
from api.stack.parts import settings_of
from dashboards.analyst_library import library_query
from dashboards.report import Kind, Report, ReportRefused, Span, span_of
from dashboards.report_html import write_html
from dashboards.report_xlsx import write_xlsx
from ledger.named_sql import named_queries
from warehouse import watermark
from warehouse.analyst import Analyst, QueryFailed
from warehouse.buckets import Interval
from warehouse.client import Warehouse, WarehouseUnavailable
from warehouse.filters import Filters
from warehouse.queries import game_figures
from warehouse.queries_overview import overview
from warehouse.queries_players import ranked_players
from warehouse.time_ranges import TimeRange
from warehouse.timelines import timeline

SQL = named_queries("operator.sql", Path(__file__).parents[1] / "sql")
WRITERS = {".html": write_html, ".xlsx": write_xlsx}
TOP_PLAYERS = 20


@click.command()
@data_dir_option
@click.argument("kind", type=click.Choice(["daily", "weekly"]))
@click.option("--operator", required=True, metavar="SLUG", help="Whose report.")
@click.option(
    "--date", "day", type=click.DateTime(["%Y-%m-%d"]),
    help="The day, or a day of the week; by default the last one that is over.",
)  # fmt: skip
@click.option("--no-bots", is_flag=True, help="Leave demo traffic out.")
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="A .html or .xlsx file."
)
def command(
    data_dir: str, kind: Kind, operator: str, day: datetime | None, no_bots: bool, out: Path
) -> None:
    """An operator's report of a day or an ISO week, by the operator's own clock.

    As a page with charts that needs nothing else, or as a spreadsheet with the same tables.
    """
    if out.suffix not in WRITERS:
        raise StackError(f"cannot tell the form of {out}: name it .html or .xlsx")
    target = running_stack(data_dir)
    try:
        report = asyncio.run(_report(target, operator, kind, day and day.date(), not no_bots))
        WRITERS[out.suffix](report, out)
    except (ReportRefused, QueryFailed) as error:
        raise StackError(str(error)) from None
    except (asyncpg.PostgresError, redis.exceptions.RedisError, WarehouseUnavailable) as error:
        raise StackError(f"the stores do not answer: {error}") from None
    except OSError as error:
        raise StackError(f"cannot write {out}: {error}") from None
    click.echo(
        f"{report.operator}, {report.span.title}, as of {report.as_of:%Y-%m-%d %H:%M:%S} UTC"
    )
    click.echo(f"written to {out}")


async def _report(
    target: Target, slug: str, kind: Kind, day: date | None, include_bots: bool
) -> Report:
    entry = next((item for item in target.credentials.operators if item.slug == slug), None)
    if entry is None:
        known = ", ".join(item.slug for item in target.credentials.operators) or "none yet"
        raise ReportRefused(f"there is no operator {slug}; there are: {known}")
    login = target.credentials.clickhouse
    with Analyst(login.url, login.analyst_user, login.analyst_password, login.database) as analyst:
        return await make_report(
            settings_of(target.credentials, target.ports),
            analyst,
            entry.operator_id,
            kind,
            day,
            include_bots=include_bots,
        )


async def make_report(
    settings: Settings,
    analyst: Analyst,
    operator_id: int,
    kind: Kind,
    day: date | None,
    *,
    include_bots: bool = True,
) -> Report:
    """Ask for everything that the report shows; the watermark first, so that it promises no more
    than the figures hold. Raises :class:`ReportRefused` and the stores' errors."""
    as_of = await _as_of(settings)
    connection = await asyncpg.connect(settings.postgres_url)
    try:
        head = await connection.fetchrow(
            "SELECT name, currency, time_zone FROM operator WHERE operator_id = $1", operator_id
        )
        if head is None:
            raise ReportRefused("there is no such operator")
        span = span_of(kind, day, ZoneInfo(head["time_zone"]), datetime.now(UTC))
        line = timeline(span.start, span.end, zone=span.zone, interval=Interval.HOUR)
        payouts = [
            (row["created_at"], row["amount"])
            for row in await connection.fetch(SQL["affiliate_payouts"], operator_id, line.earliest)
        ]
    finally:
        await connection.close()
    filters = Filters(include_bots=include_bots)
    warehouse, period = Warehouse(settings.clickhouse_url), TimeRange(span.start, span.end)
    try:
        return Report(
            operator=head["name"],
            currency=head["currency"],
            span=span,
            as_of=as_of,
            overview=await overview(warehouse, operator_id, line, filters, payouts),
            games=await game_figures(warehouse, operator_id, period, filters),
            players=await ranked_players(
                warehouse, operator_id, period, filters, limit=TOP_PLAYERS
            ),
            payments=_ask(analyst, "payment-methods", operator_id, span, include_bots),
            bonuses=_ask(analyst, "bonus-cost", operator_id, span, include_bots),
        )
    finally:
        await warehouse.close()


async def _as_of(settings: Settings) -> datetime:
    async with redis.asyncio.Redis.from_url(settings.redis_url) as client:
        mark = await watermark.read(client)
    if mark is None:
        raise ReportRefused("the relay has not begun to stream yet; ask again in a moment")
    return mark.as_of


def _ask(
    analyst: Analyst, name: str, operator_id: int, span: Span, include_bots: bool
) -> list[dict[str, Any]]:
    given = {
        "operator_id": str(operator_id),
        "from_time": f"{span.start:%Y-%m-%d %H:%M:%S}",
        "to_time": f"{span.end:%Y-%m-%d %H:%M:%S}",
        "include_bots": str(int(include_bots)),
    }
    query = library_query(name)
    answer = analyst.read(query.text, "JSONEachRow", query.values(given, span.end))
    return [msgspec.json.decode(line) for line in answer.splitlines()]
