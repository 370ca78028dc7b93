"""The overview says what Postgres says, for any period, filter, interval and time zone."""

from collections.abc import AsyncIterator
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from api.schemas.overview import FIGURES
from tests.integration.warehouse.conftest import Stream
from tests.support.history import History, play_history
from tests.support.ledger_answers import bet_totals, money_totals
from tests.support.questions import Question, questions
from tests.support.world import World
from warehouse.client import Warehouse
from warehouse.filters import Filters
from warehouse.queries import KeyFigures
from warehouse.queries_overview import Overview, Totals, overview
from warehouse.timelines import timeline

COUNT = 60
"""Questions; at least a third of them must find bets to compare."""
ZONES = ("UTC", "Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe", "America/Havana")


@pytest.fixture(scope="module")
async def history(world: World, stream: Stream) -> History:
    """Three months of two brands, in both stores."""
    played = await play_history(world)
    await stream.drain()
    return played


@pytest.fixture
async def warehouse(clickhouse_url: str) -> AsyncIterator[Warehouse]:
    """Reads as the API reads."""
    opened = Warehouse(clickhouse_url)
    yield opened
    await opened.close()


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


async def test_any_overview_equals_the_ledger(
    history: History, world: World, warehouse: Warehouse
) -> None:
    found_some = 0
    for question in questions("overview", COUNT, history):
        answer = await asked(question, world, warehouse)
        brand, limits = question.brand, question.limits
        start, end = question.start, question.end
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
        found_some += bool(busy)
    assert found_some > COUNT / 3


async def asked(question: Question, world: World, warehouse: Warehouse) -> Overview:
    """The overview that answers a question, in one of the time zones."""
    line = timeline(
        question.start,
        question.end,
        zone=ZoneInfo(question.choice.choice(ZONES)),
        interval=question.interval,
    )
    made = await world.owner.fetch(
        "SELECT created_at, amount FROM affiliate_statement WHERE operator_id = $1",
        question.brand,
    )
    return await overview(
        warehouse,
        question.brand,
        line,
        question.limits,
        [tuple(row) for row in made],
    )


async def test_the_history_has_something_of_everything(history: History, world: World) -> None:
    """Or else the comparisons would compare zeros."""
    happened = await history.casino.tally()
    assert {
        *("bonus forfeited", "bonus waived", "bet real", "bet bonus", "bet mixed", "bet free_spin"),
        *("jackpots", "rollbacks", "deposit reversed"),
        *("withdrawal completed", "withdrawal rejected"),
    } <= {what for what, times in happened.items() if times}, happened
