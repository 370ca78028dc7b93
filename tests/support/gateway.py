"""A gateway process of its own, for tests that need the embedded warehouse over HTTP."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from api.stack.processes import tied_to_parent

DATABASE = "pitboss"
_START_SECONDS = 60.0
_STOP_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Credentials:
    user: str
    password: str


@dataclass(slots=True)
class GatewayProcess:
    """A running gateway. `url` carries no credentials; `clickhouse_url` has the writer's."""

    url: str
    host: str
    port: int
    database: str
    writer: Credentials
    analyst: Credentials
    path: Path
    process: subprocess.Popen[bytes]
    log_path: Path

    @property
    def clickhouse_url(self) -> str:
        """In the form of PITBOSS_CLICKHOUSE_URL."""
        user = f"{self.writer.user}:{self.writer.password}"
        return f"http://{user}@{self.host}:{self.port}/{self.database}"

    def stop(self) -> int:
        """Ends it the clean way (SIGTERM) and returns its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def kill(self) -> None:
        """Ends it the hard way (SIGKILL)."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(_STOP_SECONDS)

    def log(self) -> str:
        return self.log_path.read_text(errors="replace")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start_gateway(path: Path, *arguments: str, port: int | None = None) -> GatewayProcess:
    """Starts a gateway over `path/clickhouse` (created if missing, continued if not) and waits
    until it answers. `arguments` go to its command line. Raises RuntimeError with its log."""
    path.mkdir(parents=True, exist_ok=True)
    writer = Credentials("pitboss_writer", "writer-secret")
    analyst = Credentials("analyst", "analyst-secret")
    users = path / "gateway-users.json"
    users.write_text(
        json.dumps(
            {
                "database": DATABASE,
                "writer": {"user": writer.user, "password": writer.password},
                "analyst": {"user": analyst.user, "password": analyst.password},
            }
        )
    )
    users.chmod(0o600)
    port = port or free_port()
    log_path = path / "gateway.log"
    with log_path.open("ab") as log:
        process = subprocess.Popen(
            tied_to_parent(
                [
                    *(sys.executable, "-m", "warehouse.gateway"),
                    *("--path", str(path / "clickhouse"), "--users", str(users)),
                    *("--host", "127.0.0.1", "--port", str(port)),
                    *arguments,
                ],
                "KILL",
            ),
            stderr=log,
            stdin=subprocess.DEVNULL,
            cwd=Path(__file__).resolve().parents[2],
            env={k: v for k, v in os.environ.items() if not k.startswith("PITBOSS_")},
        )
    url = f"http://127.0.0.1:{port}"
    gateway = GatewayProcess(
        url, "127.0.0.1", port, DATABASE, writer, analyst, path / "clickhouse", process, log_path
    )
    _wait_for_ping(gateway)
    return gateway


def _wait_for_ping(gateway: GatewayProcess) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if gateway.process.poll() is not None:
            raise RuntimeError(f"the gateway ended at once:\n{gateway.log()}")
        try:
            with urlopen(f"{gateway.url}/ping", timeout=5) as answer:  # noqa: S310 - loopback
                if answer.read() == b"Ok.\n":
                    return
        except (URLError, OSError):
            time.sleep(0.05)
    gateway.kill()
    raise RuntimeError(f"the gateway did not answer in {_START_SECONDS} s:\n{gateway.log()}")
