"""Games, ranked players, bonuses and jackpots say what Postgres says, for any period and filter."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

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
from tests.support.questions import Question, questions
from tests.support.world import World
from warehouse.client import Warehouse
from warehouse.filters import Filters
from warehouse.queries import Figures, game_figures
from warehouse.queries_benefits import benefit_sums, bonus_cost
from warehouse.queries_players import RankStart, Sort, ranked_players
from warehouse.time_ranges import TimeRange

COUNT = 40
"""Questions of each kind; at least a third of them must find something to compare."""


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


async def test_any_games_report(history: History, world: World, warehouse: Warehouse) -> None:
    found_some = 0
    for question in questions("games", COUNT, history):
        brand, limits = question.brand, question.limits
        period = TimeRange(question.start, question.end)
        games = await game_figures(warehouse, brand, period, limits)
        expected = await totals_by(
            world.owner, "game_id", brand, question.start, question.end, limits
        )
        assert {game.game_id: sums(game) for game in games} == expected, question
        found_some += bool(expected)
    assert found_some > COUNT / 3


KEYS: dict[Sort, Any] = {
    "handle": lambda row: row["wager"],
    "ggr": lambda row: row["wager"] - row["win"],
    "win": lambda row: row["win"],
    "bets": lambda row: row["bets"],
    "rtp": lambda row: row["win"] * 1_000_000 // row["wager"],
}


async def test_any_ranking_of_players_page_by_page(
    history: History, world: World, warehouse: Warehouse
) -> None:
    found_some = 0
    for question in questions("players", COUNT, history):
        brand, limits = question.brand, question.limits
        expected = await totals_by(
            world.owner, "user_id", brand, question.start, question.end, limits
        )
        sort, descending = question.choice.choice(list(KEYS)), question.choice.random() < 0.5
        if sort == "rtp":
            expected = {player: row for player, row in expected.items() if row["wager"]}
        found = await ranking(warehouse, brand, question, limits, sort, descending)
        assert found == expected, (question, sort)
        keys = [KEYS[sort](row) for row in found.values()]
        assert keys == sorted(keys, reverse=descending), (question, sort)
        found_some += bool(expected)
    assert found_some > COUNT / 3


async def ranking(
    warehouse: Warehouse,
    brand: int,
    question: Question,
    limits: Filters,
    sort: Sort,
    descending: bool,
) -> dict[Any, dict[str, int]]:
    """Every page of a ranking, three players each."""
    found: dict[Any, dict[str, int]] = {}
    after: RankStart | None = None
    while True:
        page = await ranked_players(
            warehouse,
            brand,
            TimeRange(question.start, question.end),
            limits,
            sort=sort,
            descending=descending,
            limit=3,
            after=after,
        )
        assert not found.keys() & {player.player_id for player in page}, question
        found |= {player.player_id: sums(player) for player in page}
        assert all(player.username for player in page)
        if len(page) < 3:
            return found
        after = page[-1].rank_start


async def test_any_report_of_bonuses_and_jackpots(
    history: History, world: World, warehouse: Warehouse
) -> None:
    found_some = 0
    for question in questions("bonuses", COUNT, history):
        brand, asked = question.brand, question.limits
        limits = Filters(include_bots=asked.include_bots, player_id=asked.player_id)
        ledger = (world.owner, brand, question.start, question.end, limits)
        found = await benefit_sums(
            warehouse, brand, TimeRange(question.start, question.end), limits
        )
        assert bonus_cost(found) == (await money_totals(*ledger))["bonus_cost"], question
        lines = bonus_lines(found)
        assert sum(line.cost for line in lines) == bonus_cost(found)
        assert {
            line.kind: (line.converted_count, line.converted)
            for line in lines
            if line.converted_count
        } == await conversions(*ledger), question
        assert {
            line.source: line.granted_count for line in spins_lines(found) if line.granted_count
        } == await grants_of_spins(*ledger), question
        if limits.player_id is None:
            won = {line.pool: (line.hits, line.paid) for line in pool_lines(found, {})}
            assert won == await jackpots_won(*ledger), question
        found_some += bool(found)
    assert found_some > COUNT / 3
