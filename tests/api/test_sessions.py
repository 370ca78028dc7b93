"""Login, logout, and what a session id is good for."""

import hashlib

import pytest

from api.authentication import CSRF_COOKIE, SESSION_COOKIE
from tests.support.api import PASSWORD, ROOT, Api, assert_problem, cookies_of

CHOSEN = "a-session-id-that-the-client-has-chosen-by-itself"


@pytest.fixture(scope="module", autouse=True)
async def people(api: Api) -> None:
    """One player at each operator, under the same name."""
    await api.register("ada", "alpha")
    await api.register("ada", "beta")


async def test_login_takes_username_or_email_in_any_case(api: Api) -> None:
    for login in ("ada", "ADA", "Ada@Example.COM"):
        me = await api.client.get("/auth/me", headers=await api.log_in(login, "alpha"))
        assert me.json()["user"]["username"] == "ada"
        assert me.json()["user"]["role"] == "player"
        assert me.json()["session"]["elapsed_seconds"] >= 0


async def test_the_same_name_at_two_operators_is_two_people(api: Api) -> None:
    alpha = await api.client.get("/auth/me", headers=await api.log_in("ada", "alpha"))
    beta = await api.client.get("/auth/me", headers=await api.log_in("ada", "beta"))
    assert alpha.json()["user"]["user_id"] != beta.json()["user"]["user_id"]
    assert alpha.json()["player"]["currency"] == "EUR"
    assert beta.json()["player"]["currency"] == "SEK"


async def test_platform_admin_logs_in_without_operator(api: Api) -> None:
    me = await api.client.get("/auth/me", headers=await api.log_in(ROOT))
    assert me.json()["user"]["role"] == "platform_admin"
    assert me.json()["user"]["operator_id"] is None
    assert me.json()["player"] is None


async def test_session_cookie_has_every_protection(api: Api) -> None:
    answer = await api.client.post(
        "/auth/login", json={"operator": "alpha", "login": "ada", "password": PASSWORD}
    )
    session = cookies_of(answer)[SESSION_COOKIE]
    assert session["secure"] is True
    assert session["httponly"] is True
    assert session["path"] == "/"
    assert session["domain"] == ""
    assert session["samesite"].lower() == "lax"
    assert cookies_of(answer)[CSRF_COOKIE]["httponly"] == ""
    assert "token" not in answer.json()


async def test_only_the_hash_of_a_session_id_is_stored(api: Api) -> None:
    headers = await api.log_in("ada", "alpha")
    token = headers["Authorization"].removeprefix("Bearer ")
    stored = await api.world.owner.fetchval(
        "SELECT true FROM session WHERE token_hash = $1", hashlib.sha256(token.encode()).digest()
    )
    assert stored
    assert len(token) >= 43  # 256 bits in base64


@pytest.mark.parametrize(
    "headers",
    [{"Cookie": f"{SESSION_COOKIE}={CHOSEN}"}, {"Authorization": f"Bearer {CHOSEN}"}],
    ids=["cookie", "bearer"],
)
async def test_id_chosen_by_the_client_is_never_adopted(api: Api, headers: dict[str, str]) -> None:
    assert_problem(await api.client.get("/auth/me", headers=headers), 401, "not_authenticated")
    await api.log_in_by_cookie("ada", "alpha", **headers)
    assert_problem(await api.client.get("/auth/me", headers=headers), 401, "not_authenticated")


async def test_login_replaces_the_session_that_came_with_it(api: Api) -> None:
    old, _ = await api.log_in_by_cookie("ada", "alpha")
    assert (await api.client.get("/auth/me", headers=old)).status_code == 200
    new, _ = await api.log_in_by_cookie("ada", "alpha", **old)
    assert new != old
    assert_problem(await api.client.get("/auth/me", headers=old), 401, "not_authenticated")
    assert (await api.client.get("/auth/me", headers=new)).status_code == 200


