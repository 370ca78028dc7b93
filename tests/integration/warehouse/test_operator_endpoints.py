"""The operator's endpoints over HTTP: exact at any range, bound to the tenant, paged, refusing."""

from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from uuid_utils.compat import uuid7

from ledger.events import BetEvent, TransactionEvent, timestamp
from tests.integration.warehouse.conftest import Stream
from tests.support.api import Api, assert_problem, served, settings_for
from tests.support.outbox import bet_event, deposit_event, write
from tests.support.world import Player, World
from warehouse.client import Warehouse
from warehouse.filters import Filters
from warehouse.queries import Figures, game_figures, total
from warehouse.queries_players import ranked_players
from warehouse.time_ranges import TimeRange

START = datetime(2026, 2, 27, 22, 15, tzinfo=UTC)
SPAN = timedelta(days=4)


class History:
    """What was written to the outbox, to compute every answer from a second time."""

    def __init__(self, players: list[Player], bets: list[BetEvent]) -> None:
        self.players = players
        self.bets = bets

    def of(self, operator_id: int, **fields: Any) -> list[BetEvent]:
        """The operator's bets with these fields."""
        return [
            bet
            for bet in self.bets
            if bet.operator_id == operator_id
            and all(getattr(bet, name) == value for name, value in fields.items())
        ]


def totals(bets: Iterable[BetEvent]) -> tuple[int, int, int]:
    """Bets, wagers and wins, net of rollbacks."""
    bets = list(bets)
    return (
        sum(bet.sign for bet in bets),
        sum(bet.wager for bet in bets),
        sum(bet.win for bet in bets),
    )


def moment(bet: BetEvent) -> datetime:
    return datetime.fromisoformat(bet.created_at)


@pytest.fixture(scope="module")
async def history(world: World, stream: Stream) -> History:
    """Four days of bets over two months and two operators, a tenth of them rolled back."""
    players = [await world.player(operator) for operator in world.operators for _ in range(3)]
    games = list(world.games.values())
    bets: list[BetEvent] = []
    for number in range(600):
        player = players[number % len(players)]
        fields: dict[str, Any] = {
            "operator_id": player.operator_id,
            "user_id": player.user_id,
            "game_id": games[number % 5 % len(games)],
            "wager": 10 + number,
            "win": number * 37 % 50,
            "bet_id": uuid7(),
            "created_at": START + SPAN * number / 600 + timedelta(microseconds=number),
            "is_bot": int(player in players[::3]),
            "jackpot": 777 if number % 100 == 0 else 0,
        }
        bets.append(bet_event(**fields))
        if number % 10 == 3:
            bets.append(bet_event(**fields, sign=-1))
    async with world.owner.acquire() as connection:
        await write(connection, *bets)
    await stream.drain()
    return History(players, bets)


@pytest.fixture(scope="module")
async def api(world: World, redis_url: str, clickhouse_url: str) -> AsyncIterator[Api]:
    """The API on the module's stores, with an admin for each operator."""
    configuration = settings_for(world, redis_url, clickhouse_url=clickhouse_url)
    async with served(world, configuration) as running:
        for operator_id, slug in zip(world.operators, ("alpha", "beta"), strict=True):
            await running.add_operator_admin(f"boss-{slug}", operator_id)
        yield running


@pytest.fixture(scope="module")
async def boss(api: Api) -> dict[str, str]:
    """Headers of operator alpha's admin."""
    return await api.log_in("boss-alpha", "alpha")


