"""`pitboss up`."""

from __future__ import annotations

import asyncio

import rich_click as click

from api.commands.options import data_dir_option, say
from api.stack.up import Options, run


@click.command()
@data_dir_option
@click.option("--port", type=click.IntRange(1, 65535), help="Port of the API [default: 8000 …].")
@click.option(
    "--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="API processes."
)
def command(data_dir: str, port: int | None, workers: int) -> None:
    """Run the whole stack in the foreground.

    Prints `READY` with the API's address, and where the credentials are, once everything serves.
    Ctrl-C or SIGTERM stops it; the next start continues with its data.
    """
    asyncio.run(run(Options(data_dir=data_dir, port=port, workers=workers), say))
