"""`python -m warehouse.gateway`: one process, one data directory, one port."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
from pathlib import Path

import click
import uvloop

from warehouse.gateway.auth import Users
from warehouse.gateway.datadir import DataDirectory, DirectoryInUse
from warehouse.gateway.engine import Engine, Limits
from warehouse.gateway.sandbox import SandboxUnavailable, readable_paths, restrict
from warehouse.gateway.server import Gateway, serve

log = logging.getLogger("warehouse.gateway")

_CLOSE_SECONDS = 10.0


@click.command()
@click.option("--path", required=True, type=click.Path(path_type=Path), help="Data directory.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8123, show_default=True, help="Port; 0 takes a free one.")
@click.option(
    "--users", required=True, type=click.Path(path_type=Path), help="JSON file of credentials."
)
@click.option(
    "--memory-mib", default=1024, show_default=True, help="Memory of all queries together."
)
@click.option(
    "--cache-mib", default=256, show_default=True, help="Besides, for decompressed columns."
)
@click.option("--writer-queries", default=8, show_default=True, help="At once, as the writer.")
@click.option("--analyst-queries", default=4, show_default=True, help="At once, as the analyst.")
@click.option("--held-mib", default=1024, show_default=True, help="Of a result waited for whole.")
@click.option(
    "--send-seconds", default=30.0, show_default=True, help="How long a client may read nothing."
)
@click.option("--sandbox/--no-sandbox", default=True, help="Landlock around the process.")
def main(
    path: Path,
    host: str,
    port: int,
    users: Path,
    memory_mib: int,
    cache_mib: int,
    writer_queries: int,
    analyst_queries: int,
    held_mib: int,
    send_seconds: float,
    sandbox: bool,
) -> None:
    """Serves ClickHouse's HTTP interface over the embedded engine."""
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s"
    )
    directory = DataDirectory(path)
    try:
        known = Users.load(users)
        directory.open()
        listener = _listen(host, port)
    except (ValueError, DirectoryInUse, OSError) as error:
        raise click.ClickException(str(error)) from error
    if sandbox:
        _enter_sandbox(directory)
    limits = Limits(
        memory_bytes=memory_mib << 20,
        cache_bytes=cache_mib << 20,
        writer_handles=writer_queries,
        analyst_handles=analyst_queries,
        held_bytes=held_mib << 20,
        send_seconds=send_seconds,
    )
    uvloop.run(_serve(directory, known, limits, listener))


def _listen(host: str, port: int) -> socket.socket:
    """Bound before the sandbox stands, because inside it no port can be bound."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=512)
    listener.setblocking(False)
    return listener


def _enter_sandbox(directory: DataDirectory) -> None:
    try:
        version = restrict([directory.path], readable_paths())
    except SandboxUnavailable as error:
        log.warning("no Landlock here (%s): the process can reach all its user's files", error)
        return
    log.info("sandboxed to %s (Landlock %d)", directory.path, version)
    if version < 4:
        log.warning("Landlock %d has no network rules: the process can connect out", version)


async def _serve(
    directory: DataDirectory, users: Users, limits: Limits, listener: socket.socket
) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    engine = Engine(directory.store, users.database, limits)
    # The engine's library sets handlers of its own when loaded; ours must win.
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    runner = await serve(Gateway(engine, users), listener)
    host, port = listener.getsockname()[:2]
    log.info("ClickHouse %s on http://%s:%d", engine.version, host, port)
    await stop.wait()
    log.info("stopping: finishing running requests")
    await runner.cleanup()
    await _close(engine)
    log.info("stopped")


async def _close(engine: Engine) -> None:
    """Closes the engine, or leaves without it: what is committed is on disk, and a supervisor
    that waits for a stuck query would kill us anyway."""
    closing = asyncio.get_running_loop().run_in_executor(None, engine.close)
    try:
        await asyncio.wait_for(asyncio.shield(closing), _CLOSE_SECONDS)
    except TimeoutError:
        log.error("a query does not end, leaving without it")
        logging.shutdown()
        os._exit(1)


if __name__ == "__main__":
    main()
