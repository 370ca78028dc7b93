"""Bad input: always a problem document with a code, and nothing changed."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.pagination import encode_cursor
from tests.support.api import ROOT, Api, assert_problem

REGISTRATION = {
    "operator": "alpha",
    "username": "newcomer",
    "email": "newcomer@example.com",
    "password": "long enough",
}


async def _post(api: Api, path: str, content: bytes, headers: dict[str, str] | None = None):
    return await api.client.post(
        path, content=content, headers={"Content-Type": "application/json", **(headers or {})}
    )


async def test_unknown_path(api: Api) -> None:
    assert_problem(await api.client.get("/nothing/here"), 404, "not_found")


async def test_wrong_method(api: Api) -> None:
    answer = await api.client.delete("/auth/login")
    assert_problem(answer, 405, "method_not_allowed")
    assert "POST" in answer.headers["allow"]


@pytest.mark.parametrize("content", [b"{", b"nonsense", b"\xff\xfe", b'{"operator":"\\ud800"}'])
async def test_what_is_not_json(api: Api, content: bytes) -> None:
    assert_problem(await _post(api, "/auth/register", content), 400, "malformed_body")


@pytest.mark.parametrize("content", [b"", b"[]", b"null", b"1", b'"text"', b"{}"])
async def test_json_of_another_form(api: Api, content: bytes) -> None:
    assert_problem(await _post(api, "/auth/register", content), 400, "validation_failed")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("username", 7),
        ("username", "ab"),
        ("username", "a" * 33),
        ("username", "a@b"),
        ("username", "new\ncomer"),
        ("username", "newcomer\n"),
        ("username", "n\u0000l"),
        ("email", "no-address"),
        ("email", "two@at@example.com"),
        ("email", "a@localhost"),
        ("email", "a b@example.com"),
        ("email", "a" * 250 + "@example.com"),
        ("password", "short"),
        ("password", "x" * 129),
        ("password", None),
        ("operator", "No Slug"),
        ("affiliate_code", ""),
        ("is_bot", True),
        ("role", "platform_admin"),
    ],
)
async def test_fields_that_registration_does_not_take(api: Api, field: str, value: object) -> None:
    answer = await api.client.post("/auth/register", json={**REGISTRATION, field: value})
    document = assert_problem(answer, 400, "validation_failed")
    assert document["errors"]
    assert not await api.world.owner.fetchval(
        "SELECT true FROM login_name WHERE login LIKE 'newcomer%'"
    )


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"operator": "nobody"}, 404, "operator_not_found"),
        ({"operator": None}, 400, "operator_required"),
        ({"affiliate_code": "nobodys"}, 422, "unknown_affiliate"),
    ],
)
async def test_registrations_that_are_refused(
    api: Api, change: dict[str, str], status: int, code: str
) -> None:
    answer = await api.client.post("/auth/register", json=REGISTRATION | change)
    assert_problem(answer, status, code)
    assert not await api.world.owner.fetchval(
        "SELECT true FROM login_name WHERE login LIKE 'newcomer%'"
    )


async def test_taken_names_are_taken_in_any_case(api: Api) -> None:
    await api.register("first")
    form = REGISTRATION | {"username": "FIRST"}
    assert_problem(await api.client.post("/auth/register", json=form), 409, "login_taken")
    form = REGISTRATION | {"email": "First@Example.Com"}
    assert_problem(await api.client.post("/auth/register", json=form), 409, "login_taken")
    form = {**REGISTRATION, "operator": "beta", "username": "first"}
    assert (await api.client.post("/auth/register", json=form)).status_code == 201


async def test_body_over_the_limit(api: Api) -> None:
    answer = await _post(api, "/auth/login", b'{"login":"' + b"x" * (1 << 20) + b'"}')
    assert_problem(answer, 413, "body_too_large")
    assert answer.headers["connection"] == "close"


@pytest.mark.parametrize("limit", ["0", "501", "-1", "many", "1.5"])
async def test_limits_of_a_page(api: Api, limit: str) -> None:
    answer = await api.client.get("/games", params={"operator": "alpha", "limit": limit})
    assert_problem(answer, 400, "validation_failed")


@pytest.mark.parametrize("cursor", ["x", "????", "WzFd", "W10", "bm90IGpzb24"])
async def test_cursors_of_other_lists(api: Api, cursor: str) -> None:
    answer = await api.client.get("/games", params={"operator": "alpha", "cursor": cursor})
    assert_problem(answer, 400, "invalid_cursor")


@pytest.mark.parametrize("number", [-(2**70), -1, 2**15, 2**31, 2**40, 2**70])
async def test_numbers_that_no_row_can_have(api: Api, number: int) -> None:
    params = {"operator": "alpha", "cursor": encode_cursor("a", number)}
    if number != 2**15:
        assert_problem(await api.client.get("/games", params=params), 400, "invalid_cursor")
    platform = await api.log_in(ROOT)
    for path in ("/admin/operators", "/admin/categories"):
        answer = await api.client.get(
            path, params={"cursor": encode_cursor(number)}, headers=platform
        )
        assert_problem(answer, 400, "invalid_cursor")
    for named in (str(number), "9" * 5000):
        answer = await api.client.get(f"/operator/players?operator_id={named}", headers=platform)
        assert_problem(answer, 400, "validation_failed")


async def test_client_seed_of_more_than_a_line(api: Api) -> None:
    await api.register("sower")
    sower = await api.log_in("sower", "alpha")
    spin = {"game_id": 1, "wager": 100, "client_seed": "seed\n"}
    answer = await api.client.post(
        "/game/spin", json=spin, headers={**sower, "Idempotency-Key": "seed"}
    )
    assert_problem(answer, 400, "validation_failed")


async def test_text_that_postgres_cannot_store(api: Api) -> None:
    answer = await api.client.get("/games", params={"operator": "alpha", "q": "a\0b"})
    assert_problem(answer, 400, "validation_failed")


async def test_request_id_is_echoed_if_sane(api: Api) -> None:
    kept = await api.client.get("/nothing", headers={"X-Request-ID": "trace-0123456789"})
    assert kept.headers["x-request-id"] == kept.json()["request_id"] == "trace-0123456789"
    for odd in ("short", "x" * 65, "has space here", 'quote"quote"'):
        made = await api.client.get("/nothing", headers={"X-Request-ID": odd})
        assert made.headers["x-request-id"] != odd
        assert len(made.headers["x-request-id"]) == 36


async def test_every_answer_has_the_security_headers(api: Api) -> None:
    for path in ("/health/live", "/nothing", "/games?operator=alpha", "/schema"):
        headers = (await api.client.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]


async def test_schema_page_loads_nothing_from_elsewhere(api: Api) -> None:
    page = await api.client.get("/schema")
    assert "//" not in page.text.replace("<!--", "")
    for file in ("swagger-ui.css", "swagger-ui-bundle.js", "schema.js"):
        assert f"/schema-ui/{file}" in page.text
        assert (await api.client.get(f"/schema-ui/{file}")).status_code == 200
    document = (await api.client.get("/schema/openapi.json")).json()
    assert document["openapi"].startswith("3.1")
    assert "/game/spin" in document["paths"]


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3)
    ),
    max_leaves=6,
)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    body=st.fixed_dictionaries(
        {},
        optional=dict.fromkeys(("operator", "login", "password", "transport", "surplus"), JSON),
    )
)
async def test_no_login_body_breaks_the_api(api: Api, body: dict[str, object]) -> None:
    answer = await api.client.post("/auth/login", json=body)
    assert answer.status_code in {400, 401, 404}, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


async def test_unforeseen_errors_tell_nothing(api: Api) -> None:
    headers = await api.log_in(ROOT)
    await api.world.owner.execute("ALTER TABLE game_category RENAME TO hidden")
    try:
        answer = await api.client.get("/admin/categories", headers=headers)
    finally:
        await api.world.owner.execute("ALTER TABLE hidden RENAME TO game_category")
    document = assert_problem(answer, 500, "internal_error")
    assert "category" not in document["detail"]
