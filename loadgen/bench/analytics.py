"""``pitboss bench analytics``: operators' questions over a long history while bets stream in.

The history is made inside ClickHouse; questions go over HTTP to the API, one after another, while
players bet at a steady rate. Then the raw table, and Postgres with a tenth of the bets in an
indexed table, are asked the same with nothing else going on, which favours them.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import cycle
from secrets import token_hex
from statistics import median
from typing import Any
from urllib.parse import urlsplit

import uvloop
from rich.console import Console
from rich.table import Table

from loadgen.bench import BenchError
from loadgen.bench.lanes import Lanes, Measurement
from loadgen.bench.postgres_history import PostgresHistory, postgres_history
from loadgen.bench.questions import Question, questions
from loadgen.bench.spin import bench_requests
from loadgen.bench.warehouse_data import (
    History,
    connect,
    generate,
    midnight,
    raw_seconds,
    settle,
    stored_bets,
    table_rows,
)
from loadgen.client import ApiClient
from loadgen.funding import FundedPlayer, funded_players, log_out

STREAM_PER_SECOND = 500
PLAYERS_BETTING = 64
_BALANCE = 100_000
_PAUSE_SECONDS = 0.05
_REFERENCE_RUNS = 3
_CATCH_UP_SECONDS = 2.0


def run_analytics_bench(
    credentials: Mapping[str, Any],
    *,
    bets: int = 100_000_000,
    days: int = 365,
    players: int = 200_000,
    postgres_bets: int = 10_000_000,
    seconds: int = 20,
    console: Console | None = None,
) -> dict[str, Any]:
    """Measure on the running stack that ``credentials`` (of ``credentials.json``) names.

    The stack keeps the history: it is for benches only, and its books do not agree any more. Each
    question is asked for ``seconds``. Prints a table. Raises
    :class:`loadgen.client.ApiError`, :class:`loadgen.bench.BenchError` or a store's error.
    """
    console = console or Console()
    history = History(bets=bets, days=days, players=players, end=midnight())
    result = uvloop.run(_bench(credentials, history, postgres_bets, seconds, console))
    console.print(_table(result))
    return result


async def _bench(
    credentials: Mapping[str, Any],
    history: History,
    postgres_bets: int,
    seconds: int,
    console: Console,
) -> dict[str, Any]:
    async with ApiClient(credentials["base_url"]) as client:
        loading = await _load(client, credentials, history, console)
        asked = questions(datetime.now(UTC), history.start)
        streamed, answered = await _ask_under_load(client, credentials, asked, seconds, console)
    raw = _ask_raw(credentials, asked, console)
    postgres = await _ask_postgres(credentials, asked, history, postgres_bets, console)
    return {
        "bets": history.bets,
        "postgres_bets": postgres_bets,
        "loading": loading,
        "stream": {
            "offered_per_second": STREAM_PER_SECOND,
            "per_second": round(streamed.per_second, 1),
            "spin_p50_ms": round(streamed.percentile_ms(0.5), 1),
            "errors": streamed.errors,
        },
        "questions": [
            {
                "name": question.name,
                "target_ms": question.target_ms,
                **answered[question.name],
                "raw_ms": round(raw[question.name], 1),
                "postgres_ms": round(postgres[question.name], 1),
            }
            for question in asked
        ],
    }


async def _load(
    client: ApiClient, credentials: Mapping[str, Any], history: History, console: Console
) -> dict[str, Any]:
    """Generate the history unless a bench did so before; how many rows a second, and the tables."""
    games = await _declared_games(client, credentials)
    with connect(credentials) as warehouse:
        there = await asyncio.to_thread(stored_bets, warehouse, history.end)
        took = 0.0
        if there < history.bets // history.days * history.days:
            operators = [entry["operator_id"] for entry in credentials["operators"]]
            began = time.perf_counter()
            with console.status("") as status:

                def progress(done: int) -> None:
                    rate = (done - there) / (time.perf_counter() - began)
                    status.update(f"{done:,} of {history.bets:,} bets, {rate:,.0f} a second")

                await asyncio.to_thread(generate, warehouse, history, operators, games, progress)
            took = time.perf_counter() - began
        with console.status("background merges"):
            await asyncio.to_thread(settle, warehouse)
        return {
            "rows_per_second": round((history.bets - there) / took) if took else None,
            "tables": table_rows(warehouse),
        }


async def _declared_games(client: ApiClient, credentials: Mapping[str, Any]) -> dict[int, int]:
    """Games of the first operator and their RTPs in basis points."""
    if not credentials["operators"]:
        raise BenchError("there are no operators: run `pitboss seed static`")
    slug = credentials["operators"][0]["slug"]
    games = [game async for game in client.items("/games", operator=slug, limit=500)]
    return {game["game_id"]: round(game["rtp"] * 10_000) for game in games}


async def _ask_under_load(
    client: ApiClient,
    credentials: Mapping[str, Any],
    asked: Sequence[Question],
    seconds: int,
    console: Console,
) -> tuple[Measurement, dict[str, dict[str, Any]]]:
    """Ask every question for ``seconds`` while bets stream in; the stream, and answer times."""
    with console.status(f"{PLAYERS_BETTING} players log in and deposit"):
        players = await _players(client, credentials)
        requests = await bench_requests(client, credentials["base_url"], players)
    tokens = [
        await client.token_for(entry["admin"]["login"], entry["admin"]["password"], entry["slug"])
        for entry in credentials["operators"]
    ]
    lanes, address = Lanes(), urlsplit(credentials["base_url"])
    await lanes.open(
        address.hostname or "127.0.0.1", address.port or 80, f"analytics-{time.time_ns()}", requests
    )
    answered: dict[str, dict[str, Any]] = {}
    try:
        length = seconds * len(asked) + _CATCH_UP_SECONDS
        streaming = asyncio.create_task(lanes.open_loop(STREAM_PER_SECOND, length))
        await asyncio.sleep(_CATCH_UP_SECONDS)
        for question in asked:
            with console.status(f"{question.name}: asking for {seconds} s"):
                answered[question.name] = await _ask(client, tokens, question, seconds)
        streamed = await streaming
    finally:
        lanes.close()
    await log_out(client, players)
    return streamed, answered


async def _players(client: ApiClient, credentials: Mapping[str, Any]) -> list[FundedPlayer]:
    return await funded_players(
        client,
        credentials,
        operators=credentials["operators"],
        count=PLAYERS_BETTING,
        prefix=f"analytics-{token_hex(3)}",
        balance=_BALANCE,
    )


async def _ask(
    client: ApiClient, tokens: Sequence[str], question: Question, seconds: int
) -> dict[str, Any]:
    """Ask in the name of one operator after the other, at a dashboard's pace.

    ``first_ms`` is the longest of each operator's first answers, of which nothing was kept yet.
    """
    times = Measurement()
    times.begin()
    until = time.perf_counter() + seconds
    for token in cycle(tokens):
        began = time.perf_counter()
        if began > until:
            break
        await client.get(question.path, token=token, **question.query)
        times.answered(time.perf_counter() - began, b"200", b"")
        await asyncio.sleep(_PAUSE_SECONDS)
    times.end()
    return {
        "asked": len(times.latencies),
        "first_ms": round(1000 * max(times.latencies[: len(tokens)]), 1),
        **{f"p{p}_ms": round(times.percentile_ms(p / 100), 1) for p in (50, 95, 99)},
    }


def _ask_raw(
    credentials: Mapping[str, Any], asked: Sequence[Question], console: Console
) -> dict[str, float]:
    operator_id = credentials["operators"][0]["operator_id"]
    times = {}
    with connect(credentials) as warehouse, console.status("asking the raw table"):
        for question in asked:
            parameters = {
                "operator_id": operator_id,
                "start": question.start,
                "end": question.end,
            }
            times[question.name] = 1000 * median(
                raw_seconds(warehouse, question.reference, parameters)
                for _ in range(_REFERENCE_RUNS)
            )
    return times


async def _ask_postgres(
    credentials: Mapping[str, Any],
    asked: Sequence[Question],
    history: History,
    bets: int,
    console: Console,
) -> dict[str, float]:
    with console.status(f"filling Postgres with {bets:,} bets"):
        async with postgres_history(
            credentials["postgres"]["url"],
            bets=bets,
            start=history.start,
            end=history.end,
            games=30,
            players=history.players,
        ) as reference:
            return {
                question.name: 1000 * await _median_of(reference, question) for question in asked
            }


async def _median_of(reference: PostgresHistory, question: Question) -> float:
    return median(
        [
            await reference.seconds(question.reference, 1, question.start, question.end)
            for _ in range(_REFERENCE_RUNS)
        ]
    )


def _table(result: Mapping[str, Any]) -> Table:
    stream = result["stream"]
    table = Table(
        title=f"operators' questions over HTTP, {result['bets']:,} bets, milliseconds",
        caption=f"meanwhile {stream['per_second']:.0f} of {stream['offered_per_second']} bets a "
        f"second streamed in; {stream['errors']} errors\n"
        f"raw: the same asked of the raw table; Postgres: of {result['postgres_bets']:,} bets, "
        "indexed; medians, nothing else running\n"
        "first: the longest of the operators' first answers, before anything is kept",
        caption_justify="left",
    )
    table.add_column("", no_wrap=True)
    for column in ("first", "p50", "p95", "target p95", "÷ target", "raw", "Postgres"):
        table.add_column(column, justify="right", no_wrap=True)
    for row in result["questions"]:
        table.add_row(
            row["name"],
            f"{row['first_ms']:.0f}",
            f"{row['p50_ms']:.0f}",
            f"{row['p95_ms']:.0f}",
            f"≤ {row['target_ms']:.0f}",
            f"{row['p95_ms'] / row['target_ms']:.2f}",
            f"{row['raw_ms']:.0f}",
            f"{row['postgres_ms']:.0f}",
        )
    return table
