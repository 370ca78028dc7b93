"""Over HTTP: returns, affiliates, the RTP monitor and series are what Postgres says, for any
period and filter; and every export is its report."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.integration.warehouse.conftest import Stream
from tests.support.asking import Asked, Query, asking, query_of, shown
from tests.support.history import History, play_history
from tests.support.ledger_answers import bet_arguments, bet_totals, money_totals
from tests.support.ledger_listing import list_money, listing
from tests.support.ledger_reports import affiliates, cells, returns, series
from tests.support.questions import Question, questions
from tests.support.world import World
from warehouse.filters import Filters
from warehouse.time_ranges import EPOCH, LAST

ROUNDED = 0.5e-6 + 1e-12
"""How far a ratio of six decimals may be from the one that nobody has rounded."""
ZONES = (
    "UTC",
    "Europe/Berlin",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "America/St_Johns",
    "America/Havana",
)
"""Half and quarter hours, clocks that change by half an hour, and a day that begins at one."""


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


def written(question: Question, limits: Filters) -> Query:
    """The question as a client writes it."""
    return query_of(question.start, question.end, limits)


def same(found: dict[str, Any], right: dict[str, Any]) -> bool:
    """Whether a row of JSON has these values, and ratios to six decimals."""
    return all(
        abs(found[name] - value) <= ROUNDED
        if isinstance(value, float) and found[name] is not None
        else found[name] == value
        for name, value in right.items()
    )


async def test_any_summary_of_returns(history: History, world: World, asked: Asked) -> None:
    players = []
    for question in questions("returns", 40, history):
        brand, limits = question.brand, question.limits
        limit = question.choice.choice([1, 2, 3, 500])
        query = written(question, limits) | {"limit": limit}
        report = await asked.get(brand, "/analytics/rtp-summary", query)
        ledger = (brand, question.start, question.end, limits)
        assert same(report, {"rtp": (await returns(world.owner, "all", *ledger))[0]["rtp"]}), query
        by_game = await returns(world.owner, "game_id", *ledger)
        check_returns(report["by_game"], by_game, "game_id", len(by_game), query)
        by_player = await returns(world.owner, "player_id", *ledger)
        check_returns(report["by_player"], by_player, "player_id", limit, query)
        players.append(len(by_player))
    assert sum(map(bool, players)) > len(players) / 3
    assert max(players) > 3


def check_returns(
    found: list[dict[str, Any]], right: list[dict[str, Any]], key: str, limit: int, query: Query
) -> None:
    """The ``limit`` rows of ``right`` with the largest wagers, the largest first."""
    by_key = {row[key]: row for row in right}
    assert len({row[key] for row in found}) == len(found) == min(limit, len(right)), query
    for row in found:
        assert same(row, by_key[row[key]]), (row, by_key[row[key]], query)
    wagers = sorted((row["total_wagered"] for row in right), reverse=True)
    assert [row["total_wagered"] for row in found] == wagers[:limit], query


async def test_any_report_of_affiliates(history: History, world: World, asked: Asked) -> None:
    played = []
    for question in questions("affiliates", 40, history):
        brand, bots = question.brand, question.limits.include_bots
        query = written(question, Filters(include_bots=bots))
        report = await asked.get(brand, "/analytics/affiliates", query)
        right = await affiliates(world.owner, brand, question.start, question.end, bots)
        assert report["items"] == right, query
        played.append(sum(bool(row["players"] and row["bonus_cost"]) for row in right))
    assert sum(map(bool, played)) > len(played) / 3
    assert max(played) > 1


async def test_any_window_of_the_rtp_monitor(history: History, world: World, asked: Asked) -> None:
    bands = set()
    for question in questions("cells", 40, history):
        brand, limits = question.brand, question.limits
        limits = Filters(
            include_bots=limits.include_bots,
            game_id=limits.game_id,
            category=limits.category,
            provider=limits.provider,
        )
        query = written(question, limits)
        report = await asked.get(brand, "/analytics/rtp-monitor", query)
        right = await cells(world.owner, brand, question.start, question.end, limits)
        items = report["items"]
        assert len(items) == len(right), query
        for item, cell in zip(items, right, strict=True):
            assert same(item, cell | {"window": "custom"}), (item, cell, query)
            check_judgement(item, cell)
        bands |= {(cell["game_id"], cell["stake_band"]) for cell in right}
    assert len(bands) > 15


def check_judgement(item: dict[str, Any], cell: dict[str, Any]) -> None:
    """Tolerance and judgement follow from the cell and from what is shown; z is that of the side
    on which the return lies."""
    rtp, theory, error = cell["rtp"], cell["theoretical_rtp"], cell["standard_error"]
    lower, upper = item["tolerance"]["lower"], item["tolerance"]["upper"]
    reach = upper - theory if rtp > theory else theory - lower
    # z and the bounds are shown rounded.
    slack = 2 * ROUNDED + ROUNDED * error
    assert abs(reach - item["z"] * error) <= slack, (item, cell)
    off = abs(rtp - theory)
    if cell["n_eff"] < item["n_eff_min"]:
        assert item["status"] == "insufficient", (item, cell)
    elif abs(off - reach) > slack:
        assert item["status"] == ("alert" if off > reach else "ok"), (item, cell)
    if cell["standard_error"]:
        score = (cell["rtp"] - cell["theoretical_rtp"]) / cell["standard_error"]
        assert abs(item["score"] - score) <= ROUNDED + 1e-9 * abs(score), (item, cell)


async def test_any_series_in_any_time_zone(history: History, world: World, asked: Asked) -> None:
    busy = 0
    for question in questions("series", 40, history):
        brand, limits = question.brand, question.limits
        zone = question.choice.choice(ZONES)
        await world.owner.execute(
            "UPDATE operator SET time_zone = $2 WHERE operator_id = $1", brand, zone
        )
        query = written(question, limits) | {"interval": question.interval.value}
        report = await asked.get(brand, "/analytics/overview", query)
        assert (report["time_zone"], report["interval"]) == (zone, question.interval.value)
        right = await series(
            world.owner,
            brand,
            question.start,
            question.end,
            limits,
            zone=zone,
            interval=question.interval.value,
        )
        assert len(report["series"]) == len(right), (zone, query)
        for point, expected in zip(report["series"], right, strict=True):
            for name in hidden(limits):
                assert point[name] is None
            shown_there = {k: v for k, v in expected.items() if k not in hidden(limits)}
            assert same(point, shown_there), (point, shown_there, zone, query)
            busy += bool(expected["bets"])
        await check_change(report["kpis"], question, brand, limits, world)
    assert busy > 100


def hidden(limits: Filters) -> tuple[str, ...]:
    """The figures of a series that have no sense with these filters."""
    if limits.of_bets:
        return ("deposits", "withdrawals", "registrations")
    return ("registrations",) if limits.player_id else ()


async def check_change(
    kpis: dict[str, Any], question: Question, brand: int, limits: Filters, world: World
) -> None:
    """Key figures of both periods and the changes between them."""
    length = question.end - question.start
    now = await key_figures(world, brand, question.start, question.end, limits)
    before = await key_figures(world, brand, question.start - length, question.start, limits)
    for name, value in now.items():
        kpi, change = kpis[name], value - before[name]
        ratio = change / abs(before[name]) if before[name] else None
        right = {"value": value, "previous": before[name], "change": change, "change_ratio": ratio}
        assert same(kpi, right), (name, kpi, right, question)


async def key_figures(
    world: World, brand: int, start: Any, end: Any, limits: Filters
) -> dict[str, int]:
    """Those that the filters leave sense to, by the report's names."""
    bets = await bet_totals(world.owner, brand, start, end, limits)
    figures = {
        "handle": bets["wager"],
        "handle_real": bets["wager_real"],
        "handle_bonus": bets["wager_bonus"],
        "total_won": bets["win"],
        "won_real": bets["win_real"],
        "won_bonus": bets["win_bonus"],
        "ggr": bets["wager"] - bets["win"],
        "bets": bets["bets"],
        "free_spins": bets["free_spins"],
        "active_players": bets["active_players"],
        "jackpot_won": bets["jackpot"],
        "jackpot_contributions": bets["jackpot_contribution_e4"] // 10_000,
    }
    if not limits.of_bets:
        money = await money_totals(world.owner, brand, start, end, limits)
        everybody = ("registrations", "affiliate_payouts")
        figures |= {n: v for n, v in money.items() if not (limits.player_id and n in everybody)}
    return figures


