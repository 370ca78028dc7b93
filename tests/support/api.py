"""The API itself, served over HTTP in the test's own event loop, on a test world's stores."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http.cookies import SimpleCookie
from typing import Any

import httpx
from granian.constants import HTTPModes, Interfaces
from granian.log import LogLevels
from granian.server.embed import Server
from litestar import Litestar

from api.app import create_app
from api.authentication import CSRF_COOKIE, SESSION_COOKIE
from api.settings import Settings
from api.stack.ports import find_free
from ledger.bootstrap import ensure_platform_admin
from tests.support.world import World

PASSWORD = "correct horse battery"  # of every account that the tests make
ROOT = "root"


class Api:
    """A running API and short ways to ask it. ``client`` keeps no cookies."""

    def __init__(self, app: Litestar, settings: Settings, world: World) -> None:
        self.app = app
        self.settings = settings
        self.world = world
        self.base_url = settings.public_url
        self.client = httpx.AsyncClient(base_url=self.base_url, timeout=30)

    async def log_in(self, login: str, operator: str | None = None) -> dict[str, str]:
        """Headers of a fresh bearer session."""
        answer = await self.client.post(
            "/auth/login",
            json={
                "login": login,
                "password": PASSWORD,
                "transport": "bearer",
                **({"operator": operator} if operator else {}),
            },
        )
        assert answer.status_code == 200, answer.text
        return {"Authorization": f"Bearer {answer.json()['token']}"}

    async def log_in_by_cookie(
        self, login: str, operator: str | None = None, **headers: str
    ) -> tuple[dict[str, str], str]:
        """The session cookie as a header, and the CSRF token."""
        body = {"login": login, "password": PASSWORD}
        if operator:
            body["operator"] = operator
        answer = await self.client.post("/auth/login", json=body, headers=headers)
        assert answer.status_code == 200, answer.text
        cookies = cookies_of(answer)
        token = answer.json()["csrf_token"]
        assert cookies[CSRF_COOKIE].value == token
        return {"Cookie": f"{SESSION_COOKIE}={cookies[SESSION_COOKIE].value}"}, token

    async def register(self, username: str, operator: str = "alpha") -> str:
        """A new player's id, as text."""
        answer = await self.client.post(
            "/auth/register",
            json={
                "operator": operator,
                "username": username,
                "email": f"{username}@example.com",
                "password": PASSWORD,
            },
        )
        assert answer.status_code == 201, answer.text
        return answer.json()["user"]["user_id"]

    async def add_operator_admin(self, username: str, operator_id: int) -> None:
        """A new admin of an operator, made by the platform admin."""
        answer = await self.client.post(
            f"/admin/operators/{operator_id}/admins",
            json={
                "username": username,
                "email": f"{username}@example.com",
                "password": PASSWORD,
            },
            headers=await self.log_in(ROOT),
        )
        assert answer.status_code == 201, answer.text


def cookies_of(answer: httpx.Response) -> SimpleCookie:
    """Every cookie the answer sets; httpx itself drops secure ones on plain HTTP."""
    cookies: SimpleCookie = SimpleCookie()
    for header in answer.headers.get_list("set-cookie"):
        cookies.load(header)
    return cookies


def assert_problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The answer is a problem document with this status and code, and tells no internals."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert document["code"] == code, document
    assert document["status"] == status
    assert document["type"] == f"urn:pitboss:problem:{code}"
    assert document["title"]
    assert document["detail"]
    assert document["request_id"] == answer.headers["x-request-id"]
    assert "Traceback" not in answer.text
    assert "asyncpg" not in answer.text
    return document


def settings_for(world: World, redis_url: str, **changes: Any) -> Settings:
    """Settings on the world's database and a free port; nothing listens where ClickHouse would."""
    port = find_free()
    values: dict[str, Any] = {
        "postgres_url": world.owner_url,
        "redis_url": redis_url,
        "clickhouse_url": "http://nobody:none@127.0.0.1:9/pitboss",
        "secret_key": world.secret_key,
        "webhook_secret_mock": "whsec_" + base64.b64encode(b"s" * 32).decode(),
        "port": port,
        "public_url": f"http://127.0.0.1:{port}",
        "log_level": "ERROR",
    }
    return Settings(**values | changes)


@asynccontextmanager
async def served(world: World, settings: Settings) -> AsyncIterator[Api]:
    """Serve the API until the block ends."""
    ensure_platform_admin(world.owner_url, ROOT, PASSWORD)
    app = create_app(settings)
    server = Server(
        app,
        address=settings.host,
        port=settings.port,
        interface=Interfaces.ASGI,
        http=HTTPModes.http1,
        log_level=LogLevels.error,
        log_access=False,
    )
    serving = asyncio.create_task(server.serve())
    api = Api(app, settings, world)
    try:
        async with api.client:
            await _until_live(api, serving)
            yield api
    finally:
        server.stop()
        await serving


async def _until_live(api: Api, serving: asyncio.Task[None]) -> None:
    while True:
        try:
            if (await api.client.get("/health/live")).status_code == 200:
                return
        except httpx.TransportError:
            assert not serving.done(), "the server ended while starting"
            await asyncio.sleep(0.02)
