"""The parts of the local stack, made from a data directory and its credentials."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from api.settings import Settings
from api.stack.credentials import Credentials, password_in
from api.stack.directory import DataDirectory, write_private
from api.stack.health import all_of, heartbeat_probe, http_probe, postgres_probe, redis_probe
from api.stack.metrics import forget_gauges_of_the_dead, start_metrics
from api.stack.part import Part
from api.stack.postgres import EmbeddedPostgres
from api.stack.processes import tied_to_parent
from api.stack.redis import EmbeddedRedis

PREFERRED_PORTS: Mapping[str, int] = {
    "api": 8000,
    "worker": 8200,
    "gateway": 8123,
    "postgres": 5432,
    "redis": 6379,
}

# An API process that is alive says so every second; see `api.serve`.
_HEARTBEAT_STALE_SECONDS = 10.0


def environment_of(credentials: Credentials, ports: Mapping[str, int]) -> dict[str, str]:
    """The `PITBOSS_*` variables for the stack's own processes."""
    clickhouse = credentials.clickhouse
    login = f"{clickhouse.user}:{clickhouse.password}"
    address = clickhouse.url.removeprefix("http://")
    return {
        "PITBOSS_POSTGRES_URL": credentials.postgres.url,
        "PITBOSS_REDIS_URL": credentials.redis.url,
        "PITBOSS_CLICKHOUSE_URL": f"http://{login}@{address}/{clickhouse.database}",
        "PITBOSS_SECRET_KEY": credentials.secret_key,
        "PITBOSS_WEBHOOK_SECRET_MOCK": credentials.webhooks["mock"].secret,
        "PITBOSS_MOCK_PROVIDER": "1",
        "PITBOSS_HOST": "127.0.0.1",
        "PITBOSS_PORT": str(ports["api"]),
        "PITBOSS_PUBLIC_URL": credentials.base_url,
        "PITBOSS_WORKER_PORT": str(ports["worker"]),
        "PITBOSS_ENVIRONMENT": "development",
    }


def settings_of(credentials: Credentials, ports: Mapping[str, int]) -> Settings:
    """The settings that the stack's own processes read from their environment."""
    return Settings.from_env(environment_of(credentials, ports))


def python_module(module: str, *arguments: str) -> list[str]:
    """The command line of one of our own modules, tied to the calling process."""
    # -P: a folder of the data directory must not be taken for a package.
    return tied_to_parent([sys.executable, "-P", "-m", module, *arguments])


@dataclass(frozen=True)
class LocalStack:
    """Builds each part of the stack in `directory`."""

    directory: DataDirectory
    credentials: Credentials
    ports: Mapping[str, int]

    def environment(self) -> dict[str, str]:
        """What our own processes get: our variables over whatever the user has set."""
        return {**os.environ, **environment_of(self.credentials, self.ports)}

    def stores(self) -> Sequence[Part]:
        """Everything that keeps data; they do not know each other."""
        return [self.postgres(), self.redis(), self.gateway()]

    def servers(self, workers: int) -> Sequence[Part]:
        """The worker and so many API processes."""
        if workers > 1:
            start_metrics(self.directory.metrics)
        apis = [self.api(number, counts_together=workers > 1) for number in range(1, workers + 1)]
        return [self.worker(), *apis]

    def postgres(self) -> Part:
        """The ledger's Postgres."""
        server = EmbeddedPostgres(
            self.directory.postgres,
            self.ports["postgres"],
            password=password_in(self.credentials.postgres.url),
        )
        return Part(
            name="postgres",
            command=server.command,
            prepare=server.prepare,
            cwd=self.directory.root,
            log=self._log("postgres"),
            probe=postgres_probe(server),
            environment=server.environment(),
            port=server.port,
            stop_signal=signal.SIGINT,  # fast shutdown
            stop_seconds=60,
            start_seconds=None,  # crash recovery takes what it takes
            cleanup=server.remove_socket_directory,
        )

    def redis(self) -> Part:
        """Sessions, rate limits and live push."""
        server = EmbeddedRedis(
            self.directory.redis,
            self.ports["redis"],
            password=password_in(self.credentials.redis.url),
        )
        return Part(
            name="redis",
            command=server.command,
            prepare=server.prepare,
            cwd=server.directory,
            log=self._log("redis"),
            probe=redis_probe(server),
            environment={"PATH": os.environ.get("PATH", os.defpath)},
            port=server.port,
        )

    def gateway(self) -> Part:
        """ClickHouse's HTTP interface over the embedded engine."""
        port = self.ports["gateway"]
        arguments = ["--path", str(self.directory.clickhouse), "--host", "127.0.0.1"]
        arguments += ["--port", str(port), "--users", str(self.directory.gateway_users)]
        return Part(
            name="gateway",
            command=lambda: python_module("warehouse.gateway", *arguments),
            prepare=self._write_gateway_users,
            cwd=self.directory.root,
            log=self._log("gateway"),
            probe=http_probe(f"http://127.0.0.1:{port}/ping", b"Ok.\n"),
            environment=dict(os.environ),
            port=port,
            stop_seconds=30,  # inserts in flight are finished
        )

    def worker(self) -> Part:
        """The relay and the scheduler."""
        port = self.ports["worker"]
        return Part(
            name="worker",
            command=lambda: python_module("api.worker"),
            cwd=self.directory.root,
            log=self._log("worker"),
            probe=http_probe(f"http://127.0.0.1:{port}/health/live"),
            environment=self.environment(),
            port=port,
        )

    def api(self, number: int, counts_together: bool) -> Part:
        """One API process; all of them share a port, and the kernel spreads the connections.

        With `counts_together`, /metrics of each of them answers for all.
        """
        environment = self.environment()
        if counts_together:
            environment["PROMETHEUS_MULTIPROC_DIR"] = str(self.directory.metrics)
        heartbeat = self.directory.root / f"api-{number}.alive"

        def prepare() -> None:
            heartbeat.unlink(missing_ok=True)
            forget_gauges_of_the_dead(self.directory.metrics)

        return Part(
            name="api",
            command=lambda: python_module("api.serve", "--heartbeat", str(heartbeat)),
            prepare=prepare,
            cwd=self.directory.root,
            log=self._log("api" if number == 1 else f"api-{number}"),
            # The port answers as long as any process does; the heartbeat is this one's.
            probe=all_of(
                heartbeat_probe(heartbeat, _HEARTBEAT_STALE_SECONDS),
                http_probe(f"{self.credentials.base_url}/health/live"),
            ),
            environment=environment,
            port=self.ports["api"],
            cleanup=lambda: heartbeat.unlink(missing_ok=True),
        )

    def swarm(self, arguments: Sequence[str]) -> Part:
        """The bots of a demo."""
        return Part(
            name="bots",
            command=lambda: python_module("loadgen.swarm", *arguments),
            cwd=self.directory.root,
            log=self._log("bots"),
            probe=_alive,
            environment=dict(os.environ),
            listed=False,
        )

    def _log(self, name: str) -> Path:
        return self.directory.logs / f"{name}.log"

    def _write_gateway_users(self) -> None:
        self.directory.clickhouse.mkdir(mode=0o700, exist_ok=True)
        clickhouse = self.credentials.clickhouse
        users = {
            "database": clickhouse.database,
            "writer": {"user": clickhouse.user, "password": clickhouse.password},
            "analyst": {
                "user": clickhouse.analyst_user,
                "password": clickhouse.analyst_password,
            },
        }
        write_private(self.directory.gateway_users, json.dumps(users, indent=2).encode())


async def _alive(pid: int) -> bool:
    """For a process that serves nobody: it works as long as it lives."""
    return True
