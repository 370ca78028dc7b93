"""The operators' figures in a terminal."""

import asyncio
from io import StringIO

import httpx
import pytest
from rich.console import Console

from dashboards import terminal

OPERATOR = {"operator_id": 1, "slug": "aurora", "admin": {"login": "manager", "password": "x"}}
GAMES = {
    "lag_ms": 42,
    "items": [
        {"bets": 3, "total_wagered": 300, "total_won": 100},
        {"bets": 1, "total_wagered": 123_400, "total_won": 130_000},
    ],
}


class Platform:
    """Answers like the operator endpoints, or with a fixed status."""

    def __init__(self) -> None:
        self.status = 200
        self.logins = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if self.status != 200:
            return httpx.Response(self.status)
        if request.url.path == "/auth/login":
            self.logins += 1
            return httpx.Response(200, json={"token": f"t{self.logins}"})
        assert request.headers["Authorization"] == f"Bearer t{self.logins}"
        summary = {"by_game": [], "by_player": [{}, {}]}
        return httpx.Response(200, json=GAMES if "games" in request.url.path else summary)


@pytest.fixture
def platform() -> Platform:
    return Platform()


@pytest.fixture
def feed(platform: Platform) -> terminal.OperatorFeed:
    client = httpx.AsyncClient(transport=httpx.MockTransport(platform), base_url="http://pitboss")
    return terminal.OperatorFeed(client, OPERATOR)


@pytest.mark.parametrize(
    ("minor", "text"), [(0, "0.00 EUR"), (123_405, "1,234.05 EUR"), (-123_405, "-1,234.05 EUR")]
)
def test_money(minor: int, text: str):
    assert terminal.money(minor, "EUR") == text


async def test_line_adds_up_the_games(feed: terminal.OperatorFeed):
    await feed.refresh()
    text = terminal.line(feed).plain
    for part in ("aurora", "4 bets", "1,237.00", "-64.00", "105.17%", "players    2", "42 ms"):
        assert part in text


async def test_outage_is_shown_and_recovered_from(feed: terminal.OperatorFeed, platform: Platform):
    platform.status = 503
    await feed.refresh()
    assert "503" in terminal.line(feed).plain
    platform.status = 200
    await feed.refresh()
    assert "4 bets" in terminal.line(feed).plain


async def test_expired_session_is_opened_again(feed: terminal.OperatorFeed, platform: Platform):
    await feed.refresh()
    platform.status = 401
    await feed.refresh()
    platform.status = 200
    await feed.refresh()
    assert platform.logins == 2
    assert feed.trouble is None


async def test_watch_ends_when_told_and_survives_an_absent_platform():
    printed = asyncio.Event()

    class Output(StringIO):
        def write(self, text: str) -> int:
            printed.set()
            return super().write(text)

    out = Output()
    stop = asyncio.Event()
    watching = asyncio.create_task(
        terminal.watch(
            "http://127.0.0.1:9", {"operators": [OPERATOR]}, stop, Console(file=out, width=200)
        )
    )
    await printed.wait()
    stop.set()
    await watching
    assert "ConnectError" in out.getvalue()
