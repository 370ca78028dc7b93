"""The platform's back office."""

from typing import Any

import pytest

from tests.support.api import PASSWORD, ROOT, Api, assert_problem

OPERATOR = {"slug": "gamma", "name": "Gamma", "currency": "EUR", "time_zone": "Europe/Malta"}
PAYTABLE = [[0, 358], [100, 500], [200, 120], [1000, 22]]  # returns 96 %


@pytest.fixture(scope="module")
async def root(api: Api) -> dict[str, str]:
    """The platform admin's session."""
    return await api.log_in(ROOT)


@pytest.fixture(scope="module")
async def category_id(api: Api, root: dict[str, str]) -> int:
    """A new category."""
    form = {"slug": "arcade", "name": "Arcade", "bonus_contribution_bps": 5000}
    answer = await api.client.post("/admin/categories", json=form, headers=root)
    assert answer.status_code == 201, answer.text
    return answer.json()["category_id"]


def game_form(category_id: int, **changes: Any) -> dict[str, Any]:
    """A game that fits."""
    form = {
        "slug": "comet",
        "name": "Comet",
        "provider": "Orbit",
        "category_id": category_id,
        "rtp_bps": 9600,
        "paytable": PAYTABLE,
        "wager_step": 1,
        "min_wager": 10,
        "max_wager": 10_000,
    }
    return form | changes


async def test_operator_is_created_changed_and_audited(api: Api, root: dict[str, str]) -> None:
    created = await api.client.post("/admin/operators", json=OPERATOR, headers=root)
    assert created.status_code == 201
    operator = created.json()
    assert operator["bonus_policy"] == "strict"
    url = f"/admin/operators/{operator['operator_id']}"
    changed = await api.client.put(url, json=OPERATOR | {"bonus_policy": "mixed"}, headers=root)
    assert changed.json()["bonus_policy_version"] == operator["bonus_policy_version"] + 1
    assert (await api.client.get(url, headers=root)).json() == changed.json()
    actions = await api.world.owner.fetch(
        "SELECT action, detail FROM audit_log WHERE operator_id = $1 ORDER BY audit_id",
        operator["operator_id"],
    )
    assert [row["action"] for row in actions] == ["operator.created", "operator.changed"]
    versions = await api.world.owner.fetch(
        "SELECT payload ->> 'version' AS version FROM outbox "
        "WHERE topic = 'operators' AND key = $1 ORDER BY seq",
        str(operator["operator_id"]),
    )
    assert [row["version"] for row in versions] == ["1", "2"]


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"slug": "alpha"}, 409, "operator_exists"),
        ({"slug": "delta", "time_zone": "Mars/Olympus"}, 422, "time_zone_unknown"),
        ({"slug": "delta", "currency": "euro"}, 400, "validation_failed"),
        ({"slug": "delta", "bonus_policy": "generous"}, 400, "validation_failed"),
        ({"slug": "delta", "operator_id": 1}, 400, "validation_failed"),
    ],
)
async def test_operators_that_are_refused(
    api: Api, root: dict[str, str], change: dict[str, Any], status: int, code: str
) -> None:
    before = await api.world.owner.fetchval("SELECT count(*) FROM operator")
    answer = await api.client.post("/admin/operators", json=OPERATOR | change, headers=root)
    assert_problem(answer, status, code)
    assert await api.world.owner.fetchval("SELECT count(*) FROM operator") == before


async def test_currency_and_slug_of_others_stand(api: Api, root: dict[str, str]) -> None:
    alpha, _ = api.world.operators
    url = f"/admin/operators/{alpha}"
    form = {"slug": "alpha", "name": "Alpha", "currency": "SEK"}
    assert_problem(await api.client.put(url, json=form, headers=root), 422, "currency_fixed")
    form = {"slug": "beta", "name": "Alpha", "currency": "EUR"}
    assert_problem(await api.client.put(url, json=form, headers=root), 409, "operator_exists")
    url = "/admin/operators/32000"
    assert_problem(await api.client.put(url, json=form, headers=root), 404, "operator_not_found")


async def test_host_names_the_operator(api: Api, root: dict[str, str]) -> None:
    form = {**OPERATOR, "slug": "hosted", "host": "play.hosted.example"}
    assert (await api.client.post("/admin/operators", json=form, headers=root)).status_code == 201
    again = form | {"slug": "hosted-too"}
    answer = await api.client.post("/admin/operators", json=again, headers=root)
    assert_problem(answer, 409, "host_taken")
    host = {"Host": "play.hosted.example:8000"}
    player = {"username": "guest", "email": "guest@example.com", "password": PASSWORD}
    registered = await api.client.post("/auth/register", json=player, headers=host)
    assert registered.status_code == 201, registered.text
    login = {"login": "guest", "password": PASSWORD, "transport": "bearer"}
    assert (await api.client.post("/auth/login", json=login, headers=host)).status_code == 200
    assert (await api.client.get("/games", headers=host)).status_code == 200


