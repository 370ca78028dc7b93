"""JSON of the overview; amounts are minor units of ``currency``."""

from collections.abc import Callable
from typing import Any

import msgspec

from api.schemas.reports import ReportHead
from ledger.events import timestamp
from warehouse.overview_sums import Money
from warehouse.queries_overview import Overview, Point, Totals

CHANGE_DECIMALS = 6

Value = int | float | None


class Kpi(msgspec.Struct, frozen=True, kw_only=True):
    """A key figure, the same of the period before, and the change between them.

    ``change_ratio`` is the change over the size of the previous value, null if that is 0. All are
    null where the figure has no sense, as deposits of a single game.
    """

    value: int | None
    previous: int | None
    change: int | None
    change_ratio: float | None


class RatioKpi(msgspec.Struct, frozen=True, kw_only=True):
    """A key figure that is a fraction, null over nothing; otherwise like :class:`Kpi`."""

    value: float | None
    previous: float | None
    change: float | None
    change_ratio: float | None


class Kpis(msgspec.Struct, frozen=True, kw_only=True):
    """The key figures (RULES §10).

    ``handle`` is what was wagered, free spins apart; ``deposits`` are net of those charged back;
    ``player_liability`` is what is owed to players at the period's end (real, bonus and held
    money), bets that were rolled back since left out; ``affiliate_payouts`` are the statements made
    in the period. They are the operator's whatever ``include_bots`` says, and null with every
    other filter, as NGR is then. ``arpu`` and contributions are rounded down.
    """

    handle: Kpi
    handle_real: Kpi
    handle_bonus: Kpi
    total_won: Kpi
    won_real: Kpi
    won_bonus: Kpi
    ggr: Kpi
    ngr: Kpi
    hold: RatioKpi
    rtp: RatioKpi
    rtp_with_jackpot: RatioKpi
    bets: Kpi
    free_spins: Kpi
    active_players: Kpi
    arpu: Kpi
    registrations: Kpi
    first_deposits: Kpi
    deposits: Kpi
    deposit_count: Kpi
    withdrawals: Kpi
    withdrawal_count: Kpi
    player_liability: Kpi
    bonus_cost: Kpi
    jackpot_won: Kpi
    jackpot_contributions: Kpi
    affiliate_payouts: Kpi


class SeriesPoint(msgspec.Struct, frozen=True, kw_only=True):
    """What happened from ``start`` to the next point's, zeros if nothing did.

    ``player_liability`` is that at the point's end. Contributions, and so NGR, are rounded by
    point: their sum may differ from the period's by less than one minor unit a point.
    """

    start: str
    handle: int
    total_won: int
    ggr: int
    ngr: int | None
    hold: float | None
    rtp: float | None
    bets: int
    free_spins: int
    registrations: int | None
    first_deposits: int | None
    deposits: int | None
    withdrawals: int | None
    player_liability: int | None
    bonus_cost: int | None
    jackpot_won: int
    jackpot_contributions: int
    affiliate_payouts: int | None


class OverviewReport(ReportHead, frozen=True, kw_only=True):
    """Key figures and their series in the operator's ``time_zone``.

    ``previous_from`` is where the equally long period before begins; null if that is before 1970.
    """

    previous_from: str | None
    time_zone: str
    interval: str
    ngr_formula: str
    kpis: Kpis
    series: list[SeriesPoint]


FIGURES: dict[str, Callable[[Totals], Value]] = {
    "handle": lambda t: t.figures.wager,
    "handle_real": lambda t: t.figures.wager_real,
    "handle_bonus": lambda t: t.figures.wager_bonus,
    "total_won": lambda t: t.figures.win,
    "won_real": lambda t: t.figures.win_real,
    "won_bonus": lambda t: t.figures.win_bonus,
    "ggr": lambda t: t.figures.ggr,
    "ngr": lambda t: t.ngr,
    "hold": lambda t: t.figures.hold,
    "rtp": lambda t: t.figures.rtp,
    "rtp_with_jackpot": lambda t: t.figures.rtp_with_jackpot,
    "bets": lambda t: t.figures.bets,
    "free_spins": lambda t: t.figures.free_spins,
    "active_players": lambda t: t.active_players,
    "arpu": lambda t: t.arpu,
    "registrations": lambda t: t.registrations,
    "first_deposits": lambda t: _of_money(t.money, "first_deposits"),
    "deposits": lambda t: _of_money(t.money, "deposits"),
    "deposit_count": lambda t: _of_money(t.money, "deposit_count"),
    "withdrawals": lambda t: _of_money(t.money, "withdrawals"),
    "withdrawal_count": lambda t: _of_money(t.money, "withdrawal_count"),
    "player_liability": lambda t: t.liability,
    "bonus_cost": lambda t: _of_money(t.money, "bonus_cost"),
    "jackpot_won": lambda t: t.figures.jackpot,
    "jackpot_contributions": lambda t: t.jackpot_contributions,
    "affiliate_payouts": lambda t: t.affiliate_payouts,
}
"""Every key figure and how it is read off a period's totals."""

RATIOS = frozenset({"hold", "rtp", "rtp_with_jackpot"})


def kpis(overview: Overview) -> Kpis:
    """All key figures with their changes."""
    found: dict[str, Any] = {
        name: kpi(
            figure(overview.current),
            overview.previous and figure(overview.previous),
            RatioKpi if name in RATIOS else Kpi,
        )
        for name, figure in FIGURES.items()
    }
    return Kpis(**found)


def kpi(value: Value, previous: Value, kind: type[Kpi] | type[RatioKpi] = Kpi) -> Kpi | RatioKpi:
    """A key figure and its change; ratios are rounded to six decimals."""
    change = None if value is None or previous is None else value - previous
    if isinstance(change, float):
        change = round(change, CHANGE_DECIMALS)
    ratio = None
    if change is not None and previous:
        ratio = round(change / abs(previous), CHANGE_DECIMALS)
    figures: Any = {"value": value, "previous": previous, "change": change}
    return kind(**figures, change_ratio=ratio)


def series_point(point: Point) -> SeriesPoint:
    """A point of the series: the same of it as ``FIGURES`` reads off a period, one after the other,
    as a series has hundreds."""
    totals = point.totals
    figures, money = totals.figures, totals.money
    return SeriesPoint(
        start=timestamp(point.start),
        handle=figures.wager,
        total_won=figures.win,
        ggr=figures.ggr,
        ngr=totals.ngr,
        hold=figures.hold,
        rtp=figures.rtp,
        bets=figures.bets,
        free_spins=figures.free_spins,
        registrations=totals.registrations,
        first_deposits=money and money.first_deposits,
        deposits=money and money.deposits,
        withdrawals=money and money.withdrawals,
        player_liability=totals.liability,
        bonus_cost=money and money.bonus_cost,
        jackpot_won=figures.jackpot,
        jackpot_contributions=totals.jackpot_contributions,
        affiliate_payouts=totals.affiliate_payouts,
    )


def _of_money(money: Money | None, name: str) -> int | None:
    return None if money is None else getattr(money, name)
