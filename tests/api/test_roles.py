"""Who may do what, and that nobody reaches across operators."""

from collections.abc import AsyncIterator

import pytest

from tests.support.api import ROOT, Api, assert_problem, served, settings_for
from tests.support.gateway import start_gateway
from tests.support.world import World
from warehouse.migrate import upgrade

PLAYER_ROUTES = [
    ("GET", "/wallet"),
    ("GET", "/wallet/transactions"),
    ("GET", "/deposits"),
    ("GET", "/game/bets"),
    ("GET", "/me/fairness"),
]
OPERATOR_ROUTES = [("GET", "/operator/players"), ("GET", "/operator/transactions")]
PLATFORM_ROUTES = [
    ("GET", "/admin/operators"),
    ("GET", "/admin/games"),
    ("GET", "/admin/categories"),
]
ALLOWED = {"player": PLAYER_ROUTES, "operator_admin": OPERATOR_ROUTES, "platform": PLATFORM_ROUTES}


@pytest.fixture(scope="module")
async def api(
    world: World, clean_redis_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Api]:
    """The API with a ClickHouse: operators' reads need one."""
    gateway = start_gateway(tmp_path_factory.mktemp("clickhouse"))
    try:
        upgrade(gateway.clickhouse_url)
        settings = settings_for(world, clean_redis_url, clickhouse_url=gateway.clickhouse_url)
        async with served(world, settings) as running:
            yield running
    finally:
        gateway.stop()


@pytest.fixture(scope="module")
async def headers(api: Api) -> dict[str, dict[str, str]]:
    """A bearer session of each role; ``other_admin`` is beta's."""
    alpha, beta = api.world.operators
    await api.register("ada")
    await api.add_operator_admin("boss", alpha)
    await api.add_operator_admin("boss", beta)
    return {
        "player": await api.log_in("ada", "alpha"),
        "operator_admin": await api.log_in("boss", "alpha"),
        "other_admin": await api.log_in("boss", "beta"),
        "platform": await api.log_in(ROOT),
    }


@pytest.mark.parametrize("role", ["player", "operator_admin", "platform"])
@pytest.mark.parametrize(("method", "path"), [*PLAYER_ROUTES, *OPERATOR_ROUTES, *PLATFORM_ROUTES])
async def test_a_role_reaches_its_own_routes_alone(
    api: Api, headers: dict[str, dict[str, str]], role: str, method: str, path: str
) -> None:
    answer = await api.client.request(method, path, headers=headers[role])
    if (method, path) in ALLOWED[role]:
        assert answer.status_code != 401
        assert answer.status_code != 403
    elif role == "platform" and (method, path) in OPERATOR_ROUTES:
        assert_problem(answer, 400, "operator_required")
    else:
        assert_problem(answer, 403, "forbidden")


@pytest.mark.parametrize(("method", "path"), [*PLAYER_ROUTES, *OPERATOR_ROUTES, *PLATFORM_ROUTES])
async def test_nobody_gets_in_without_a_session(api: Api, method: str, path: str) -> None:
    answer = await api.client.request(method, path)
    assert_problem(answer, 401, "not_authenticated")
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_operator_admin_cannot_name_another_operator(
    api: Api, headers: dict[str, dict[str, str]]
) -> None:
    alpha, beta = api.world.operators
    own = await api.client.get(
        "/operator/players", params={"operator_id": alpha}, headers=headers["operator_admin"]
    )
    assert own.status_code == 200
    foreign = await api.client.get(
        "/operator/players", params={"operator_id": beta}, headers=headers["operator_admin"]
    )
    assert_problem(foreign, 403, "forbidden")


async def test_platform_override_is_audited(api: Api, headers: dict[str, dict[str, str]]) -> None:
    alpha, _ = api.world.operators
    answer = await api.client.get(
        "/operator/players",
        params={"operator_id": alpha},
        headers={**headers["platform"], "X-Request-ID": "override-under-test"},
    )
    assert answer.status_code == 200
    entry = await api.world.owner.fetchrow(
        "SELECT * FROM audit_log WHERE request_id = 'override-under-test'"
    )
    assert entry is not None
    assert (entry["action"], entry["operator_id"]) == ("operator.override", alpha)
    assert (entry["actor_kind"], entry["target"]) == ("platform_admin", "/operator/players")
    assert entry["remote_address"] == "127.0.0.1"


@pytest.mark.parametrize(
    ("named", "status", "code"),
    [
        ("32000", 404, "operator_not_found"),
        ("99999999999", 400, "validation_failed"),
        ("1 or 1=1", 400, "validation_failed"),
        ("-1", 400, "validation_failed"),
        ("²", 400, "validation_failed"),
    ],
)
async def test_platform_override_names_a_real_operator(
    api: Api, headers: dict[str, dict[str, str]], named: str, status: int, code: str
) -> None:
    answer = await api.client.get(
        "/operator/players", params={"operator_id": named}, headers=headers["platform"]
    )
    assert_problem(answer, status, code)


async def test_an_operator_sees_its_own_players_alone(
    api: Api, headers: dict[str, dict[str, str]]
) -> None:
    mine = await api.register("only-alpha", "alpha")
    theirs = await api.register("only-beta", "beta")
    for role, seen, hidden in (
        ("operator_admin", mine, theirs),
        ("other_admin", theirs, mine),
    ):
        listing = await api.client.get("/operator/players", headers=headers[role])
        assert seen in listing.text
        assert hidden not in listing.text
        found = await api.client.get(f"/operator/player/{hidden}", headers=headers[role])
        assert_problem(found, 404, "player_not_found")


async def test_an_operator_admin_is_nobody_at_another_operator(api: Api) -> None:
    await api.add_operator_admin("alpha-only", api.world.operators[0])
    form = {"operator": "beta", "login": "alpha-only", "password": "correct horse battery"}
    assert_problem(await api.client.post("/auth/login", json=form), 401, "invalid_credentials")
