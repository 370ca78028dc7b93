"""What an operator may switch on, off and limit; the next bet already obeys."""

from uuid import UUID, uuid4

from tests.support.api import Api, assert_problem
from tests.support.forced import forced_game
from tests.support.world import Player


async def test_an_operator_limits_and_switches_its_own_games_only(api: Api) -> None:
    world, client = api.world, api.client
    game = await forced_game(world, 0)
    name, admin = f"p{uuid4().hex[:10]}", f"a{uuid4().hex[:10]}"
    player_id = await api.register(name)
    player = await api.log_in(name, "alpha")
    await api.add_operator_admin(admin, world.operators[0])
    staff = await api.log_in(admin, "alpha")
    await world.fund(Player(world.operators[0], UUID(player_id)), 10_000)

    async def put(**form: object) -> object:
        body = {"items": [{"game_id": game, "enabled": True, **form}]}
        return await client.put("/operator/games", json=body, headers=staff)

    async def spin(wager: int):
        headers = {**player, "Idempotency-Key": str(uuid4())}
        body = {"game_id": game, "wager": wager}
        return await client.post("/game/spin", json=body, headers=headers)

    assert (await spin(500)).status_code == 200
    answer = await client.put(
        "/operator/games",
        json={"items": [{"game_id": game, "enabled": True, "max_wager": 200}]},
        headers=staff,
    )
    shown = next(item for item in answer.json()["items"] if item["game_id"] == game)
    assert (shown["max_wager"], shown["min_wager"], shown["game_max_wager"]) == (200, None, 100_000)
    assert_problem(await spin(500), 422, "limit_exceeded")
    assert (await spin(200)).status_code == 200

    await put(enabled=False)
    assert_problem(await spin(200), 404, "game_not_found")
    listed = (await client.get("/games?operator=beta&limit=500")).json()["items"]
    assert game in [item["game_id"] for item in listed]


async def test_limits_outside_the_games_own_are_refused(api: Api) -> None:
    game = await forced_game(api.world, 0)
    admin = f"a{uuid4().hex[:10]}"
    await api.add_operator_admin(admin, api.world.operators[0])
    staff = await api.log_in(admin, "alpha")
    for form, status, code in (
        ({"game_id": game, "enabled": True, "max_wager": 100_001}, 422, "wager_limits_invalid"),
        (
            {"game_id": game, "enabled": True, "min_wager": 9, "max_wager": 8},
            422,
            "wager_limits_invalid",
        ),
        ({"game_id": 2**31 - 1, "enabled": True}, 404, "game_not_found"),
        ({"game_id": game}, 400, "validation_failed"),
    ):
        answer = await api.client.put("/operator/games", json={"items": [form]}, headers=staff)
        assert_problem(answer, status, code)
