"""WebSockets: who may listen, what they hear, and that slow or ended ones are let go."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import pytest
import redis.asyncio
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from api.live import SOCKET_BACKLOG, Feed, Live
from api.routes import live as live_routes
from ledger.batch import BetBatcher
from ledger.commands import MoneyDesk
from ledger.database import Role
from ledger.jackpots import PoolForm, open_pool
from tests.support.api import ROOT, Api
from tests.support.forced import forced_game


@pytest.fixture(scope="module")
async def players(api: Api) -> dict[str, str]:
    """Ids of two players by name."""
    return {name: await api.register(name) for name in ("ada", "bob")}


@asynccontextmanager
async def listening(
    api: Api, path: str, headers: dict[str, str], **options: Any
) -> AsyncIterator[ClientConnection]:
    """An accepted socket whose greeting has been read."""
    url = f"{api.base_url.replace('http', 'ws')}{path}"
    async with connect(url, additional_headers=headers, **options) as socket:
        assert json.loads(await socket.recv())["type"] == "connected"
        yield socket


async def _refused(api: Api, path: str, headers: dict[str, str]) -> bool:
    try:
        async with listening(api, path, headers):
            return False
    except (InvalidStatus, ConnectionClosed):
        return True


def _live(api: Api) -> Live:
    return api.app.state.live


async def _next(socket: ClientConnection) -> dict[str, Any]:
    async with asyncio.timeout(20):
        return json.loads(await socket.recv())


async def test_a_player_hears_of_own_bets_only(api: Api, players: dict[str, str]) -> None:
    ada, bob = await api.log_in("ada", "alpha"), await api.log_in("bob", "alpha")
    async with listening(api, "/ws/player", ada) as one, listening(api, "/ws/player", bob) as two:
        _live(api).notify_players(
            [
                (UUID(players["ada"]), {"type": "bet", "win": 1}),
                (UUID(players["bob"]), {"type": "bet", "win": 2}),
            ]
        )
        assert await _next(one) == {"type": "bet", "win": 1}
        assert await _next(two) == {"type": "bet", "win": 2}


async def test_a_spin_reaches_every_socket_of_its_player(api: Api, players: dict[str, str]) -> None:
    headers = await api.log_in("ada", "alpha")
    alpha, _ = api.world.operators
    await api.world.owner.execute(
        "UPDATE wallet SET real_balance = 1000 WHERE operator_id = $1 AND user_id = $2",
        alpha,
        UUID(players["ada"]),
    )
    async with (
        listening(api, "/ws/player", headers) as one,
        listening(api, "/ws/player", headers) as two,
    ):
        answer = await api.client.post(
            "/game/spin",
            json={"game_id": next(iter(api.world.games.values())), "wager": 10},
            headers={**headers, "Idempotency-Key": "heard"},
        )
        assert answer.status_code == 200, answer.text
        expected = {"type": "bet", **answer.json()}
        assert await _next(one) == expected
        assert await _next(two) == expected


async def test_without_the_right_session_no_socket(api: Api, players: dict[str, str]) -> None:
    player = await api.log_in("ada", "alpha")
    root = await api.log_in(ROOT)
    assert await _refused(api, "/ws/player", {})
    assert await _refused(api, "/ws/player", {"Authorization": "Bearer made-up"})
    assert await _refused(api, "/ws/player", root)
    assert await _refused(api, "/ws/operator", player)
    assert await _refused(api, "/ws/operator", root)  # names no operator
    assert await _refused(api, "/ws/operator?operator_id=32000", root)


async def test_a_cookie_is_taken_from_our_own_pages_only(api: Api, players: dict[str, str]) -> None:
    cookie, _ = await api.log_in_by_cookie("ada", "alpha")
    assert await _refused(api, "/ws/player", {**cookie, "Origin": "https://evil.example"})
    assert not await _refused(api, "/ws/player", {**cookie, "Origin": api.base_url})


async def test_operators_hear_of_their_own_numbers(api: Api, clean_redis_url: str) -> None:
    alpha, beta = api.world.operators
    await api.add_operator_admin("boss", alpha)
    boss, root = await api.log_in("boss", "alpha"), await api.log_in(ROOT)
    async with (
        listening(api, "/ws/operator", boss) as own,
        listening(api, f"/ws/operator?operator_id={beta}", root) as other,
        redis.asyncio.Redis.from_url(clean_redis_url) as publisher,
    ):
        for as_of, operator_id in (("first", beta), ("second", alpha)):
            news = json.dumps({"as_of": as_of, "operators": [operator_id]})
            await publisher.publish("warehouse", news)
        assert await _next(own) == {"type": "warehouse", "as_of": "second"}
        assert await _next(other) == {"type": "warehouse", "as_of": "first"}


async def test_unreadable_news_do_not_end_the_feed(
    api: Api, players: dict[str, str], clean_redis_url: str
) -> None:
    headers = await api.log_in("ada", "alpha")
    async with (
        listening(api, "/ws/player", headers) as socket,
        redis.asyncio.Redis.from_url(clean_redis_url) as publisher,
    ):
        await publisher.publish("players", b"nonsense")
        _live(api).notify_players([(UUID(players["ada"]), {"type": "balance"})])
        assert await _next(socket) == {"type": "balance"}
    assert _live(api).healthy


@pytest.mark.parametrize("path", ["/auth/logout", "/auth/logout-everywhere"])
async def test_logout_closes_the_sockets_of_its_session_at_once(
    api: Api, players: dict[str, str], monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setattr(live_routes, "HEARTBEAT_SECONDS", 3600)
    headers, others = await api.log_in("ada", "alpha"), await api.log_in("bob", "alpha")
    async with (
        listening(api, "/ws/player", headers) as socket,
        listening(api, "/ws/player", others) as other,
    ):
        assert (await api.client.post(path, headers=headers)).status_code == 204
        async with asyncio.timeout(20):
            await socket.wait_closed()
        assert socket.close_code == live_routes.NOT_AUTHENTICATED
        _live(api).notify_players([(UUID(players["bob"]), {"type": "balance"})])
        assert await _next(other) == {"type": "balance"}
    async with asyncio.timeout(20):
        while _live(api)._sessions:  # noqa: ASYNC110 - nothing tells when the server is done
            await asyncio.sleep(0.01)


async def test_where_the_news_is_lost_a_heartbeat_closes_the_socket(
    api: Api, players: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api.app.state.sessions, "_on_end", None)
    monkeypatch.setattr(live_routes, "HEARTBEAT_SECONDS", 0.05)
    headers = await api.log_in("ada", "alpha")
    async with listening(api, "/ws/player", headers) as socket:
        assert (await _next(socket))["type"] == "heartbeat"
        assert (await api.client.post("/auth/logout", headers=headers)).status_code == 204
        async with asyncio.timeout(20):
            await socket.wait_closed()
    assert socket.close_code == live_routes.NOT_AUTHENTICATED


def test_a_full_feed_is_given_up_and_never_blocks() -> None:
    feed = Feed()
    for number in range(SOCKET_BACKLOG):
        feed.put(b"%d" % number)
    assert not feed.closed.is_set()
    feed.put(b"one too many")
    assert feed.closed.is_set()
    assert feed.messages.qsize() == SOCKET_BACKLOG


async def test_closed_sockets_leave_nothing_behind(api: Api, players: dict[str, str]) -> None:
    headers = await api.log_in("ada", "alpha")
    async with listening(api, "/ws/player", headers):
        assert _live(api)._players
    async with asyncio.timeout(20):
        while _live(api)._players:  # noqa: ASYNC110 - nothing tells when the server is done
            await asyncio.sleep(0.01)


async def test_everybody_hears_of_jackpots_and_of_who_won_nothing_more(
    api: Api, players: dict[str, str]
) -> None:
    world = api.world
    game = await forced_game(world, 0)
    desk = MoneyDesk(world.pools[Role.BATCH], world.vault, world.hits)
    form = PoolForm(
        name="live", currency="EUR", seed=1_000, cap=2_100, rate_bps=20, game_ids=[game]
    )
    pool_id = await open_pool(desk.pool, desk.hits, form)
    winner = await world.player(balance=1_000_000)
    ada = await api.log_in("ada", "alpha")
    batcher = BetBatcher(world.pools[Role.BATCH], world.vault, world.hits, lambda fresh: None)
    batcher.start()
    async with listening(api, "/ws/player", ada) as socket:
        amounts = await _next(socket)
        assert amounts["type"] == "jackpots"
        assert {"pool_id": pool_id, "amount": 1_000}.items() <= amounts["items"][-1].items()
        hit = 0
        while not hit:
            hit = (await batcher.submit(winner.spin(game, 20_000))).result.jackpot
        while (told := await _next(socket))["type"] != "jackpot_won":
            assert told["type"] == "jackpots"
    await batcher.stop()
    assert (told["pool_id"], told["amount"], told["cycle_no"]) == (pool_id, hit, 1)
    assert str(winner.user_id) not in json.dumps(told)
