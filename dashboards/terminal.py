"""The operators' figures in a terminal, read from the operator endpoints like anyone reads them.

On a terminal it is a table that refreshes itself; anywhere else (a log, a pipe) one compact line
per operator every few seconds. ``NO_COLOR`` is honoured by rich.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any

import httpx
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

TABLE_SECONDS = 1.0
LINE_SECONDS = 5.0
_WINDOW = timedelta(hours=23)
_PLAYERS_PAGE = 500


@dataclass
class Figures:
    """One operator at one moment; amounts in minor units of ``currency``."""

    bets: int = 0
    handle: int = 0
    won: int = 0
    players: int = 0
    lag_ms: float | None = None
    bets_per_second: float = 0.0

    @property
    def ggr(self) -> int:
        """Gross gaming revenue: handle minus wins."""
        return self.handle - self.won

    @property
    def rtp(self) -> float | None:
        """Wins over handle; None when nothing was wagered."""
        return self.won / self.handle if self.handle else None


class OperatorFeed:
    """One operator's session; ``figures`` is the last good reading, ``trouble`` why it is old."""

    def __init__(self, client: httpx.AsyncClient, operator: Mapping[str, Any]) -> None:
        self.slug: str = operator["slug"]
        self.currency = ""
        self.figures = Figures()
        self.trouble: str | None = "no reading yet"
        self._client = client
        self._admin = operator["admin"]
        self._token: str | None = None
        self._read_at: float | None = None

    async def refresh(self) -> None:
        """Read the endpoints once; failures are kept in ``trouble`` and tried again next time."""
        try:
            since = (datetime.now(UTC) - _WINDOW).replace(minute=0, second=0, microsecond=0)
            period = {"from": since.strftime("%Y-%m-%dT%H:%M:%SZ")}
            games = await self._get("/operator/analytics/games", period)
            players = await self._get(
                "/operator/analytics/rtp-summary", period | {"limit": _PLAYERS_PAGE}
            )
        except httpx.HTTPStatusError as error:
            if error.response.status_code == httpx.codes.UNAUTHORIZED:
                self._token = None
            self.trouble = f"{error.response.status_code} {error.request.url.path}"
        except httpx.HTTPError as error:
            self.trouble = type(error).__name__
        else:
            self._take(games, len(players["by_player"]))

    def _take(self, games: Mapping[str, Any], players: int) -> None:
        now, before = monotonic(), self.figures
        items: Sequence[Mapping[str, Any]] = games["items"]
        self.figures = Figures(
            bets=sum(item["bets"] for item in items),
            handle=sum(item["total_wagered"] for item in items),
            won=sum(item["total_won"] for item in items),
            players=players,
            lag_ms=games["lag_ms"],
        )
        if self._read_at is not None:
            fresh = max(0, self.figures.bets - before.bets)
            self.figures.bets_per_second = fresh / (now - self._read_at)
        self._read_at, self.trouble = now, None
        self.currency = games.get("currency", self.currency)

    async def _get(self, path: str, query: Mapping[str, Any]) -> dict[str, Any]:
        if self._token is None:
            answer = await self._client.post(
                "/auth/login",
                json={"operator": self.slug, "transport": "bearer", **self._admin},
            )
            self._token = answer.raise_for_status().json()["token"]
        answer = await self._client.get(
            path, params=query, headers={"Authorization": f"Bearer {self._token}"}
        )
        return answer.raise_for_status().json()

    async def leave(self) -> None:
        """End the session, if the API is still there to be told."""
        if self._token:
            with suppress(httpx.HTTPError):
                await self._client.post(
                    "/auth/logout", headers={"Authorization": f"Bearer {self._token}"}, timeout=2
                )


async def watch(
    base_url: str,
    credentials: Mapping[str, Any],
    stop: asyncio.Event,
    console: Console | None = None,
) -> None:
    """Show every operator of ``credentials`` until ``stop`` is set.

    Outages are shown, not raised: the stack may restart a part of itself meanwhile.
    """
    console = console or Console()
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(
            httpx.AsyncClient(base_url=base_url, timeout=10, trust_env=False)
        )
        feeds = [OperatorFeed(client, operator) for operator in credentials["operators"]]
        for feed in feeds:
            stack.push_async_callback(feed.leave)
        live = None
        if console.is_terminal:
            live = stack.enter_context(
                Live(table(feeds), console=console, auto_refresh=False, transient=False)
            )
        while not stop.is_set():
            await asyncio.gather(*(feed.refresh() for feed in feeds))
            if live:
                live.update(table(feeds), refresh=True)
            else:
                for feed in feeds:
                    console.print(line(feed), soft_wrap=True)
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), TABLE_SECONDS if live else LINE_SECONDS)


def table(feeds: Sequence[OperatorFeed]) -> Table:
    """Every operator a row: the last 24 hours, and how old the newest figure may be."""
    grid = Table(title="operators, last 24 hours", title_justify="left", expand=False)
    grid.add_column("operator")
    for column in ("bets", "bets/s", "handle", "GGR", "RTP", "players", "lag"):
        grid.add_column(column, justify="right")
    for feed in feeds:
        figures = feed.figures
        grid.add_row(
            feed.slug,
            f"{figures.bets:,}",
            f"{figures.bets_per_second:.1f}",
            money(figures.handle, feed.currency),
            Text(money(figures.ggr, feed.currency), style="red" if figures.ggr < 0 else ""),
            _rtp(figures),
            _players(figures),
            Text(feed.trouble, style="yellow") if feed.trouble else _lag(figures),
        )
    return grid


def line(feed: OperatorFeed) -> Text:
    """One operator in one line, for logs."""
    if feed.trouble:
        return Text(f"{feed.slug:<16} {feed.trouble}")
    figures = feed.figures
    return Text(
        f"{feed.slug:<16} {figures.bets:>8,} bets {figures.bets_per_second:>6.1f}/s"
        f"  handle {money(figures.handle, feed.currency):>16}"
        f"  GGR {money(figures.ggr, feed.currency):>14}"
        f"  RTP {_rtp(figures):>8}  players {_players(figures):>4}  lag {_lag(figures)}"
    )


def money(minor: int, currency: str) -> str:
    """Minor units of a two-digit currency as a person reads them: ``-1,234.05 EUR``."""
    whole, cents = divmod(abs(minor), 100)
    return f"{'-' if minor < 0 else ''}{whole:,}.{cents:02d} {currency}".rstrip()


def _rtp(figures: Figures) -> str:
    return "–" if figures.rtp is None else f"{figures.rtp:.2%}"


def _players(figures: Figures) -> str:
    full = figures.players >= _PLAYERS_PAGE
    return f"{figures.players}{'+' if full else ''}"


def _lag(figures: Figures) -> str:
    return "–" if figures.lag_ms is None else f"{figures.lag_ms:.0f} ms"