async def test_id_of_one_transport_is_not_taken_by_the_other(api: Api) -> None:
    cookie, _ = await api.log_in_by_cookie("ada", "alpha")
    as_bearer = {"Authorization": f"Bearer {cookie['Cookie'].partition('=')[2]}"}
    assert_problem(await api.client.get("/auth/me", headers=as_bearer), 401, "not_authenticated")
    bearer = await api.log_in("ada", "alpha")
    token = bearer["Authorization"].removeprefix("Bearer ")
    as_cookie = {"Cookie": f"{SESSION_COOKIE}={token}"}
    assert_problem(await api.client.get("/auth/me", headers=as_cookie), 401, "not_authenticated")


async def test_logout_ends_this_session_and_takes_the_cookies_back(api: Api) -> None:
    cookie, csrf = await api.log_in_by_cookie("ada", "alpha")
    other = await api.log_in("ada", "alpha")
    answer = await api.client.post("/auth/logout", headers={**cookie, "X-CSRF-Token": csrf})
    assert answer.status_code == 204
    assert {morsel["max-age"] for morsel in cookies_of(answer).values()} == {"0"}
    assert_problem(await api.client.get("/auth/me", headers=cookie), 401, "not_authenticated")
    assert (await api.client.get("/auth/me", headers=other)).status_code == 200


async def test_logout_everywhere_ends_all_of_ones_sessions_and_no_others(api: Api) -> None:
    mine = [await api.log_in("ada", "alpha") for _ in range(3)]
    others = await api.log_in("ada", "beta")
    answer = await api.client.post("/auth/logout-everywhere", headers=mine[0])
    assert answer.status_code == 204
    for headers in mine:
        assert_problem(await api.client.get("/auth/me", headers=headers), 401, "not_authenticated")
    assert (await api.client.get("/auth/me", headers=others)).status_code == 200


async def test_unknown_login_and_wrong_password_look_the_same(api: Api) -> None:
    answers = [
        await api.client.post(
            "/auth/login", json={"operator": "alpha", "login": login, "password": "wrong-password"}
        )
        for login in ("ada", "nobody-of-this-name")
    ]
    documents = [assert_problem(answer, 401, "invalid_credentials") for answer in answers]
    assert documents[0]["detail"] == documents[1]["detail"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ("status = 'BLOCKED'", "account_blocked"),
        ("status = 'CLOSED'", "account_closed"),
        ("excluded_until = now() + interval '1 day'", "self_excluded"),
    ],
)
async def test_people_who_may_not_play_may_not_log_in(api: Api, change: str, code: str) -> None:
    name = f"gone-{code}"
    user_id = await api.register(name)
    headers = await api.log_in(name, "alpha")
    await api.world.owner.execute(f'UPDATE "user" SET {change} WHERE user_id = $1', user_id)
    form = {"operator": "alpha", "login": name, "password": PASSWORD}
    assert_problem(await api.client.post("/auth/login", json=form), 403, code)
    wrong = form | {"password": "wrong-password"}
    assert_problem(await api.client.post("/auth/login", json=wrong), 401, "invalid_credentials")
    # The session from before was never looked up, so no copy of it can be trusted either.
    assert_problem(await api.client.get("/auth/me", headers=headers), 401, "not_authenticated")


async def test_failed_logins_are_limited_and_audited(api: Api) -> None:
    await api.register("target")
    form = {"operator": "alpha", "login": "target", "password": "wrong-password"}
    for _ in range(api.settings.login_failures):
        assert_problem(await api.client.post("/auth/login", json=form), 401, "invalid_credentials")
    right = form | {"password": PASSWORD}
    answer = await api.client.post("/auth/login", json=right)
    assert_problem(answer, 429, "rate_limited")
    assert int(answer.headers["Retry-After"]) > 0
    assert answer.headers["RateLimit-Remaining"] == "0"
    audited = await api.world.owner.fetchval(
        "SELECT count(*) FROM audit_log WHERE action = 'login.refused' AND target = 'target'"
    )
    assert audited == api.settings.login_failures


async def test_old_hash_is_replaced_at_login(api: Api) -> None:
    # The platform admin was made with the hasher's default parameters, not the API's.
    await api.log_in(ROOT)
    stored = await api.world.owner.fetchval(
        "SELECT password_hash FROM staff WHERE username = $1", ROOT
    )
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    await api.log_in(ROOT)
