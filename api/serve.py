"""Serves the API: `python -m api.serve`. One process, one event loop, one granian server in it.

Several such processes may share a port: each listens with SO_REUSEPORT, and the kernel spreads new
connections over them. There is no parent process of our own between them and whoever starts them,
so nothing is left over when one of them is killed.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import os
import resource
import signal
import sys
from pathlib import Path

import uvloop
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.embed import Server

from api.app import create_app
from api.settings import Settings, SettingsError

# Connections waiting to be accepted, and connections served at once: granian holds one of the
# latter for as long as a connection lives, and consoles keep theirs open.
_BACKLOG = 2048
_CONNECTIONS = 8192
_HEARTBEAT_SECONDS = 1.0


async def serve(settings: Settings, heartbeat: Path | None) -> bool:
    """Serve until SIGINT or SIGTERM; requests in flight are finished.

    While it serves, it touches the file `heartbeat` every second from the event loop, so that a
    supervisor can tell a hung process from its siblings on the same port.
    Returns whether it was asked to stop; false means that the server ended by itself.
    """
    server = Server(
        create_app(settings),
        address=settings.host,
        port=settings.port,
        interface=Interfaces.ASGI,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=10_000),
        backlog=_BACKLOG,
        backpressure=_CONNECTIONS,
        log_level=LogLevels.error,
        log_access=False,  # the application logs requests, with their ids
    )
    asked = asyncio.Event()

    def stop() -> None:
        asked.set()
        server.stop()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    _settle_garbage()
    beating = asyncio.create_task(_beat(heartbeat)) if heartbeat else None
    try:
        await server.serve()
    finally:
        if beating:
            beating.cancel()
    return asked.is_set()


async def _beat(path: Path) -> None:
    while True:
        with contextlib.suppress(FileNotFoundError):  # the data directory was removed under us
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
            os.utime(path)
        await asyncio.sleep(_HEARTBEAT_SECONDS)


def _settle_garbage() -> None:
    """Keep the collector off what lives as long as the process, and let it run less often.

    A full collection over the loaded application takes tens of milliseconds: every request in
    flight would wait for it.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def _allow_many_connections() -> None:
    """Raise the soft limit on open files, often 1024, to the hard one."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def main() -> int:
    """Serve as the environment says; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m api.serve", description=__doc__)
    parser.add_argument("--heartbeat", type=Path, help="file to touch every second")
    arguments = parser.parse_args()
    try:
        settings = Settings.from_env()
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    _allow_many_connections()
    asked_to_stop = uvloop.run(serve(settings, arguments.heartbeat))
    return 0 if asked_to_stop else 1


if __name__ == "__main__":
    sys.exit(main())
