"""An operator's report of a day or an ISO week: its period, its figures, its tables.

Amounts come as integer minor units and become decimals for display only, by shifting the point.
Definitions as in RULES §10. What is shown and what is in the spreadsheet are the same tables.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Literal
from zoneinfo import ZoneInfo

import pandas as pd

from warehouse.queries import GameFigures, KeyFigures, PlayerFigures, total
from warehouse.queries_overview import Overview, Totals

Kind = Literal["daily", "weekly"]
Column = Literal["text", "money", "count", "ratio"]

# ISO 4217: currencies whose minor unit is not a hundredth.
MINOR_DIGITS = {"JPY": 0, "KRW": 0, "CLP": 0, "ISK": 0, "KWD": 3, "BHD": 3, "TND": 3}


class ReportRefused(Exception):
    """This report cannot be made; says why."""


@dataclass(frozen=True, kw_only=True)
class Span:
    """The reported period ``[start, end)``: a day or an ISO week by the operator's clock."""

    kind: Kind
    start: datetime
    end: datetime
    zone: ZoneInfo
    title: str


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table of the report; ``columns`` are (heading, kind of value)."""

    title: str
    columns: tuple[tuple[str, Column], ...]
    rows: Sequence[Sequence[Any]]

    def frame(self) -> pd.DataFrame:
        """The table for pandas; amounts are decimals, ratios floats, None where undefined."""
        return pd.DataFrame(list(self.rows), columns=[name for name, _ in self.columns])


@dataclass(frozen=True, kw_only=True)
class Report:
    """Everything that is reported. ``payments`` and ``bonuses`` are rows of the analysts' queries
    of these names; ``as_of``: all that was committed before is in the figures."""

    operator: str
    currency: str
    span: Span
    as_of: datetime
    overview: Overview
    games: list[GameFigures]
    players: Sequence[PlayerFigures]
    payments: list[dict[str, Any]]
    bonuses: list[dict[str, Any]]

    def money(self, amount: int | None) -> Decimal | None:
        """Minor units as an amount of the currency."""
        return None if amount is None else decimal_of(amount, self.currency)

    @property
    def complete(self) -> bool:
        """Whether the warehouse had everything of the period."""
        return self.as_of >= self.span.end

    def tables(self) -> list[Table]:
        """The report's tables, the key figures first."""
        return [
            key_figures(self),
            _series(self),
            _hours(self),
            _games(self),
            _players(self),
            _payments(self),
            _bonuses(self),
        ]


def decimal_of(amount: int, currency: str) -> Decimal:
    """Minor units as an exact decimal.

    >>> decimal_of(-123456, "EUR"), decimal_of(7, "JPY")
    (Decimal('-1234.56'), Decimal('7'))
    """
    return Decimal(amount).scaleb(-MINOR_DIGITS.get(currency, 2))


def span_of(kind: Kind, day: date | None, zone: ZoneInfo, now: datetime) -> Span:
    """The day, or the ISO week that contains ``day``; without one, the last that is over.

    Days last from local midnight to local midnight. Raises :class:`ReportRefused` for a period
    that is not over.
    """
    today = now.astimezone(zone).date()
    length = 1 if kind == "daily" else 7
    first = day or today - timedelta(days=length)
    if kind == "weekly":
        first -= timedelta(days=first.weekday())
    start, end = (
        datetime.combine(moment, time(), zone).astimezone(UTC)
        for moment in (first, first + timedelta(days=length))
    )
    if end > now:
        raise ReportRefused(f"{first} is not over in {zone.key}; reports are of what is")
    year, week, _ = first.isocalendar()
    title = f"{first:%A, %d %B %Y}" if kind == "daily" else f"Week {week} of {year}"
    return Span(kind=kind, start=start, end=end, zone=zone, title=title)


def key_figures(report: Report) -> Table:
    """Each key figure beside the previous period's, and the change: of ratios the difference, of
    the others the share of the previous value."""
    now, before = report.overview.current, report.overview.previous
    rows = []
    for label, kind, read in KEY_FIGURES:
        values = [None if totals is None else read(totals) for totals in (now, before)]
        shown = [report.money(value) if kind == "money" else value for value in values]
        rows.append((label, *shown, change(kind, *values)))
    return Table(
        title="Key figures",
        columns=(("figure", "text"), ("value", "money"), ("before", "money"), ("change", "ratio")),
        rows=rows,
    )


def change(kind: Column, now: Any, before: Any) -> float | None:
    """How much more than before; None where there was nothing to compare with.

    >>> change("money", 150, 100), change("ratio", 0.97, 0.95), change("count", 3, 0)
    (0.5, 0.02, None)
    """
    if now is None or before is None:
        return None
    if kind == "ratio":
        return round(now - before, 6)
    return round((now - before) / abs(before), 6) if before else None


def _of_money(name: str) -> Any:
    return lambda totals: getattr(totals.money, name) if totals.money else None


def _of_figures(name: str) -> Any:
    return lambda totals: getattr(totals.figures, name)


def _of(name: str) -> Any:
    return lambda totals: getattr(totals, name)


