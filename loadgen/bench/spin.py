"""``pitboss bench spin``: spins a second over HTTP beside TPC-B transactions on the same Postgres.

Both are measured in turn (A B A B …), so that what else happens on the machine hits both, and the
result is the median of the paired ratios.
"""

import asyncio
import json
import os
from collections.abc import Mapping
from secrets import token_hex
from statistics import median
from typing import Any
from urllib.parse import urlsplit

import uvloop
from rich.console import Console
from rich.table import Table

from loadgen.bench import BenchError
from loadgen.bench.lanes import Lanes, Measurement, Request, spin_request
from loadgen.bench.pgbench import CLIENTS, tpc_b
from loadgen.client import ApiClient
from loadgen.funding import FundedPlayer, funded_players, log_out

TARGET_RATIO = 1.0
TARGET_P50_MS = 10.0
TARGET_P99_MS = 40.0
LOAD_SHARE = 0.7

_PLAYER_BALANCE = 100_000
_GAMES_PER_PLAYER = 4


def run_spin_bench(
    credentials: Mapping[str, Any],
    *,
    seconds: int = 10,
    connections: int = 64,
    scale: int = 50,
    rounds: int = 3,
    console: Console | None = None,
) -> dict[str, Any]:
    """Measure against the running stack that ``credentials`` (of ``credentials.json``) names.

    ``seconds`` is the length of each measurement, ``rounds`` how often the pair is measured,
    ``scale`` pgbench's. Prints a table. Raises
    :class:`loadgen.client.ApiError` or :class:`loadgen.bench.BenchError`.
    """
    console = console or Console()
    result = uvloop.run(_bench(credentials, seconds, connections, scale, rounds, console))
    console.print(_table(result))
    for example in result["spins"]["error_examples"]:
        console.print(f"[red]error:[/] {example!r}")
    return result


async def _bench(
    credentials: Mapping[str, Any],
    seconds: int,
    connections: int,
    scale: int,
    rounds: int,
    console: Console,
) -> dict[str, Any]:
    async with ApiClient(credentials["base_url"]) as client:
        with console.status(f"{connections} players log in and deposit"):
            players = await funded_players(
                client,
                credentials,
                operators=credentials["operators"],
                count=connections,
                prefix="bench",
                balance=_PLAYER_BALANCE,
            )
            requests = await bench_requests(client, credentials["base_url"], players)
        lanes = Lanes()
        address = urlsplit(credentials["base_url"])
        try:
            await lanes.open(
                address.hostname or "127.0.0.1", address.port or 80, token_hex(8), requests
            )
            result = await _alternate(
                lanes, credentials["postgres"]["url"], seconds, scale, rounds, console
            )
        finally:
            lanes.close()
        await log_out(client, players)
    return {"connections": connections, "cpus": os.cpu_count(), **result}


async def bench_requests(
    client: ApiClient, base_url: str, players: list[FundedPlayer]
) -> list[list[Request]]:
    """Smallest wagers on low-volatility games, so that nobody runs dry during the bench."""
    host = urlsplit(base_url).netloc
    offers: dict[str, list[bytes]] = {}
    for slug in {player.operator_slug for player in players}:
        games = [
            {"game_id": game["game_id"], "wager": game["min_wager"]}
            async for game in client.items("/games", operator=slug, limit=500)
            if game["volatility"] == "low" and game["min_wager"] <= 50
        ]
        if not games:
            raise BenchError(f"{slug} offers no low-volatility game: run `pitboss seed static`")
        offers[slug] = [json.dumps(game).encode() for game in games]
    requests = []
    for number, player in enumerate(players):
        bodies = offers[player.operator_slug]
        chosen = [bodies[(number + i) % len(bodies)] for i in range(_GAMES_PER_PLAYER)]
        requests.append([spin_request(host, player.token, body) for body in chosen])
    return requests


async def _alternate(
    lanes: Lanes, postgres_url: str, seconds: int, scale: int, rounds: int, console: Console
) -> dict[str, Any]:
    spins: list[Measurement] = []
    transactions: list[float] = []
    with console.status(f"filling pgbench at scale {scale}") as status:
        async with tpc_b(postgres_url, scale) as reference:
            for number in range(1, rounds + 1):
                status.update(f"round {number} of {rounds}: spins for {seconds} s")
                spins.append(_answered(await lanes.closed_loop(seconds)))
                status.update(f"round {number} of {rounds}: pgbench for {seconds} s")
                transactions.append(await reference.transactions_per_second(seconds))
                await asyncio.sleep(0.5)
        rate = LOAD_SHARE * median(run.per_second for run in spins)
        status.update(f"{rate:.0f} spins/s for {seconds} s")
        paced = _answered(await lanes.open_loop(rate, seconds))
    ratios = [run.per_second / tps for run, tps in zip(spins, transactions, strict=True)]
    return {
        "seconds": seconds,
        "scale": scale,
        "ratio": round(median(ratios), 3),
        "ratio_target": TARGET_RATIO,
        "ratios": [round(ratio, 3) for ratio in ratios],
        "spins": _summary(spins),
        "pgbench": {
            "per_second": round(median(transactions), 1),
            "rounds": [round(tps, 1) for tps in transactions],
        },
        "paced": {
            "offered_per_second": round(rate, 1),
            "p50_ms_target": TARGET_P50_MS,
            "p99_ms_target": TARGET_P99_MS,
            **_summary([paced]),
        },
    }


def _answered(run: Measurement) -> Measurement:
    if not run.latencies:
        raise BenchError(f"no spin was answered: {run.errors} errors, such as {run.examples}")
    return run


def _summary(runs: list[Measurement]) -> dict[str, Any]:
    return {
        "per_second": round(median(run.per_second for run in runs), 1),
        "rounds": [round(run.per_second, 1) for run in runs],
        **{
            f"p{percent}_ms": round(median(run.percentile_ms(percent / 100) for run in runs), 2)
            for percent in (50, 95, 99)
        },
        "errors": sum(run.errors for run in runs),
        "error_examples": [example for run in runs for example in run.examples][:3],
    }


def _table(result: Mapping[str, Any]) -> Table:
    spins, paced = result["spins"], result["paced"]
    table = Table(
        title="spins over HTTP beside TPC-B on the same Postgres, medians",
        caption=f"closed loop: {result['connections']} connections on {result['cpus']} CPUs\n"
        f"open loop: {LOAD_SHARE:.0%} of that rate; target: p50, p99\n"
        f"TPC-B: pgbench, scale {result['scale']}, {CLIENTS} clients, prepared",
        caption_justify="left",
    )
    table.add_column("", no_wrap=True)
    for column in ("per s", "p50 ms", "p95 ms", "p99 ms", "errors", "target"):
        table.add_column(column, justify="right", no_wrap=True)

    def row(name: str, run: Mapping[str, Any], target: str) -> None:
        times = (f"{run[f'p{percent}_ms']:.1f}" for percent in (50, 95, 99))
        table.add_row(name, f"{run['per_second']:.0f}", *times, str(run["errors"]), target)

    row("spins, closed loop", spins, "")
    table.add_row("TPC-B", f"{result['pgbench']['per_second']:.0f}")
    table.add_row(
        "spins ÷ TPC-B", f"{result['ratio']:.2f}", "", "", "", "", f"≥ {TARGET_RATIO:.1f}"
    )
    row("spins, open loop", paced, f"≤ {TARGET_P50_MS:.0f}, {TARGET_P99_MS:.0f}")
    return table
