"""A report's numbers are the ledger's, and the page and the spreadsheet show the same ones."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import openpyxl
import pandas as pd
import pytest

from api.commands.report import make_report
from dashboards.report import Report, ReportRefused
from dashboards.report_html import render, shown
from dashboards.report_xlsx import write_xlsx
from tests.integration.warehouse.conftest import Stream
from tests.support.api import settings_for
from tests.support.gateway import GatewayProcess
from tests.support.past import furnish, seed_past
from tests.support.world import World
from warehouse.analyst import Analyst

ZONE = ZoneInfo("Asia/Kolkata")
TOTALS = """
SELECT
    sum(b.wager) AS wager, sum(b.win) AS win, sum(b.ggr) AS ggr,
    count(*) FILTER (WHERE bet_type <> 'FREE_SPIN') AS bets,
    count(DISTINCT user_id) FILTER (WHERE bet_type <> 'FREE_SPIN') AS active,
    sum(b.jackpot) AS jackpot, sum(jackpot_contribution_e4) AS fed_e4
FROM bet_log AS b
WHERE operator_id = $1 AND created_at >= $2 AND created_at < $3
AND NOT EXISTS (SELECT FROM bet_rollback AS r WHERE r.bet_id = b.bet_id)
"""
BONUS_COST = """
SELECT coalesce(-sum(p.amount), 0) FROM posting AS p
LEFT JOIN bet_log AS b ON p.reference_kind = 'rollback' AND b.bet_id = p.reference_id
WHERE p.operator_id = $1 AND p.account = 'operator_bonus'
AND coalesce(b.created_at, p.created_at) >= $2 AND coalesce(b.created_at, p.created_at) < $3
"""
DEPOSITS = """
SELECT coalesce(sum(CASE e.to_status WHEN 'COMPLETED' THEN t.amount ELSE -t.amount END), 0)
FROM transaction_event AS e JOIN transaction AS t USING (operator_id, transaction_id)
WHERE operator_id = $1 AND t.kind = 'DEPOSIT' AND e.to_status IN ('COMPLETED', 'REVERSED')
AND e.occurred_at >= $2 AND e.occurred_at < $3
"""
PAYOUTS = """
SELECT coalesce(sum(amount), 0) FROM affiliate_statement
WHERE operator_id = $1 AND created_at >= $2 AND created_at < $3
"""


@pytest.fixture(scope="module")
async def reports(
    world: World,
    stream: Stream,
    clickhouse: GatewayProcess,
    clickhouse_url: str,
    redis_url: str,
) -> dict[str, Report]:
    """A day's and a week's report on a made-up past, of an operator in a half-hour time zone."""
    await world.owner.execute("UPDATE operator SET time_zone = $1", ZONE.key)
    await furnish(world)
    await seed_past(world)
    await stream.drain()
    settings = settings_for(world, redis_url, clickhouse_url=clickhouse_url)
    user, database = clickhouse.writer, clickhouse_url.rpartition("/")[2]
    with Analyst(clickhouse.url, user.user, user.password, database) as analyst:
        made = {
            kind: await make_report(settings, analyst, world.operators[0], kind, None)
            for kind in ("daily", "weekly")
        }
        tomorrow = (datetime.now(UTC) + timedelta(days=2)).date()
        with pytest.raises(ReportRefused, match="is not over"):
            await make_report(settings, analyst, world.operators[0], "daily", tomorrow)
    return made


def rows(report: Report, title: str) -> list[Any]:
    return next(list(table.rows) for table in report.tables() if table.title == title)


async def expected(world: World, start: datetime, end: datetime) -> dict[str, Any]:
    """The key figures as the ledger has them, in minor units."""
    span = (world.operators[0], start, end)
    row = await world.owner.fetchrow(TOTALS, *span)
    assert row is not None
    cost = int(await world.owner.fetchval(BONUS_COST, *span) or 0)
    payouts = int(await world.owner.fetchval(PAYOUTS, *span) or 0)
    fed, ggr = int(row["fed_e4"] or 0) // 10_000, int(row["ggr"] or 0)
    return {
        "Wagers": int(row["wager"] or 0),
        "Wins": int(row["win"] or 0),
        "GGR": ggr,
        "Bonus cost": cost,
        "Deposits": int(await world.owner.fetchval(DEPOSITS, *span) or 0),
        "Jackpots paid": int(row["jackpot"] or 0),
        "Jackpot contributions": fed,
        "Affiliates' shares": payouts,
        "NGR": ggr - cost - fed - payouts,
        "Bets": row["bets"],
        "Active players": row["active"],
    }


@pytest.mark.parametrize("kind", ["daily", "weekly"])
async def test_key_figures_are_the_ledgers(
    world: World, reports: dict[str, Report], kind: str
) -> None:
    report = reports[kind]
    span = report.span
    now = await expected(world, span.start, span.end)
    before = await expected(world, span.start - (span.end - span.start), span.start)
    assert now["Bets"] > 0
    shown_rows = {row[0]: row for row in rows(report, "Key figures")}
    for label, value in now.items():
        counted = label in ("Bets", "Active players")
        wanted = [value, before[label]]
        if not counted:
            wanted = [Decimal(amount) / 100 for amount in wanted]
        assert list(shown_rows[label][1:3]) == wanted, label
        if before[label]:
            change = (value - before[label]) / abs(before[label])
            assert shown_rows[label][3] == pytest.approx(change, abs=1e-6)


@pytest.mark.parametrize("kind", ["daily", "weekly"])
async def test_every_table_adds_up_to_the_key_figures(
    reports: dict[str, Report], kind: str
) -> None:
    report = reports[kind]
    whole = {row[0]: row[1] for row in rows(report, "Key figures")}
    sums = (whole["Bets"], whole["Wagers"], whole["Wins"], whole["GGR"])
    series = "By hour" if kind == "daily" else "By day"
    for title, first in ((series, 1), ("Hours of the day", 1), ("Games", 3)):
        columns = list(zip(*rows(report, title), strict=True))[first : first + 4]
        assert tuple(sum(column) for column in columns) == sums, title
    assert len(rows(report, series)) == (24 if kind == "daily" else 7)
    assert sum(row[-1] for row in rows(report, "Bonuses")) == whole["Bonus cost"]
    if len(report.players) < 20:
        assert sum(row[2] for row in rows(report, "Top players")) == whole["Wagers"]


@pytest.mark.parametrize("kind", ["daily", "weekly"])
async def test_the_spreadsheet_holds_the_tables_to_the_cent(
    reports: dict[str, Report], kind: str, tmp_path: Path
) -> None:
    report, path = reports[kind], tmp_path / "report.xlsx"
    write_xlsx(report, path)
    book = openpyxl.load_workbook(path)
    for table in report.tables():
        sheet: Any = book[table.title]
        read = pd.read_excel(path, sheet_name=table.title, dtype=object)
        assert list(read.columns) == list(table.frame().columns)
        assert len(read) == len(table.rows)
        for number, row in enumerate(table.rows, start=2):
            for place, value in enumerate(row, start=1):
                cell = sheet.cell(number, place).value
                if isinstance(value, Decimal):
                    assert Decimal(str(cell)) == value
                else:
                    assert cell == (pytest.approx(value) if isinstance(value, float) else value)
    key: Any = book["Key figures"]
    formats = {key.cell(n, 1).value: key.cell(n, 2).number_format for n in range(2, key.max_row)}
    assert (formats["GGR"], formats["Hold"]) == ("#,##0.00", "0.00%")
    assert formats["Bets"] == "#,##0"
    about = {row[0].value: row[1].value for row in book["About"].iter_rows()}
    assert about["as of"] == report.as_of.isoformat()
    assert "bonus_cost" in str(about["NGR"])


@pytest.mark.parametrize("kind", ["daily", "weekly"])
async def test_the_page_shows_them_and_loads_nothing(reports: dict[str, Report], kind: str) -> None:
    report = reports[kind]
    page = render(report)
    for row in rows(report, "Key figures"):
        if isinstance(row[1], Decimal):
            assert shown(row[1], "money") in page, row[0]
    for game in report.games:
        assert game.game_name in page
    assert "NGR = ggr - bonus_cost" in page
    assert f"{report.as_of.astimezone(ZONE):%Y-%m-%d %H:%M:%S}" in page
    assert page.count('class="plotly-graph-div"') == 3
    assert "default-src 'none'" in page
    for loads in ("<script src", "<link", "<img", "@import", "url("):
        assert loads not in page.replace(page[page.index("<script>") : page.index("</script>")], "")


def test_the_report_is_of_what_was_asked(reports: dict[str, Report]) -> None:
    day: date = reports["daily"].span.start.astimezone(ZONE).date()
    assert day == datetime.now(ZONE).date() - timedelta(days=1)
    assert reports["weekly"].span.start.astimezone(ZONE).weekday() == 0
    assert reports["weekly"].complete
