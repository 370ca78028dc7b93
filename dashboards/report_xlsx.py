"""The report as a spreadsheet: a sheet a table, amounts as numbers with the currency's digits."""

from decimal import Decimal
from pathlib import Path
from typing import Any

from openpyxl import Workbook
from openpyxl.styles import Alignment, Font
from openpyxl.utils import get_column_letter

from dashboards.report import FIGURE_KINDS, Report, Table, decimal_of
from warehouse.queries_overview import NGR_FORMULA


def write_xlsx(report: Report, path: Path) -> None:
    """Write the workbook. Raises ``OSError``."""
    book = Workbook()
    book.remove(book.active)  # pyright: ignore[reportArgumentType] - a new workbook has one
    for table in report.tables():
        _sheet(book, table, report.currency)
    _about(book, report)
    book.save(path)


def _sheet(book: Workbook, table: Table, currency: str) -> None:
    sheet: Any = book.create_sheet(table.title)
    sheet.append([heading for heading, _ in table.columns])
    for row in table.rows:
        sheet.append(list(row))
    for cell in sheet[1]:
        cell.font = Font(bold=True)
    for cells in sheet.iter_rows(min_row=2):
        for cell, (heading, kind) in zip(cells, table.columns, strict=True):
            if heading in ("value", "before"):
                cell.number_format = _format(FIGURE_KINDS[cells[0].value], currency)
            else:
                cell.number_format = _format(kind, currency)
    for number, (heading, kind) in enumerate(table.columns, start=1):
        longest = max((len(str(row[number - 1])) for row in table.rows), default=0)
        sheet.column_dimensions[get_column_letter(number)].width = max(len(heading), longest) + 3
        if kind != "text":
            sheet.cell(1, number).alignment = Alignment(horizontal="right")
    sheet.freeze_panes = "B2"


def _format(kind: str, currency: str) -> str:
    digits = -Decimal(str(decimal_of(1, currency))).as_tuple().exponent  # pyright: ignore[reportOperatorIssue]
    formats = {
        "money": "#,##0" + ("." + "0" * digits if digits else ""),
        "count": "#,##0",
        "ratio": "0.00%",
    }
    return formats.get(kind, "@")


def _about(book: Workbook, report: Report) -> None:
    span = report.span
    sheet: Any = book.create_sheet("About")
    for row in (
        ("operator", report.operator),
        ("period", span.title),
        ("from", span.start.astimezone(span.zone).isoformat()),
        ("to, not included", span.end.astimezone(span.zone).isoformat()),
        ("time zone", span.zone.key),
        ("currency", report.currency),
        ("as of", report.as_of.isoformat()),
        ("complete", "yes" if report.complete else "no: the warehouse was behind"),
        ("NGR", NGR_FORMULA),
        ("GGR", "wagers - wins; free spins and jackpots stand apart"),
    ):
        sheet.append(row)
    sheet.column_dimensions["A"].width, sheet.column_dimensions["B"].width = 20, 70