async def test_every_player_for_life(history: History, world: World, asked: Asked) -> None:
    for player in history.players:
        brand, limits = player.operator_id, Filters(player_id=player.user_id)
        report = await asked.get(brand, f"/player/{player.user_id}", {})
        bets = await bet_totals(world.owner, brand, EPOCH, LAST, limits)
        money = await money_totals(world.owner, brand, EPOCH, LAST, limits)
        kept = ("winning_bets", "bets", "free_spins", "free_spin_stake", "free_spin_win")
        cash = ("deposits", "deposit_count", "withdrawals", "withdrawal_count")
        right = {
            **{name: bets[name] for name in kept},
            **{name: bets[name] for name in ("wager_real", "wager_bonus", "win_real", "win_bonus")},
            **{name: money[name] for name in cash},
            "total_wagered": bets["wager"],
            "total_won": bets["win"],
            "ggr": bets["wager"] - bets["win"],
            "jackpot_won": bets["jackpot"],
            "jackpot_hits": bets["jackpot_hits"],
            "jackpot_contribution": bets["jackpot_contribution_e4"] // 10_000,
            "theoretical_ggr": bets["theoretical_ggr_e4"] // 10_000,
        }
        assert same(report["lifetime"], right), (report["lifetime"], right)
        rows = await listing(world.owner, *bet_arguments(brand, EPOCH, LAST, limits), None)
        assert report["history"] == rows[:20]
        assert rows or player is history.players[-1]


