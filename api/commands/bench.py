"""`pitboss bench`."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import rich_click as click
from clickhouse_connect.driver.exceptions import ClickHouseError

from api.commands.options import data_dir_option, running_stack, say
from api.stack.errors import StackError
from api.stack.parts import python_module
from api.stack.up import Options, Running, run, run_once
from loadgen.bench import BenchError
from loadgen.bench.analytics import run_analytics_bench
from loadgen.bench.relay import run_relay_bench
from loadgen.bench.spin import run_spin_bench
from loadgen.client import ApiError


@click.command()
@data_dir_option
@click.argument("what", type=click.Choice(["spin", "relay", "analytics", "all"]))
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Write results here.")
@click.option(
    "--seconds",
    type=click.IntRange(1),
    default=10,
    show_default=True,
    help="A round; each of the operators' questions is asked for twice as long.",
)
@click.option("--rounds", type=click.IntRange(1), default=3, show_default=True, help="Rounds.")
@click.option(
    "--bets",
    type=click.IntRange(100_000),
    default=100_000_000,
    show_default=True,
    help="History that `analytics` asks about; Postgres gets a tenth of it.",
)
@click.option("--start", is_flag=True, help="Start a stack for it, and stop that afterwards.")
def command(
    data_dir: str,
    what: str,
    json_path: Path | None,
    seconds: int,
    rounds: int,
    bets: int,
    start: bool,
) -> None:
    """Measure the running stack, side by side with a reference on the same machine.

    `spin`: spins per second over HTTP beside pgbench's TPC-B transactions on the same Postgres.

    `relay`: how far the warehouse is behind 500 bets a second, and how fast it catches up.

    `analytics`: what operators ask, over a long history while bets stream in, beside the raw table
    and an indexed Postgres table. The history stays in the warehouse, whose books then disagree
    with the ledger's: never on a stack that is for anything else.
    """
    if start:
        arguments = [what, "--seconds", str(seconds), "--rounds", str(rounds)]
        arguments += ["--bets", str(bets)]
        arguments += [] if json_path is None else ["--json", str(json_path.absolute())]
        _on_a_stack_of_its_own(data_dir, arguments)
        return
    target = running_stack(data_dir)
    if not target.credentials.operators:
        raise StackError("there are no operators yet; run `pitboss seed static` first")
    credentials = msgspec.to_builtins(target.credentials)
    results: dict[str, Any] = {}
    try:
        if what in ("spin", "all"):
            results["spin"] = run_spin_bench(credentials, seconds=seconds, rounds=rounds)
        if what in ("relay", "all"):
            results["relay"] = run_relay_bench(credentials, seconds=seconds)
        if what in ("analytics", "all"):
            results["analytics"] = run_analytics_bench(
                credentials, bets=bets, postgres_bets=bets // 10, seconds=2 * seconds
            )
    except (ApiError, BenchError, ClickHouseError, asyncpg.PostgresError) as error:
        raise StackError(str(error)) from None
    if json_path:
        json_path.write_text(json.dumps(results, indent=2) + "\n")


def _on_a_stack_of_its_own(data_dir: str, arguments: list[str]) -> None:
    """Start, seed, measure in a process beside the stack, stop."""
    status = 0

    async def follow(running: Running) -> None:
        nonlocal status
        where = ["--data-dir", str(running.stack.directory.root)]
        seed = python_module("api.cli", "seed", "static", *where)
        await run_once(running.stack, "seed-static", seed)
        bench = python_module("api.cli", "bench", *arguments, *where)
        process = await asyncio.create_subprocess_exec(*bench)
        status = await process.wait()
        running.supervisor.request_stop()

    asyncio.run(run(Options(data_dir=data_dir), say, follow))
    sys.exit(status)
