"""The overview says what Postgres says, for any period, filter, interval and time zone."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from api.schemas.overview import FIGURES
from tests.integration.warehouse.conftest import Stream
from tests.support.history import History, play_history
from tests.support.ledger_answers import bet_totals, money_totals
from tests.support.questions import chosen, filters, periods
from tests.support.world import World
from warehouse.buckets import Interval
from warehouse.client import Warehouse
from warehouse.filters import Filters
from warehouse.queries import KeyFigures
from warehouse.queries_overview import Totals, overview
from warehouse.timelines import timeline

ZONES = ("UTC", "Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe", "America/Havana")


@pytest.fixture(scope="module")
async def history(world: World, stream: Stream) -> History:
    """Three months of two brands, in both stores."""
    played = await play_history(world)
    await stream.drain()
    return played


async def check(
    world: World, brand: int, start: datetime, end: datetime, limits: Filters, totals: Totals
) -> None:
    """Every figure of a period against Postgres."""
    bets = await bet_totals(world.owner, brand, start, end, limits)
    active = bets.pop("active_players")
    found = totals.figures
    names = KeyFigures.__struct_fields__
    assert {name: getattr(found, name) for name in names} == {name: bets[name] for name in names}
    if totals.active_players is not None:
        assert totals.active_players == active
    assert totals.jackpot_contributions == bets["jackpot_contribution_e4"] // 10_000
    money = await money_totals(world.owner, brand, start, end, limits)
    everybody = limits.player_id is None and not limits.of_bets
    for name, value in money.items():
        shown = FIGURES[name](totals)
        if limits.of_bets or (
            not everybody and name in ("registrations", "affiliate_payouts", "ngr")
        ):
            assert shown is None
        else:
            assert shown == value, name
    if everybody:
        ggr = bets["wager"] - bets["win"]
        assert totals.ngr == ggr - money["bonus_cost"] - money["affiliate_payouts"] - (
            bets["jackpot_contribution_e4"] // 10_000
        )


@given(period=periods(), picked=filters(), zone=st.sampled_from(ZONES), which=st.integers(0, 1))
@settings(
    max_examples=60,
    deadline=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
async def test_any_overview_equals_the_ledger(
    period: tuple[datetime, datetime, Interval],
    picked: dict[str, Any],
    zone: str,
    which: int,
    history: History,
    world: World,
    clickhouse_url: str,
) -> None:
    start, end, interval = period
    brand = history.brands[which]
    limits = chosen(picked, history, brand)
    line = timeline(start, end, zone=ZoneInfo(zone), interval=interval)
    made = await world.owner.fetch(
        "SELECT created_at, amount FROM affiliate_statement WHERE operator_id = $1", brand
    )
    warehouse = Warehouse(clickhouse_url)
    try:
        answer = await overview(warehouse, brand, line, limits, [tuple(row) for row in made])
    finally:
        await warehouse.close()
    await check(world, brand, start, end, limits, answer.current)
    assert answer.previous is not None
    await check(world, brand, start - (end - start), start, limits, answer.previous)
    points = answer.points
    ends = [point.start for point in points[1:]] + [end]
    busy = [
        (point, until)
        for point, until in zip(points, ends, strict=True)
        if point.totals.figures.bets or point.totals.figures.free_spins
    ]
    for point, until in busy[:: max(1, len(busy) // 5)]:
        await check(world, brand, point.start, until, limits, point.totals)
    assert sum(point.totals.figures.wager for point in points) == answer.current.figures.wager


async def test_the_history_has_something_of_everything(history: History, world: World) -> None:
    """Or else the comparisons would compare zeros."""
    happened = await history.casino.tally()
    assert {
        *("bonus forfeited", "bonus waived", "bet real", "bet bonus", "bet mixed", "bet free_spin"),
        *("jackpots", "rollbacks", "deposit reversed"),
        *("withdrawal completed", "withdrawal rejected"),
    } <= {what for what, times in happened.items() if times}, happened