async def test_every_page_of_players(history: History, world: World, asked: Asked) -> None:
    for brand in history.brands:
        pages = await asked.pages(brand, "/players", {"limit": 4})
        right = await returns(world.owner, "player_id", brand, EPOCH, LAST, Filters())
        by_player = {row["player_id"]: row for row in right}
        found = [item for page in pages for item in page]
        assert {item["player_id"] for item in found} == {
            str(player.user_id) for player in history.players if player.operator_id == brand
        }
        idle = {"bets": 0, "total_wagered": 0, "total_won": 0, "rtp": None}
        for item in found:
            assert same(item, by_player.get(item["player_id"], idle)), item


REPORTS = {
    "overview": ("series", ("game_id", "category", "provider", "player_id", "bet_type")),
    "games": ("items", ("game_id", "category", "provider", "player_id", "bet_type")),
    "players": ("items", ("game_id", "category", "provider", "player_id", "bet_type")),
    "rtp-summary": ("", ("game_id", "category", "provider", "player_id", "bet_type")),
    "bonuses": ("items", ("player_id",)),
    "jackpots": ("pools", ()),
    "affiliates": ("items", ()),
}
"""Where the rows of an export are in its report, and which filters both take."""


@pytest.mark.parametrize("report", REPORTS)
async def test_any_export_is_its_report(report: str, history: History, asked: Asked) -> None:
    member, takes = REPORTS[report]
    rows = 0
    for question in questions(f"export of {report}", 8, history):
        brand = question.brand
        query = {
            name: value
            for name, value in written(question, question.limits).items()
            if name in ("from", "to", "include_bots", *takes)
        }
        query |= options(report, question)
        path = f"/analytics/{report}"
        if report == "players":
            pages = await asked.pages(brand, path, query | {"limit": 3})
            items = [item for page in pages for item in page]
        else:
            answer = await asked.get(brand, path, query)
            items = answer[member] if member else summary_lines(answer)
        found = await asked.csv(brand, report, query)
        assert found == [
            {**{name: shown(value) for name, value in item.items()}, "currency": "EUR"}
            for item in items
        ], query
        rows += len(found)
    assert rows > 8


def options(report: str, question: Question) -> Query:
    """What only one report can be asked for."""
    if report == "overview":
        return {"interval": question.interval.value}
    if report == "players":
        sort = question.choice.choice(["handle", "ggr", "win", "rtp", "bets"])
        return {"sort": sort, "order": question.choice.choice(["asc", "desc"])}
    return {}


def summary_lines(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """Games and players of the summary of returns as lines of its export."""
    games = [("game", item["game_id"], item["name"], item) for item in answer["by_game"]]
    players = [
        ("player", item["player_id"], item["username"], item) for item in answer["by_player"]
    ]
    return [
        {
            "subject": subject,
            "id": key,
            "name": name,
            "rtp": item["rtp"],
            "theoretical_rtp": item.get("theoretical_rtp"),
            "bets": item["bets"],
            "total_wagered": item["total_wagered"],
            "total_won": item["total_won"],
        }
        for subject, key, name, item in games + players
    ]
