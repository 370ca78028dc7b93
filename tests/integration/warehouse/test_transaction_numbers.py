"""The list of bets and transactions, and its export, are row for row what Postgres says."""

from collections.abc import AsyncIterator
from itertools import chain
from unittest.mock import patch

import msgspec
import pytest

from tests.integration.warehouse.conftest import Stream
from tests.support.asking import Asked, Query, asking, query_of, shown
from tests.support.history import History, play_history
from tests.support.ledger_answers import bet_arguments
from tests.support.ledger_listing import list_money, listing
from tests.support.questions import Question, everything, questions
from tests.support.world import World
from warehouse import queries_exports
from warehouse.filters import Filters

OF_BETS = ("bet", "rollback")
TYPES = (
    *OF_BETS,
    *("jackpot", "deposit", "withdrawal", "bonus", "cashback", "free_spins", "vip_level", "xp"),
)
MOST_PAGES = 6
"""Longer lists are asked for in longer pages, so that a question takes no seconds."""


@pytest.fixture(scope="module")
async def history(world: World, stream: Stream) -> History:
    """Three months of two brands, in both stores, and listed in Postgres."""
    played = await play_history(world)
    await stream.drain()
    await list_money(world.owner)
    return played


@pytest.fixture(scope="module")
async def asked(
    world: World, history: History, redis_url: str, clickhouse_url: str
) -> AsyncIterator[Asked]:
    """The API on the module's stores."""
    async with asking(world, history, redis_url, clickhouse_url) as running:
        yield running


def limits_of(question: Question, type_: str | None) -> Filters:
    """The question's filters, without those that a type other than bets refuses."""
    limits = question.limits
    if type_ in (None, *OF_BETS):
        return limits
    return Filters(include_bots=limits.include_bots, player_id=limits.player_id)


def written(question: Question, type_: str | None) -> Query:
    """The question as a client writes it."""
    query = query_of(question.start, question.end, limits_of(question, type_))
    return query if type_ is None else query | {"type": type_}


async def compare(question: Question, type_: str | None, world: World, asked: Asked) -> int:
    """Every page of a list in pages of a few rows; returns how many rows it has."""
    limits = limits_of(question, type_)
    arguments = bet_arguments(question.brand, question.start, question.end, limits)
    expected = await listing(world.owner, *arguments, type_)
    limit = max(question.choice.choice([1, 2, 3, 5, 8, 21]), len(expected) // MOST_PAGES + 1)
    query = written(question, type_) | {"limit": limit}
    pages = await asked.pages(question.brand, "/transactions", query)
    for row, (found, right) in enumerate(zip(chain.from_iterable(pages), expected, strict=False)):
        assert found == right, f"row {row} of {query}"
    assert sum(len(page) for page in pages) == len(expected), query
    assert all(len(page) == limit for page in pages[:-1]), query
    return len(expected)


async def test_any_list_page_by_page(history: History, world: World, asked: Asked) -> None:
    rows = [
        await compare(question, None, world, asked)
        for question in [*everything(history), *questions("transactions", 15, history)]
    ]
    assert sum(map(bool, rows)) > len(rows) / 3


@pytest.mark.parametrize("type_", TYPES)
async def test_any_list_of_a_type_page_by_page(
    type_: str, history: History, world: World, asked: Asked
) -> None:
    rows = [
        await compare(question, type_, world, asked)
        for question in [*everything(history), *questions(f"list of {type_}", 3, history)]
    ]
    assert min(rows[:2]) > 0


async def test_a_list_has_the_rows_of_its_start_and_not_those_of_its_end(
    history: History, world: World, asked: Asked
) -> None:
    for question in everything(history):
        rows = await world.owner.fetch(
            "SELECT DISTINCT created_at FROM listed WHERE operator_id = $1 ORDER BY created_at",
            question.brand,
        )
        for _ in range(4):
            first = question.choice.randrange(len(rows) - 15)
            start, end = rows[first]["created_at"], rows[first + 15]["created_at"]
            exact = msgspec.structs.replace(question, start=start, end=end)
            assert await compare(exact, None, world, asked) >= 15


@pytest.mark.parametrize("page_rows", [50, 300])
async def test_any_export_is_its_list(page_rows: int, history: History, asked: Asked) -> None:
    """However many rows the export reads at a time."""
    lines = []
    for question in [*everything(history), *questions(f"exports of {page_rows}", 5, history)]:
        type_ = question.choice.choice([None, *TYPES]) if lines else None
        brand, query = question.brand, written(question, type_)
        pages = await asked.pages(brand, "/transactions", query | {"limit": 500})
        with patch.object(queries_exports, "PAGE_ROWS", page_rows):
            rows = await asked.csv(brand, "transactions", query)
        assert rows == [
            {name: shown(value) for name, value in item.items()}
            for item in chain.from_iterable(pages)
        ], query
        lines.append(len(rows))
    assert lines[0] > 2 * page_rows


async def test_the_history_has_rows_of_every_type(history: History, world: World) -> None:
    """Or else the comparisons would compare nothing."""
    rows = await world.owner.fetch("SELECT DISTINCT type, status, method FROM listed")
    found = {(row["type"], row["status"]) for row in rows}
    assert {type_ for type_, _ in found} == set(TYPES) - {"cashback"}
    assert ("bonus", "CASHBACK") in {(row["type"], row["method"]) for row in rows}
    assert found >= {
        *(("deposit", status) for status in ("PENDING", "COMPLETED", "FAILED", "REVERSED")),
        *(("withdrawal", status) for status in ("COMPLETED", "REJECTED")),
        *(("bonus", status) for status in ("COMPLETED", "FORFEITED", "EXPIRED", "WAIVED")),
        *(("bonus", status) for status in ("GRANTED", "RETURNED")),
        *(("free_spins", status) for status in ("GRANTED", "EXPIRED", "REVOKED")),
    }


async def test_a_bot_has_no_list_without_bots(history: History, world: World, asked: Asked) -> None:
    for question in everything(history):
        bot = await world.owner.fetchval(
            'SELECT user_id FROM "user" WHERE operator_id = $1 AND is_bot ORDER BY user_id LIMIT 1',
            question.brand,
        )
        for include_bots in (True, False):
            limits = Filters(include_bots=include_bots, player_id=bot)
            own = msgspec.structs.replace(question, limits=limits)
            assert bool(await compare(own, None, world, asked)) is include_bots
