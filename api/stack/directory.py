"""The data directory: everything a stack keeps, private to the user who runs it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from api.stack.errors import StackError

# Any of these marks a directory as ours, so that we never take over somebody's other files.
_OURS = ("lock", "credentials.json")


@dataclass(frozen=True)
class DataDirectory:
    """The places within the data directory; `root` is absolute."""

    root: Path

    @classmethod
    def at(cls, path: Path | str) -> DataDirectory:
        """The data directory at a relative or absolute path; nothing is created."""
        return cls(Path(path).expanduser().absolute())

    @property
    def credentials(self) -> Path:
        """Everything needed to use the stack, readable by the owner alone."""
        return self.root / "credentials.json"

    @property
    def ports(self) -> Path:
        """The ports of the last start."""
        return self.root / "ports.json"

    @property
    def state(self) -> Path:
        """What runs now; see `api.stack.state`."""
        return self.root / "stack.json"

    @property
    def metrics(self) -> Path:
        """What several API processes count together; anew at each start."""
        return self.root / "metrics"

    @property
    def gateway_users(self) -> Path:
        """The ClickHouse gateway's users and their passwords."""
        return self.root / "gateway-users.json"

    @property
    def postgres(self) -> Path:
        """The Postgres cluster."""
        return self.root / "postgres"

    @property
    def redis(self) -> Path:
        """The Redis files."""
        return self.root / "redis"

    @property
    def clickhouse(self) -> Path:
        """The embedded ClickHouse engine's files."""
        return self.root / "clickhouse"

    @property
    def logs(self) -> Path:
        """One log file per part of the stack."""
        return self.root / "logs"

    def create(self) -> None:
        """Make the directory, 0700. Raises `StackError` if the place is not ours to use."""
        try:
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            names = os.listdir(self.root)
            if names and not any(name in names for name in _OURS):
                raise StackError(f"{self.root} holds other files; choose an empty data directory")
            self.root.chmod(0o700)
            (self.root / "lock").touch(0o600)
            self.logs.mkdir(exist_ok=True)
        except OSError as error:
            raise StackError(
                f"cannot use {self.root} as data directory: {error.strerror}"
            ) from None

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the directory for one supervisor; the kernel lets go when the process dies.

        Raises `StackError` naming the holder if another one runs on it.
        """
        descriptor = os.open(self.root / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                holder = os.read(descriptor, 32).decode().strip() or "unknown"
                message = f"another stack already runs on {self.root} (process {holder})"
                raise StackError(message) from None
            os.ftruncate(descriptor, 0)
            os.write(descriptor, f"{os.getpid()}\n".encode())
            yield
        finally:
            os.close(descriptor)

    def is_locked(self) -> bool:
        """Whether a supervisor holds the directory now."""
        try:
            descriptor = os.open(self.root / "lock", os.O_RDWR)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise StackError(f"cannot read {self.root}: {error.strerror}") from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False


def write_private(path: Path, content: bytes) -> None:
    """Replace a file's content at once, readable by the owner alone, and durably."""
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(fresh, path)
