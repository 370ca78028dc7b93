"""`pitboss status`."""

from __future__ import annotations

import msgspec
import rich_click as click
from rich.console import Console
from rich.table import Table

from api.commands.options import data_dir_option, json_option
from api.stack.directory import DataDirectory
from api.stack.state import StackState, running_state


@click.command()
@data_dir_option
@json_option
def command(data_dir: str, as_json: bool) -> None:
    """Show the processes of the running stack.

    Exit status 1 if none runs on the data directory, or if a part of it does not work.
    """
    state = running_state(DataDirectory.at(data_dir))
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(state), indent=2).decode())
    else:
        Console().print(_table(state))
    if not all(process.healthy for process in state.processes):
        raise SystemExit(1)


def _table(state: StackState) -> Table:
    ready = "ready" if state.ready else "not ready"
    table = Table(title=f"{state.base_url} · {ready}", title_justify="left")
    for heading in ("part", "pid", "port", "health", "restarts"):
        table.add_column(heading, justify="left" if heading in ("part", "health") else "right")
    for process in state.processes:
        health = "[green]healthy[/]" if process.healthy else "[red]not healthy[/]"
        numbers = (process.pid, process.port)
        cells = ["–" if number is None else str(number) for number in numbers]
        table.add_row(process.name, *cells, health, str(process.restarts))
    return table