KEY_FIGURES: tuple[tuple[str, Column, Any], ...] = (
    ("Wagers", "money", _of_figures("wager")),
    ("… real", "money", _of_figures("wager_real")),
    ("… bonus", "money", _of_figures("wager_bonus")),
    ("Wins", "money", _of_figures("win")),
    ("GGR", "money", _of_figures("ggr")),
    ("NGR", "money", _of("ngr")),
    ("Hold", "ratio", _of_figures("hold")),
    ("RTP", "ratio", _of_figures("rtp")),
    ("Bets", "count", _of_figures("bets")),
    ("Free spins", "count", _of_figures("free_spins")),
    ("Active players", "count", _of("active_players")),
    ("GGR per active player", "money", _of("arpu")),
    ("Registrations", "count", _of("registrations")),
    ("First deposits", "count", _of_money("first_deposits")),
    ("Deposits", "money", _of_money("deposits")),
    ("Withdrawals", "money", _of_money("withdrawals")),
    ("Bonus cost", "money", _of_money("bonus_cost")),
    ("Jackpot contributions", "money", _of("jackpot_contributions")),
    ("Jackpots paid", "money", _of_figures("jackpot")),
    ("Jackpots won", "count", _of_figures("jackpot_hits")),
    ("Affiliates' shares", "money", _of("affiliate_payouts")),
    ("Owed to players at the end", "money", _of("liability")),
)
FIGURE_KINDS = {label: kind for label, kind, _ in KEY_FIGURES}

_SUMS: tuple[tuple[str, Column], ...] = (
    ("bets", "count"), ("wagers", "money"), ("wins", "money"), ("GGR", "money"),
)  # fmt: skip


def _sums(report: Report, totals: Totals) -> tuple[Any, ...]:
    figures = totals.figures
    amounts = (figures.wager, figures.win, figures.ggr)
    return (figures.bets, *(report.money(amount) for amount in amounts))


def _series(report: Report) -> Table:
    """By hour of the day, or by day of the week: the points of the overview, which are hours."""
    daily = report.span.kind == "daily"
    groups: dict[str, list[Totals]] = {}
    for point in report.overview.points:
        local = point.start.astimezone(report.span.zone)
        groups.setdefault(f"{local:%H:%M %Z}" if daily else f"{local:%a %d %b}", []).append(
            point.totals
        )
    rows = [(label, *_sums(report, _added(some))) for label, some in groups.items()]
    return Table(
        title="By hour" if daily else "By day",
        columns=(("hour" if daily else "day", "text"), *_SUMS),
        rows=rows,
    )


def _hours(report: Report) -> Table:
    """The curve of an average day: every hour of the local clock, all days together."""
    hours: dict[int, list[Totals]] = {hour: [] for hour in range(24)}
    for point in report.overview.points:
        hours[point.start.astimezone(report.span.zone).hour].append(point.totals)
    rows = [(f"{hour:02}", *_sums(report, _added(some))) for hour, some in hours.items()]
    return Table(title="Hours of the day", columns=(("hour", "text"), *_SUMS), rows=rows)


def _added(some: Sequence[Totals]) -> Totals:
    return Totals(figures=total([totals.figures for totals in some], KeyFigures))


def _games(report: Report) -> Table:
    rows = [
        (
            game.game_name, game.category, game.provider, game.bets, report.money(game.wager),
            report.money(game.win), report.money(game.ggr), game.hold, game.rtp,
            game.theoretical_rtp_bps / 10_000,
        )
        for game in report.games
    ]  # fmt: skip
    return Table(
        title="Games",
        columns=(
            ("game", "text"), ("category", "text"), ("provider", "text"), *_SUMS,
            ("hold", "ratio"), ("RTP", "ratio"), ("declared RTP", "ratio"),
        ),
        rows=rows,
    )  # fmt: skip


def _players(report: Report) -> Table:
    rows = [
        (
            player.username, player.bets, report.money(player.wager), report.money(player.win),
            report.money(player.ggr), report.money(player.jackpot), player.rtp,
        )
        for player in report.players
    ]  # fmt: skip
    return Table(
        title="Top players",
        columns=(("player", "text"), *_SUMS, ("jackpots", "money"), ("RTP", "ratio")),
        rows=rows,
    )


def _payments(report: Report) -> Table:
    rows = [
        (
            row["kind"].capitalize(), row["method"], row["begun"], row["completed"],
            report.money(row["amount"]), report.money(row["fees"]), row["success"],
        )
        for row in report.payments
    ]  # fmt: skip
    return Table(
        title="Payments begun",
        columns=(
            ("kind", "text"), ("method", "text"), ("begun", "count"), ("completed", "count"),
            ("amount", "money"), ("fees", "money"), ("success", "ratio"),
        ),
        rows=rows,
    )  # fmt: skip


def _bonuses(report: Report) -> Table:
    amounts = ("credited", "converted", "forfeited", "expired", "waived", "cost")
    rows = [
        (row["bonus"], row["credits"], *(report.money(row[name]) for name in amounts))
        for row in report.bonuses
    ]
    return Table(
        title="Bonuses",
        columns=(("bonus", "text"), ("credits", "count"), *((name, "money") for name in amounts)),
        rows=rows,
    )
