"""`pitboss demo`."""

from __future__ import annotations

import asyncio

import msgspec
import rich_click as click

from api.commands.options import data_dir_option, say
from api.stack.credentials import Credentials
from api.stack.parts import python_module
from api.stack.up import Options, Running, announce, run, run_once
from dashboards.terminal import watch


@click.command()
@data_dir_option
@click.option("--port", type=click.IntRange(1, 65535), help="Port of the API [default: 8000 …].")
@click.option(
    "--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="API processes."
)
@click.option("--bots", type=click.IntRange(1), default=40, show_default=True, help="Bots.")
@click.option("--no-bots", is_flag=True, help="Seed the bots, but let none play.")
@click.option("--for", "seconds", type=float, help="Stop after so many seconds.")
def command(
    data_dir: str,
    port: int | None,
    workers: int,
    bots: int,
    no_bots: bool,
    seconds: float | None,
) -> None:
    """Run the stack with seeded operators, games and playing bots, and show their figures.

    Ctrl-C stops everything; the next start continues with its data.
    """

    async def follow(running: Running) -> None:
        await _seed(running, bots)
        if not no_bots:
            await _let_play(running, bots)
        announce(running, say)
        credentials = Credentials.load(running.stack.directory.credentials)
        _tell_logins(running, credentials)
        await _show_figures(running, credentials, seconds)

    asyncio.run(run(Options(data_dir=data_dir, port=port, workers=workers), say, follow))


async def _seed(running: Running, bots: int) -> None:
    root = str(running.stack.directory.root)
    say("seeding operators, games and bots …")
    for what in (["static"], ["bots", str(bots)]):
        seed = python_module("api.cli", "seed", *what, "--data-dir", root)
        await run_once(running.stack, f"seed-{what[0]}", seed)


async def _let_play(running: Running, bots: int) -> None:
    credentials = running.stack.directory.credentials
    swarm = ["--credentials", str(credentials), "--headless", "--bots", str(bots)]
    await running.supervisor.start_extra(running.stack.swarm(swarm))


def _tell_logins(running: Running, credentials: Credentials) -> None:
    """How to get in, for a person who reads a terminal."""
    admin = credentials.platform_admin
    say("")
    say(f"API documentation   {credentials.base_url}/schema")
    say(f"platform admin      {admin.login} / {admin.password}")
    for operator in credentials.operators:
        who = f"{operator.admin.login} / {operator.admin.password}"
        say(f"operator            {operator.slug}: {who}")
    say(f"bots                any username `bot-…` / {credentials.bots.password}")
    say(f"analyst             pitboss sql --data-dir {running.stack.directory.root}")
    say("")


async def _show_figures(running: Running, credentials: Credentials, seconds: float | None) -> None:
    """Show what the operators see until the time is up or the stack is stopped."""
    stop = asyncio.Event()
    figures = asyncio.create_task(
        watch(credentials.base_url, msgspec.to_builtins(credentials), stop)
    )
    try:
        await asyncio.wait({figures}, timeout=seconds)
        if seconds is not None:
            running.supervisor.request_stop()
    finally:
        stop.set()
        await figures
