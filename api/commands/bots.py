"""`pitboss bots start`."""

from __future__ import annotations

import os
import sys

import rich_click as click

from api.commands.options import data_dir_option, running_stack
from api.stack.errors import StackError


@click.group()
def command() -> None:
    """Let bots play against the running stack."""


@command.command()
@data_dir_option
@click.option("--bots", type=click.IntRange(1), default=40, show_default=True, help="Bots at once.")
@click.option(
    "--spawn-rate", type=float, default=4.0, show_default=True, help="Bots started a second."
)
@click.option("--for", "seconds", type=float, help="Stop after so many seconds.")
def start(data_dir: str, bots: int, spawn_rate: float, seconds: float | None) -> None:
    """Seeded bots log in, deposit and spin until Ctrl-C; see `pitboss seed bots`."""
    target = running_stack(data_dir)
    if not target.credentials.operators:
        raise StackError("there are no operators yet; run `pitboss seed static` first")
    arguments = ["--credentials", str(target.directory.credentials), "--headless"]
    arguments += ["--bots", str(bots), "--spawn-rate", str(spawn_rate)]
    arguments += [] if seconds is None else ["--for", str(seconds)]
    # In our place, not beside us: locust must be the first thing its process imports.
    command_line = [sys.executable, "-P", "-m", "loadgen.swarm", *arguments]
    os.execv(sys.executable, command_line)  # noqa: S606 - no shell is wanted
