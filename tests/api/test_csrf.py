"""Which requests need a CSRF token: those that a browser could be tricked into."""

import pytest

from api.authentication import SESSION_COOKIE, csrf_secret, csrf_token
from tests.support.api import PASSWORD, Api, assert_problem


@pytest.fixture(scope="module", autouse=True)
async def people(api: Api) -> None:
    """Two players of one operator."""
    await api.register("ada")
    await api.register("bob")


async def test_bearer_request_needs_no_token(api: Api) -> None:
    headers = await api.log_in("ada", "alpha")
    assert (await api.client.post("/auth/logout", headers=headers)).status_code == 204


async def test_cookie_request_needs_the_token(api: Api) -> None:
    cookie, token = await api.log_in_by_cookie("ada", "alpha")
    assert_problem(await api.client.post("/auth/logout", headers=cookie), 403, "csrf_failed")
    assert (await api.client.get("/auth/me", headers=cookie)).status_code == 200
    answer = await api.client.post("/auth/logout", headers={**cookie, "X-CSRF-Token": token})
    assert answer.status_code == 204


async def test_bearer_header_does_not_excuse_a_cookie(api: Api) -> None:
    cookie, _ = await api.log_in_by_cookie("ada", "alpha")
    bearer = await api.log_in("bob", "alpha")
    answer = await api.client.post("/auth/logout", headers={**cookie, **bearer})
    assert_problem(answer, 403, "csrf_failed")
    me = await api.client.get("/auth/me", headers={**cookie, **bearer})
    assert me.json()["user"]["username"] == "ada"


async def test_made_up_bearer_header_does_not_excuse_a_cookie(api: Api) -> None:
    cookie, _ = await api.log_in_by_cookie("ada", "alpha")
    answer = await api.client.post("/auth/logout", headers={**cookie, "Authorization": "Bearer x"})
    assert_problem(answer, 403, "csrf_failed")


@pytest.mark.parametrize("kind", ["empty", "random", "another session's", "another secret's"])
async def test_other_tokens_are_refused(api: Api, kind: str) -> None:
    cookie, _ = await api.log_in_by_cookie("ada", "alpha")
    _, others = await api.log_in_by_cookie("bob", "alpha")
    session_id = cookie["Cookie"].removeprefix(f"{SESSION_COOKIE}=")
    token = {
        "empty": "",
        "random": "0" * 64,
        "another session's": others,
        "another secret's": csrf_token(csrf_secret("k" * 40), session_id),
    }[kind]
    answer = await api.client.post("/auth/logout", headers={**cookie, "X-CSRF-Token": token})
    assert_problem(answer, 403, "csrf_failed")


async def test_me_gives_the_token_of_a_cookie_session(api: Api) -> None:
    cookie, token = await api.log_in_by_cookie("ada", "alpha")
    assert (await api.client.get("/auth/me", headers=cookie)).json()["csrf_token"] == token
    bearer = await api.log_in("ada", "alpha")
    assert (await api.client.get("/auth/me", headers=bearer)).json()["csrf_token"] is None


async def test_dead_cookie_asks_for_login_and_not_for_a_token(api: Api) -> None:
    dead = {"Cookie": f"{SESSION_COOKIE}=ended-long-ago"}
    assert_problem(await api.client.post("/auth/logout", headers=dead), 401, "not_authenticated")


@pytest.mark.parametrize("path", ["/auth/login", "/auth/register"])
async def test_no_other_site_can_log_a_visitor_in(api: Api, path: str) -> None:
    body = {"operator": "alpha", "login": "ada", "password": PASSWORD}
    for origin in ("https://evil.example", f"{api.base_url}.evil.example", "null", "http://[::1"):
        answer = await api.client.post(path, json=body, headers={"Origin": origin})
        assert_problem(answer, 403, "cross_origin")
    plain = {"Content-Type": "text/plain"}
    answer = await api.client.post(path, content=b"{}", headers=plain)
    assert_problem(answer, 415, "unsupported_media_type")
    assert_problem(await api.client.post(path, data=body), 415, "unsupported_media_type")


async def test_own_origin_may_log_in(api: Api) -> None:
    await api.log_in_by_cookie("ada", "alpha", Origin=api.base_url)


async def test_safe_requests_set_no_cookies(api: Api) -> None:
    answer = await api.client.get("/games", params={"operator": "alpha"})
    assert answer.status_code == 200
    assert "set-cookie" not in answer.headers
