"""The report as one HTML file: nothing is loaded from anywhere, plotly's script is inside."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from dashboards.report import FIGURE_KINDS, Report, Table
from warehouse.queries_overview import NGR_FORMULA

TEMPLATES = Path(__file__).parent / "templates"
HEADLINES = ("Wagers", "GGR", "NGR", "Hold", "Active players", "Deposits", "Withdrawals", "Bets")
BLUE, ORANGE, RED = "#3b82f6", "#f59e0b", "#ef4444"
GAMES_SHOWN = 15


def write_html(report: Report, path: Path) -> None:
    """Write the page. Raises ``OSError``."""
    path.write_text(render(report), encoding="utf-8")


def render(report: Report) -> str:
    """The page's text."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["shown"] = shown
    tables = {table.title: table for table in report.tables()}
    key, (series_title, series) = tables["Key figures"], list(tables.items())[1]
    return environment.get_template("report.html").render(
        report=report,
        span=report.span,
        formula=NGR_FORMULA,
        kinds=FIGURE_KINDS,
        headlines=[row for row in key.rows if row[0] in HEADLINES],
        key=key,
        tables=[table for title, table in tables.items() if title not in ("Key figures",
                "Hours of the day", series_title)],
        charts=[
            (f"GGR and wagers, {series_title.lower()}", _chart(_curve(series))),
            ("Bets by hour of the day", _chart(_hours(tables["Hours of the day"]))),
            ("GGR by game", _chart(_games(tables["Games"]))),
        ],
        plotly=Markup(get_plotlyjs()),  # noqa: S704 - the script of plotly's own wheel
    )  # fmt: skip


def shown(value: Any, kind: str) -> str:
    """A value for reading.

    >>> shown(Decimal("-1234.50"), "money"), shown(0.0312, "ratio"), shown(None, "count")
    ('−1,234.50', '3.12 %', '–')
    """
    if value is None:
        return "–"
    if kind == "text":
        return str(value)
    text = f"{value * 100:,.2f} %" if kind == "ratio" else f"{value:,}"
    return text.replace("-", "−")


def _curve(table: Table) -> go.Figure:
    labels = [row[0] for row in table.rows]
    ggr = [row[4] for row in table.rows]
    figure = go.Figure(
        [
            go.Bar(x=labels, y=ggr, name="GGR", marker_color=_signs(ggr)),
            go.Scatter(
                x=labels, y=[row[2] for row in table.rows], name="wagers", yaxis="y2",
                mode="lines", line={"color": ORANGE, "width": 2},
            ),
        ]
    )  # fmt: skip
    second = {"overlaying": "y", "side": "right", "showgrid": False, "rangemode": "tozero"}
    return figure.update_layout(yaxis2=second | {"tickmode": "auto"})


def _hours(table: Table) -> go.Figure:
    return go.Figure(
        go.Bar(x=[row[0] for row in table.rows], y=[row[1] for row in table.rows],
               name="bets", marker_color=BLUE)
    )  # fmt: skip


def _games(table: Table) -> go.Figure:
    rows = sorted(table.rows, key=lambda row: abs(row[6]))[-GAMES_SHOWN:]
    rows.sort(key=lambda row: row[6])
    ggr = [row[6] for row in rows]
    figure = go.Figure(
        go.Bar(y=[row[0] for row in rows], x=ggr, orientation="h", marker_color=_signs(ggr))
    )
    return figure.update_layout(height=80 + 24 * len(rows))


def _signs(values: list[Decimal]) -> list[str]:
    return [BLUE if value >= 0 else RED for value in values]


def _chart(figure: go.Figure) -> Markup:
    """The figure's markup without the script, on no background, in a colour for any."""
    grid = "rgba(128, 128, 128, .25)"
    figure.update_layout(
        paper_bgcolor="rgba(0,0,0,0)", plot_bgcolor="rgba(0,0,0,0)", font_color="#808890",
        margin={"l": 10, "r": 10, "t": 10, "b": 10}, legend={"orientation": "h"},
        bargap=0.25, separators=".,",
    )  # fmt: skip
    figure.update_xaxes(gridcolor=grid, zerolinecolor=grid, automargin=True)
    figure.update_yaxes(gridcolor=grid, zerolinecolor=grid, automargin=True)
    if figure.layout.height is None:  # pyright: ignore[reportAttributeAccessIssue]
        figure.update_layout(height=320)
    # Plotly draws decimals as texts; here, and only here, they become floats.
    for trace in figure.data:
        for axis in ("x", "y"):
            values = trace[axis]
            if values is not None:
                trace[axis] = [float(v) if isinstance(v, Decimal) else v for v in values]
    text = figure.to_html(
        full_html=False, include_plotlyjs=False,
        config={"displayModeBar": False, "responsive": True},
    )  # fmt: skip
    return Markup(text)  # noqa: S704 - plotly escapes what stands in it
