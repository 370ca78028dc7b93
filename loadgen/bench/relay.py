"""``pitboss bench relay``: how far the warehouse is behind the bets, and how fast it catches up.

Bets come over HTTP at a steady rate. The lag of each counts from the start of its transaction to
the moment the relay knows its batch to be in every rollup, both by Postgres' clock: a little more
than from commit to visible. Beside it stands what a reader sees: a player of an operator without
other bets spins, and the rollup is asked until every grain of it has the bet. Then the relay is
held, as an outage of ClickHouse would, while bets go on as fast as they are taken, and let go.
"""

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import uvloop
from clickhouse_connect.driver.client import Client
from rich.console import Console
from rich.table import Table

from loadgen.bench import BenchError
from loadgen.bench.lanes import Lanes, Measurement
from loadgen.bench.spin import bench_requests
from loadgen.bench.warehouse_data import connect
from loadgen.client import ApiClient
from loadgen.funding import FundedPlayer, funded_players, log_out

BETS_PER_SECOND = 500
TARGET_P50_MS = 100.0
TARGET_P99_MS = 500.0
TARGET_ROWS_PER_SECOND = 20_000

_PLAYERS = 64
_BALANCE = 50_000
_WARM_UP_SECONDS = 2.0
_PROBE_PAUSE_SECONDS = 1.0
_POLL_SECONDS = 0.03
_PATIENCE_SECONDS = 120.0
_SQL = Path(__file__).parent / "sql" / "postgres"


def run_relay_bench(
    credentials: Mapping[str, Any],
    *,
    seconds: int = 10,
    rate: int = BETS_PER_SECOND,
    console: Console | None = None,
) -> dict[str, Any]:
    """Measure on the running stack that ``credentials`` (of ``credentials.json``) names.

    Bets stream for ``3 * seconds`` at ``rate`` a second, then the relay is held for
    ``2 * seconds``. Prints a table. Raises :class:`loadgen.client.ApiError`,
    :class:`loadgen.bench.BenchError` or a store's error.
    """
    console = console or Console()
    result = uvloop.run(_bench(credentials, seconds, rate, console))
    console.print(_table(result))
    return result


async def _bench(
    credentials: Mapping[str, Any], seconds: int, rate: int, console: Console
) -> dict[str, Any]:
    *busy, quiet = credentials["operators"]
    if not busy:
        raise BenchError("it takes two operators: run `pitboss seed static`")
    postgres = await asyncpg.connect(credentials["postgres"]["url"])
    lanes, address = Lanes(), urlsplit(credentials["base_url"])
    try:
        async with ApiClient(credentials["base_url"]) as client:
            with console.status(f"{_PLAYERS} players log in and deposit"):
                players = await _funded(client, credentials, busy, _PLAYERS, "relay")
                probing = await _funded(client, credentials, [quiet], 1, "relay-probe")
                requests = await bench_requests(client, credentials["base_url"], players)
            await lanes.open(
                address.hostname or "127.0.0.1", address.port or 80, f"relay-{uuid4()}", requests
            )
            with (
                console.status(f"{rate} bets a second for {3 * seconds} s"),
                connect(credentials) as warehouse,
            ):
                probe = Probe(client, probing[0], warehouse)
                lag = await _lag(postgres, lanes, probe, rate, 3 * seconds)
            with console.status(f"the relay is held for {2 * seconds} s"):
                drain = await _drain(postgres, lanes, 2 * seconds)
            await log_out(client, [*players, *probing])
    finally:
        lanes.close()
        await postgres.close()
    return {"offered_per_second": rate, "lag": lag, "drain": drain}


async def _funded(
    client: ApiClient,
    credentials: Mapping[str, Any],
    operators: list[Mapping[str, Any]],
    count: int,
    prefix: str,
) -> list[FundedPlayer]:
    return await funded_players(
        client, credentials, operators=operators, count=count, prefix=prefix, balance=_BALANCE
    )


class Probe:
    """A player who bets alone at an operator, and looks for each bet in every grain of a rollup."""

    def __init__(self, client: ApiClient, player: FundedPlayer, warehouse: Client) -> None:
        self._client = client
        self._player = player
        self._warehouse = warehouse
        self._query = _fewest_bets(player.operator_id)

    async def run(self, found: Measurement) -> None:
        """Bet and look, until cancelled; ``found`` gets the time from answer to visible."""
        games = [
            game
            async for game in self._client.items(
                "/games", operator=self._player.operator_slug, limit=500
            )
        ]
        game = min(games, key=lambda one: one["min_wager"])
        body = {"game_id": game["game_id"], "wager": game["min_wager"]}
        while True:
            before = await self._count()
            await self._client.post("/game/spin", body, key=str(uuid4()), token=self._player.token)
            answered = time.perf_counter()
            while await self._count() <= before:  # noqa: ASYNC110  the other side is a server
                await asyncio.sleep(_POLL_SECONDS)
            found.answered(time.perf_counter() - answered, b"200", b"")
            await asyncio.sleep(_PROBE_PAUSE_SECONDS)

    async def _count(self) -> int:
        rows = await asyncio.to_thread(self._warehouse.query, self._query)
        return int(rows.result_rows[0][0])


