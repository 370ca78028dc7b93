"""Games, ranked players, bonuses and jackpots say what Postgres says, for any period and filter."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from api.schemas.benefits import bonus_lines, pool_lines, spins_lines
from tests.integration.warehouse.conftest import Stream
from tests.support.history import History, play_history
from tests.support.ledger_answers import (
    conversions,
    grants_of_spins,
    jackpots_won,
    money_totals,
    totals_by,
)
from tests.support.questions import chosen, filters, periods
from tests.support.world import World
from warehouse.buckets import Interval
from warehouse.client import Warehouse
from warehouse.filters import Filters
from warehouse.queries import Figures, game_figures
from warehouse.queries_benefits import benefit_sums, bonus_cost
from warehouse.queries_players import RankStart, Sort, ranked_players
from warehouse.time_ranges import TimeRange

QUICK = settings(
    max_examples=40,
    deadline=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
Question = tuple[datetime, datetime, Interval]


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


def sums(figures: Figures) -> dict[str, int]:
    return {name: getattr(figures, name) for name in Figures.__struct_fields__}


@given(period=periods(), picked=filters(), which=st.integers(0, 1))
@QUICK
async def test_any_games_report(
    period: Question,
    picked: dict[str, Any],
    which: int,
    history: History,
    world: World,
    warehouse: Warehouse,
) -> None:
    brand = history.brands[which]
    limits = chosen(picked, history, brand)
    start, end, _ = period
    games = await game_figures(warehouse, brand, TimeRange(start, end), limits)
    expected = await totals_by(world.owner, "game_id", brand, start, end, limits)
    assert {game.game_id: sums(game) for game in games} == expected


KEYS: dict[Sort, Any] = {
    "handle": lambda row: row["wager"],
    "ggr": lambda row: row["wager"] - row["win"],
    "win": lambda row: row["win"],
    "bets": lambda row: row["bets"],
    "rtp": lambda row: row["win"] * 1_000_000 // row["wager"],
}


@given(
    period=periods(),
    picked=filters(),
    which=st.integers(0, 1),
    sort=st.sampled_from(list(KEYS)),
    descending=st.booleans(),
)
@QUICK
async def test_any_ranking_of_players_page_by_page(
    period: Question,
    picked: dict[str, Any],
    which: int,
    sort: Sort,
    descending: bool,
    history: History,
    world: World,
    warehouse: Warehouse,
) -> None:
    brand = history.brands[which]
    limits = chosen(picked, history, brand)
    start, end, _ = period
    expected = await totals_by(world.owner, "user_id", brand, start, end, limits)
    if sort == "rtp":
        expected = {player: row for player, row in expected.items() if row["wager"]}
    found: dict[Any, dict[str, int]] = {}
    after: RankStart | None = None
    while True:
        page = await ranked_players(
            warehouse,
            brand,
            TimeRange(start, end),
            limits,
            sort=sort,
            descending=descending,
            limit=3,
            after=after,
        )
        assert not found.keys() & {player.player_id for player in page}
        found |= {player.player_id: sums(player) for player in page}
        assert all(player.username for player in page)
        if len(page) < 3:
            break
        after = page[-1].rank_start
    assert found == expected
    keys = [KEYS[sort](row) for row in found.values()]
    assert keys == sorted(keys, reverse=descending)


@given(period=periods(), picked=filters(), which=st.integers(0, 1))
@QUICK
async def test_any_report_of_bonuses_and_jackpots(
    period: Question,
    picked: dict[str, Any],
    which: int,
    history: History,
    world: World,
    warehouse: Warehouse,
) -> None:
    brand = history.brands[which]
    limits = Filters(
        include_bots=picked["include_bots"], player_id=chosen(picked, history, brand).player_id
    )
    start, end, _ = period
    ledger = (world.owner, brand, start, end, limits)
    found = await benefit_sums(warehouse, brand, TimeRange(start, end), limits)
    assert bonus_cost(found) == (await money_totals(*ledger))["bonus_cost"]
    lines = bonus_lines(found)
    assert sum(line.cost for line in lines) == bonus_cost(found)
    assert {
        line.kind: (line.converted_count, line.converted) for line in lines if line.converted_count
    } == await conversions(*ledger)
    assert {
        line.source: line.granted_count for line in spins_lines(found) if line.granted_count
    } == await grants_of_spins(*ledger)
    if limits.player_id is None:
        won = {line.pool: (line.hits, line.paid) for line in pool_lines(found, {})}
        assert won == await jackpots_won(*ledger)