async def get(api: Api, path: str, headers: dict[str, str], **query: Any) -> dict[str, Any]:
    answer = await api.client.get(f"/operator{path}", headers=headers, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


OFFSETS = st.integers(-3_600_000_000, int((SPAN + timedelta(hours=1)).total_seconds()) * 10**6)


@given(one=OFFSETS, other=OFFSETS, include_bots=st.booleans())
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_any_range_is_exact(
    one: int, other: int, include_bots: bool, history: History, clickhouse_url: str
) -> None:
    """Whole hours and days come from rollups, edges from raw rows; together they miss nothing."""
    start, end = (START + timedelta(microseconds=offset) for offset in sorted((one, other + 1)))
    period = TimeRange(start, end)
    warehouse = Warehouse(clickhouse_url)
    try:
        for operator_id in {player.operator_id for player in history.players}:
            inside = [
                bet
                for bet in history.of(operator_id)
                if start <= moment(bet) < end and (include_bots or not bet.is_bot)
            ]
            filters = Filters(include_bots=include_bots)
            games = await game_figures(warehouse, operator_id, period, filters)
            players = await ranked_players(warehouse, operator_id, period, filters, limit=500)
            for figures in (games, players):
                whole = total(figures, Figures)
                assert (whole.bets, whole.wager, whole.win) == totals(inside)
            for game in games:
                mine = [bet for bet in inside if bet.game_id == game.game_id]
                assert (game.bets, game.wager, game.win) == totals(mine)
                assert game.jackpot == sum(bet.jackpot for bet in mine)
            for player in players:
                mine = [bet for bet in inside if bet.user_id == player.player_id]
                assert (player.bets, player.wager, player.win) == totals(mine)
    finally:
        await warehouse.close()


async def test_games_report(api: Api, boss: dict[str, str], history: History, world: World) -> None:
    report = await get(api, "/analytics/games", boss)
    bets, wager, win = totals(history.of(world.operators[0]))
    assert report["totals"]["bets"] == bets
    assert report["totals"]["total_wagered"] == wager
    assert report["totals"]["total_won"] == win
    assert report["totals"]["ggr"] == wager - win
    assert report["totals"]["rtp"] == round(win / wager, 6)
    assert report["operator_id"] == world.operators[0]
    assert report["include_bots"] is True
    assert report["currency"] == "EUR"
    assert report["from"] == "1970-01-01T00:00:00.000000Z"
    assert report["as_of"] <= report["to"]
    assert report["lag_ms"] >= 0
    assert sum(item["ggr"] for item in report["items"]) == wager - win
    slot = next(item for item in report["items"] if item["game_id"] == world.games["slot"])
    assert (slot["game_name"], slot["theoretical_rtp"]) == ("Slot", 0.96)


async def test_games_filters(
    api: Api, boss: dict[str, str], history: History, world: World
) -> None:
    operator_id, player = world.operators[0], history.players[1]
    coin = world.games["coin"]
    for query, fields in (
        ({"game_id": coin}, {"game_id": coin}),
        ({"include_bots": "false"}, {"is_bot": 0}),
        ({"player_id": str(player.user_id)}, {"user_id": player.user_id}),
        (
            {"player_id": str(player.user_id), "game_id": coin},
            {"user_id": player.user_id, "game_id": coin},
        ),
    ):
        report = await get(api, "/analytics/games", boss, **query)
        found = report["totals"]
        assert (found["bets"], found["total_wagered"], found["total_won"]) == totals(
            history.of(operator_id, **fields)
        )
    assert (await get(api, "/analytics/games", boss, provider="Nobody"))["items"] == []
    assert (await get(api, "/analytics/games", boss, category="slots"))["items"]


async def test_rtp_summary(api: Api, boss: dict[str, str], history: History, world: World) -> None:
    summary = await get(api, "/analytics/rtp-summary", boss)
    for entry in summary["by_player"]:
        mine = history.of(world.operators[0], user_id=UUID(entry["player_id"]))
        _, wager, win = totals(mine)
        assert entry["rtp"] == round(win / wager, 6)
        assert entry["username"]
    assert len(summary["by_player"]) == 3
    assert {entry["name"] for entry in summary["by_game"]} == {"Slot", "Coin"}


async def test_other_operators_see_nothing_of_it(api: Api, history: History, world: World) -> None:
    other = await api.log_in("boss-beta", "beta")
    mine = history.players[0]
    report = await get(api, "/analytics/games", other)
    assert report["totals"]["total_wagered"] == totals(history.of(world.operators[1]))[1]
    page = await get(api, "/transactions", other, limit=500)
    assert {item["player_id"] for item in page["items"]} <= {
        str(player.user_id) for player in history.players[3:]
    }
    for path in (
        f"/player/{mine.user_id}",
        f"/transactions?player_id={mine.user_id}",
        f"/analytics/games?player_id={mine.user_id}",
    ):
        answer = await api.client.get(f"/operator{path}", headers=other)
        assert_problem(answer, 404, "player_not_found")
    answer = await api.client.get(
        f"/operator/transactions?operator_id={mine.operator_id}", headers=other
    )
    assert_problem(answer, 403, "forbidden")


async def test_pages_hold_every_row_once_in_order(
    api: Api, boss: dict[str, str], history: History, world: World
) -> None:
    expected = history.of(world.operators[0])
    items: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        page = await get(api, "/transactions", boss, limit=37, to="2026-04-01", **cursor)
        items += page["items"]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert len(items) == len(expected)
    assert {(item["id"], item["type"]) for item in items} == {
        (str(bet.bet_id), "bet" if bet.sign == 1 else "rollback") for bet in expected
    }
    assert all(earlier["created_at"] >= later["created_at"] for earlier, later in pairwise(items))


async def test_transaction_filters(
    api: Api, boss: dict[str, str], history: History, world: World
) -> None:
    operator_id, player = world.operators[0], history.players[0]
    own = history.of(operator_id, user_id=player.user_id)
    common = {"limit": 500, "to": "2026-04-01"}

    async def ids(**query: Any) -> set[str]:
        return {item["id"] for item in (await get(api, "/transactions", boss, **query))["items"]}

    assert await ids(**common, player_id=str(player.user_id)) == {str(bet.bet_id) for bet in own}
    assert await ids(**common, type="rollback") == {
        str(bet.bet_id) for bet in history.of(operator_id, sign=-1)
    }
    first, last = START + SPAN / 3, START + SPAN / 2
    assert await ids(limit=500, **{"from": timestamp(first), "to": timestamp(last)}) == {
        str(bet.bet_id) for bet in history.of(operator_id) if first <= moment(bet) < last
    }


async def test_a_deposit_is_listed_once_with_its_latest_status(
    api: Api, boss: dict[str, str], history: History, world: World, stream: Stream
) -> None:
    player = history.players[1]
    at = datetime(2026, 5, 1, 10, tzinfo=UTC)
    deposit: dict[str, Any] = {
        "operator_id": player.operator_id,
        "user_id": player.user_id,
        "transaction_id": uuid7(),
        "created_at": at,
        "amount": 12_345,
    }
    events: list[TransactionEvent] = [
        deposit_event(**deposit),
        deposit_event(
            **deposit, event_no=2, status="COMPLETED", occurred_at=at + timedelta(hours=2)
        ),
    ]
    for event in events:
        async with world.owner.acquire() as connection:
            await write(connection, event)
        await stream.drain()
        for query in ({}, {"player_id": str(player.user_id)}):
            page = await get(api, "/transactions", boss, type="deposit", **query)
            [item] = page["items"]
            assert (item["status"], item["amount"]) == (event.status, 12_345)
            assert item["wager"] is None
            assert item["username"]
    page = await get(api, "/transactions", boss, limit=2)
    assert [item["type"] for item in page["items"]] == ["deposit", "bet"]
    detail = await get(api, f"/player/{player.user_id}", boss)
    assert detail["lifetime"]["deposits"] == 12_345
    assert detail["lifetime"]["deposit_count"] == 1
    assert detail["history"][0]["type"] == "deposit"


async def test_players_and_one_player(
    api: Api, boss: dict[str, str], history: History, world: World
) -> None:
    first = await get(api, "/players", boss, limit=2)
    second = await get(api, "/players", boss, limit=2, cursor=first["next_cursor"])
    assert second["next_cursor"] is None
    listed = {item["player_id"]: item for item in first["items"] + second["items"]}
    assert set(listed) == {str(player.user_id) for player in history.players[:3]}
    for player in history.players[:3]:
        bets, wager, win = totals(history.of(world.operators[0], user_id=player.user_id))
        item = listed[str(player.user_id)]
        assert (item["bets"], item["total_wagered"], item["total_won"]) == (bets, wager, win)
        detail = await get(api, f"/player/{player.user_id}", boss)
        assert detail["lifetime"]["ggr"] == wager - win
        assert detail["wallet"]["real_balance"] == 0
        assert len(detail["history"]) == 20
        found = await get(api, "/players", boss, q=item["username"].upper()[:-1])
        assert str(player.user_id) in {entry["player_id"] for entry in found["items"]}
    assert (await get(api, "/players", boss, status="BLOCKED"))["items"] == []
    assert (await get(api, "/players", boss, is_bot="true"))["items"] == []


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/analytics/games?from=yesterday", "invalid_range"),
        ("/analytics/games?from=2026-01-01T00:00:00", "invalid_range"),
        ("/analytics/games?from=2026-02-01&to=2026-01-01", "invalid_range"),
        ("/analytics/games?from=2026-02-01&to=2026-02-01", "invalid_range"),
        ("/analytics/games?to=9999-01-01", "invalid_range"),
        ("/analytics/games?include_bots=maybe", "validation_failed"),
        ("/analytics/games?game_id=-1", "validation_failed"),
        ("/analytics/games?player_id=7", "validation_failed"),
        ("/analytics/rtp-summary?limit=501", "validation_failed"),
        ("/transactions?type=theft", "validation_failed"),
        ("/transactions?limit=0", "validation_failed"),
        ("/transactions?cursor=nonsense", "invalid_cursor"),
        ("/transactions?cursor=WzFd", "invalid_cursor"),
        ("/players?cursor=WzFd", "invalid_cursor"),
        ("/players?status=RICH", "validation_failed"),
    ],
)
async def test_bad_questions_get_a_problem(
    path: str, code: str, api: Api, boss: dict[str, str]
) -> None:
    assert_problem(await api.client.get(f"/operator{path}", headers=boss), 400, code)


async def test_players_and_strangers_are_refused(api: Api, world: World) -> None:
    await api.register("nosy")
    player = await api.log_in("nosy", "alpha")
    for path in ("/transactions", "/players", "/analytics/games", "/analytics/rtp-summary"):
        assert_problem(await api.client.get(f"/operator{path}", headers=player), 403, "forbidden")
        assert_problem(await api.client.get(f"/operator{path}"), 401, "not_authenticated")