def _fewest_bets(operator_id: int) -> str:
    """A query for the operator's bets in that grain of the rollup of bets which has the fewest."""
    return (
        "SELECT min(n) FROM (SELECT sum(bets) AS n FROM bet_rollups "  # noqa: S608  a number
        f"WHERE operator_id = {int(operator_id)} GROUP BY grain)"
    )


async def _lag(
    postgres: asyncpg.Connection, lanes: Lanes, probe: Probe, rate: int, seconds: int
) -> dict[str, Any]:
    newest = await postgres.fetchval("SELECT max(batch_no) FROM relay_batch")
    streaming = asyncio.create_task(lanes.open_loop(rate, seconds + _WARM_UP_SECONDS))
    await asyncio.sleep(_WARM_UP_SECONDS)
    began = await _now(postgres)
    seen = Measurement()
    seen.begin()
    probing = asyncio.create_task(probe.run(seen))
    streamed = await streaming
    ended = await _now(postgres)
    seen.end()
    probing.cancel()
    with suppress(asyncio.CancelledError):
        await probing
    await _caught_up(postgres)
    rows = await postgres.fetch((_SQL / "relay_lag.sql").read_text(), began, ended, newest)
    all_bets = Measurement()
    all_bets.latencies = [row["seconds"] for row in rows]
    if not rows or not seen.latencies:
        raise BenchError(f"no bet arrived: {streamed.errors} errors, such as {streamed.examples}")
    p50, p99 = all_bets.percentile_ms(0.5), all_bets.percentile_ms(0.99)
    return {
        "per_second": round(streamed.per_second, 1),
        "errors": streamed.errors,
        "bets": len(rows),
        **_percentiles(all_bets),
        "p50_ms_target": TARGET_P50_MS,
        "p99_ms_target": TARGET_P99_MS,
        "p50_ratio": round(p50 / TARGET_P50_MS, 2),
        "p99_ratio": round(p99 / TARGET_P99_MS, 2),
        "seen_by_a_reader": {"probes": len(seen.latencies), **_percentiles(seen)},
    }


async def _drain(postgres: asyncpg.Connection, lanes: Lanes, seconds: int) -> dict[str, Any]:
    """Hold the newest batch, so that the relay plans no other, and let it go with nobody betting.

    Raises :class:`loadgen.bench.BenchError` if the relay does not catch up.
    """
    await _caught_up(postgres)
    async with postgres.transaction():
        await postgres.execute("SELECT FROM relay_batch ORDER BY batch_no DESC LIMIT 1 FOR UPDATE")
        await lanes.closed_loop(seconds)
    released = await _now(postgres)
    await _caught_up(postgres)
    drained = await postgres.fetchrow((_SQL / "relay_drain.sql").read_text(), released)
    if drained is None or not drained["rows"]:
        raise BenchError("the relay had nothing to catch up with")
    took = (drained["finished"] - released).total_seconds()
    rate = drained["rows"] / took
    return {
        "rows": drained["rows"],
        "batches": drained["batches"],
        "seconds": round(took, 3),
        "rows_per_second": round(rate),
        "rows_per_second_target": TARGET_ROWS_PER_SECOND,
        "ratio": round(rate / TARGET_ROWS_PER_SECOND, 2),
    }


async def _now(postgres: asyncpg.Connection) -> datetime:
    (now,) = await postgres.fetch("SELECT clock_timestamp()")
    return now[0]


async def _caught_up(postgres: asyncpg.Connection) -> None:
    """Wait until all that is committed now is sent."""
    now = await postgres.fetchval("SELECT pg_current_snapshot()::text")
    pending = (_SQL / "relay_pending.sql").read_text()
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while await postgres.fetchval(pending, now):
        if time.monotonic() > deadline:
            raise BenchError(f"the relay does not catch up in {_PATIENCE_SECONDS:.0f} s")
        await asyncio.sleep(0.25)


def _percentiles(times: Measurement) -> dict[str, float]:
    return {f"p{share}_ms": round(times.percentile_ms(share / 100), 1) for share in (50, 95, 99)}


def _table(result: Mapping[str, Any]) -> Table:
    lag, drain = result["lag"], result["drain"]
    table = Table(
        title=f"the warehouse behind the bets, at {lag['per_second']:.0f} bets/s",
        caption="a reader: from a spin's answer until every rollup has it, "
        f"{lag['seen_by_a_reader']['probes']} spins\n"
        f"after an outage: {drain['rows']:,} rows in {drain['seconds']:.1f} s",
        caption_justify="left",
    )
    table.add_column("", no_wrap=True)
    for column in ("measured", "target", "ratio"):
        table.add_column(column, justify="right", no_wrap=True)
    for share in (50, 99):
        table.add_row(
            f"bet to every rollup, p{share}",
            f"{lag[f'p{share}_ms']:.0f} ms",
            f"≤ {lag[f'p{share}_ms_target']:.0f} ms",
            f"{lag[f'p{share}_ratio']:.2f}",
        )
    for share in (50, 99):
        table.add_row(f"a reader, p{share}", f"{lag['seen_by_a_reader'][f'p{share}_ms']:.0f} ms")
    table.add_row(
        "after an outage",
        f"{drain['rows_per_second']:,} rows/s",
        f"≥ {TARGET_ROWS_PER_SECOND:,}",
        f"{drain['ratio']:.2f}",
    )
    return table
