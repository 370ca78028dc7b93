"""`pitboss bench`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import msgspec
import rich_click as click

from api.commands.options import data_dir_option, running_stack, say
from api.stack.errors import StackError
from api.stack.parts import python_module
from api.stack.up import Options, Running, run, run_once
from loadgen.bench import BenchError
from loadgen.bench.spin import run_spin_bench
from loadgen.client import ApiError


@click.command()
@data_dir_option
@click.argument("what", type=click.Choice(["spin", "all"]))
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Write results here.")
@click.option("--seconds", type=click.IntRange(1), default=10, show_default=True, help="A round.")
@click.option("--rounds", type=click.IntRange(1), default=3, show_default=True, help="Rounds.")
@click.option("--start", is_flag=True, help="Start a stack for it, and stop that afterwards.")
def command(
    data_dir: str, what: str, json_path: Path | None, seconds: int, rounds: int, start: bool
) -> None:
    """Measure the running stack, side by side with a reference on the same machine.

    `spin`: spins per second over HTTP beside pgbench's TPC-B transactions on the same Postgres.
    """
    if start:
        arguments = [what, "--seconds", str(seconds), "--rounds", str(rounds)]
        arguments += [] if json_path is None else ["--json", str(json_path.absolute())]
        _on_a_stack_of_its_own(data_dir, arguments)
        return
    target = running_stack(data_dir)
    if not target.credentials.operators:
        raise StackError("there are no operators yet; run `pitboss seed static` first")
    credentials = msgspec.to_builtins(target.credentials)
    try:
        run_spin_bench(credentials, seconds=seconds, rounds=rounds, json_path=json_path)
    except (ApiError, BenchError) as error:
        raise StackError(str(error)) from None


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