async def test_game_gets_its_volatility_from_its_paytable(
    api: Api, root: dict[str, str], category_id: int
) -> None:
    created = await api.client.post("/admin/games", json=game_form(category_id), headers=root)
    assert created.status_code == 201, created.text
    game = created.json()
    assert (game["rtp"], game["volatility"], game["category"]) == (0.96, "low", "arcade")
    # Σ p m² = 0.5 + 0.48 + 2.2 = 3.18; minus 0.96² = 2.2584
    assert game["sigma"] == pytest.approx(2.2584**0.5, abs=1e-6)
    url = f"/admin/games/{game['game_id']}"
    changed = await api.client.put(url, json=game_form(category_id, name="Comet II"), headers=root)
    assert changed.json()["version"] == game["version"] + 1
    same = await api.client.put(url, json=game_form(category_id, name="Comet II"), headers=root)
    assert same.json() == changed.json()
    shown = await api.client.get(f"/games/{game['game_id']}", params={"operator": "alpha"})
    assert shown.json()["name"] == "Comet II"
    assert shown.json()["paytable"] == PAYTABLE


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"rtp_bps": 9601}, 422, "paytable_rtp_mismatch"),
        ({"paytable": [[0, 1], [0, 1]]}, 422, "paytable_invalid"),
        ({"paytable": [[150, 64], [0, 36]], "wager_step": 1}, 422, "wager_step_invalid"),
        ({"wager_step": 20, "min_wager": 30, "max_wager": 100}, 422, "wager_limits_invalid"),
        ({"min_wager": 100, "max_wager": 10}, 422, "wager_limits_invalid"),
        ({"paytable": []}, 400, "validation_failed"),
        ({"paytable": [[0, 0]]}, 400, "validation_failed"),
        ({"paytable": [[0, 1, 2]]}, 400, "validation_failed"),
        ({"volatility": "low"}, 400, "validation_failed"),
        ({"category_id": 32000}, 404, "category_not_found"),
        ({"slug": "comet-taken"}, 409, "game_exists"),
    ],
)
async def test_games_that_are_refused(
    api: Api, root: dict[str, str], category_id: int, change: dict[str, Any], status: int, code: str
) -> None:
    if code == "game_exists":
        taken = game_form(category_id, slug="comet-taken")
        await api.client.post("/admin/games", json=taken, headers=root)
    before = await api.world.owner.fetchval("SELECT count(*) FROM game")
    form = game_form(category_id, slug="refused") | change
    assert_problem(await api.client.post("/admin/games", json=form, headers=root), status, code)
    assert await api.world.owner.fetchval("SELECT count(*) FROM game") == before


async def test_category_slugs_are_unique(api: Api, root: dict[str, str], category_id: int) -> None:
    form = {"slug": "arcade", "name": "Another"}
    answer = await api.client.post("/admin/categories", json=form, headers=root)
    assert_problem(answer, 409, "category_exists")
    listed = (await api.client.get("/admin/categories", headers=root)).json()["items"]
    assert [row["slug"] for row in listed if row["category_id"] == category_id] == ["arcade"]


async def test_pages_show_everything_once(api: Api, root: dict[str, str]) -> None:
    whole = (await api.client.get("/admin/games", headers=root)).json()["items"]
    seen, cursor = [], None
    while True:
        params = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
        page = (await api.client.get("/admin/games", params=params, headers=root)).json()
        seen += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == whole


async def test_bulk_registration_skips_those_who_are_there(api: Api, root: dict[str, str]) -> None:
    alpha, _ = api.world.operators
    form = {
        "operator_id": alpha,
        "password": PASSWORD,
        "is_bot": True,
        "players": [{"username": f"Bot{n}", "email": f"bot{n}@example.com"} for n in range(3)],
    }
    first = (await api.client.post("/admin/players/bulk", json=form, headers=root)).json()
    assert [player["username"] for player in first["created"]] == ["Bot0", "Bot1", "Bot2"]
    form["players"].append({"username": "bot3", "email": "bot3@example.com"})
    second = (await api.client.post("/admin/players/bulk", json=form, headers=root)).json()
    assert [player["username"] for player in second["created"]] == ["bot3"]
    assert second["existing"] == ["bot0", "bot1", "bot2"]
    me = await api.client.get("/auth/me", headers=await api.log_in("bot3", "alpha"))
    assert me.json()["player"]["is_bot"] is True


async def test_bulk_registration_is_all_or_nothing(api: Api, root: dict[str, str]) -> None:
    alpha, _ = api.world.operators
    await api.register("holder")
    form = {
        "operator_id": alpha,
        "password": PASSWORD,
        "players": [
            {"username": "fresh", "email": "fresh@example.com"},
            {"username": "clash", "email": "holder@example.com"},
        ],
    }
    answer = await api.client.post("/admin/players/bulk", json=form, headers=root)
    assert_problem(answer, 409, "login_taken")
    assert not await api.world.owner.fetchval("SELECT true FROM login_name WHERE login = 'fresh'")


async def test_player_of_an_unknown_operator(api: Api, root: dict[str, str]) -> None:
    form = {
        "operator_id": 32000,
        "username": "lost",
        "email": "l@example.com",
        "password": PASSWORD,
    }
    answer = await api.client.post("/admin/players", json=form, headers=root)
    assert_problem(answer, 404, "operator_not_found")
