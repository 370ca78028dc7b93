"""Spins over HTTP: what a player gets, and what every kind of bad request leaves untouched."""

import asyncio
from typing import Any
from uuid import UUID

import httpx
import pytest

from tests.support.api import Api, assert_problem
from tests.support.world import Player

BALANCE = 10_000


class Seat:
    """A funded player at the API."""

    def __init__(self, api: Api, player: Player, headers: dict[str, str]) -> None:
        self.api = api
        self.player = player
        self.headers = headers

    async def spin(self, key: str | None, body: Any = None, **fields: Any) -> httpx.Response:
        """Spin the world's slot for 100 unless told otherwise; the key None is left out."""
        headers = self.headers | ({"Idempotency-Key": key} if key is not None else {})
        spin = {"game_id": self.api.world.games["slot"], "wager": 100} | fields
        sent: dict[str, Any] = {"json": spin} if body is None else {"content": body}
        return await self.api.client.post("/game/spin", headers=headers, **sent)

    async def state(self) -> tuple[int, int, int]:
        """Balance, bets and outbox rows of this player."""
        world, player = self.api.world, self.player
        counts = [
            await world.owner.fetchval(f"SELECT count(*) FROM {table} WHERE {column} = $1", value)
            for table, column, value in (
                ("bet_log", "user_id", player.user_id),
                ("outbox", "payload ->> 'user_id'", str(player.user_id)),
            )
        ]
        return await world.real_balance(player), *counts


@pytest.fixture(scope="module")
async def seat(api: Api) -> Seat:
    user_id = UUID(await api.register("spinner"))
    player = Player(api.world.operators[0], user_id)
    await api.world.fund(player, BALANCE)
    return Seat(api, player, await api.log_in("spinner", "alpha"))


async def test_a_spin_is_settled_once_under_its_key(seat: Seat) -> None:
    balance, bets, _ = await seat.state()
    first = await seat.spin("once")
    assert first.status_code == 200
    bet = first.json()
    assert "idempotent-replayed" not in first.headers
    assert (bet["wager"], bet["bet_type"]) == (100, "REAL")
    assert bet["balances"]["real"] == balance - 100 + bet["win"]
    answers = await asyncio.gather(*(seat.spin("once") for _ in range(5)))
    for answer in answers:
        assert answer.headers["idempotent-replayed"] == "true"
        assert answer.json() == bet
    assert (await seat.state())[:2] == (bet["balances"]["real"], bets + 1)
    shown = await seat.api.client.get(f"/game/bets/{bet['bet_id']}", headers=seat.headers)
    assert shown.json()["win"] == bet["win"]


BAD_BODIES = [
    (b"", "validation_failed"),
    (b"{", "malformed_body"),
    (b"\xff\xfe", "malformed_body"),
    (b"[]", "validation_failed"),
    (b"null", "validation_failed"),
    (b"{}", "validation_failed"),
    (b'{"game_id": 1}', "validation_failed"),
    (b'{"game_id": "1", "wager": 100}', "validation_failed"),
    (b'{"game_id": 1, "wager": "100"}', "validation_failed"),
    (b'{"game_id": 1, "wager": 100.5}', "validation_failed"),
    (b'{"game_id": 1, "wager": true}', "validation_failed"),
    (b'{"game_id": 1, "wager": null}', "validation_failed"),
    (b'{"game_id": 1, "wager": 0}', "validation_failed"),
    (b'{"game_id": 1, "wager": -100}', "validation_failed"),
    (b'{"game_id": 1, "wager": 1e400}', "validation_failed"),
    (b'{"game_id": 1, "wager": 99999999999999999999}', "validation_failed"),
    (b'{"game_id": 0, "wager": 100}', "validation_failed"),
    (b'{"game_id": 1, "wager": 100, "operator_id": 2}', "validation_failed"),
    (b'{"game_id": 1, "wager": 100, "client_seed": ""}', "validation_failed"),
    (b'{"game_id": 1, "wager": 100, "client_seed": "a:b"}', "validation_failed"),
]


@pytest.mark.parametrize(("body", "code"), BAD_BODIES)
async def test_bodies_that_are_no_spin(seat: Seat, body: bytes, code: str) -> None:
    before = await seat.state()
    assert_problem(await seat.spin("bad-body", body), 400, code)
    assert await seat.state() == before


@pytest.mark.parametrize(
    ("key", "code"),
    [
        (None, "idempotency_key_missing"),
        ("", "idempotency_key_missing"),
        ("x" * 256, "idempotency_key_invalid"),
        ("tab\tinside", "idempotency_key_invalid"),
    ],
)
async def test_keys_that_are_none(seat: Seat, key: str | None, code: str) -> None:
    before = await seat.state()
    assert_problem(await seat.spin(key), 400, code)
    assert await seat.state() == before


async def test_a_key_stands_for_one_body(seat: Seat) -> None:
    assert (await seat.spin("one-body")).status_code == 200
    before = await seat.state()
    for other in ({"wager": 101}, {"game_id": seat.api.world.games["coin"]}):
        assert_problem(await seat.spin("one-body", **other), 422, "idempotency_key_reused")
    assert await seat.state() == before


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"wager": BALANCE * 5}, 422, "insufficient_funds"),
        ({"wager": 100_001}, 422, "limit_exceeded"),
        ({"game_id": 2**31 - 1}, 404, "game_not_found"),
        ({"free_spin": True}, 422, "no_free_spins"),
    ],
)
async def test_refused_spins_change_nothing_and_free_their_key(
    seat: Seat, fields: dict[str, Any], status: int, code: str
) -> None:
    before = await seat.state()
    key = f"refused-{code}"
    assert_problem(await seat.spin(key, **fields), status, code)
    assert await seat.state() == before
    assert (await seat.spin(key, wager=1)).status_code == 200


async def test_a_game_that_the_operator_does_not_offer(seat: Seat) -> None:
    world = seat.api.world
    await world.owner.execute(
        "INSERT INTO operator_game (operator_id, game_id, enabled) VALUES ($1, $2, false)",
        seat.player.operator_id,
        world.games["coin"],
    )
    before = await seat.state()
    answer = await seat.spin("foreign", game_id=world.games["coin"])
    assert_problem(answer, 404, "game_not_found")
    assert await seat.state() == before


async def test_without_a_session_or_with_the_wrong_one(seat: Seat) -> None:
    before = await seat.state()
    nobody = Seat(seat.api, seat.player, {})
    assert_problem(await nobody.spin("nobody"), 401, "not_authenticated")
    unknown = Seat(seat.api, seat.player, {"Authorization": "Bearer made-up"})
    assert_problem(await unknown.spin("unknown"), 401, "not_authenticated")
    root = Seat(seat.api, seat.player, await seat.api.log_in("root"))
    assert_problem(await root.spin("root"), 403, "forbidden")
    assert await seat.state() == before


async def test_another_players_bet_is_not_found(seat: Seat) -> None:
    bet = (await seat.spin("mine", wager=1)).json()
    await seat.api.register("neighbour")
    headers = await seat.api.log_in("neighbour", "alpha")
    answer = await seat.api.client.get(f"/game/bets/{bet['bet_id']}", headers=headers)
    assert_problem(answer, 404, "bet_not_found")
