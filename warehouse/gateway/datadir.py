"""The engine's data directory: one process at a time, and a temporary directory inside.

The engine itself refuses a second process without a reason; a lock file of our own gives one.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from pathlib import Path


class DirectoryInUse(Exception):
    """Another process has this data directory open."""


class DataDirectory:
    """`path/` with `store/` (the engine's), `tmp/` and `gateway.lock`."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self.store = self.path / "store"
        self.temporary = self.path / "tmp"
        self._lock_file = self.path / "gateway.lock"
        self._lock_fd = -1

    def open(self) -> None:
        """Creates and locks the directory, clears what a killed process left in `tmp/` and makes
        that this process's temporary directory. The kernel drops the lock with the process.

        Raises DirectoryInUse with the id of the process that holds it.
        """
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock_fd = os.open(self._lock_file, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(self._lock_fd, 20).decode().strip() or "unknown"
            raise DirectoryInUse(
                f"{self.path} is in use by process {holder}: the embedded warehouse has one"
                " owner, talk to it over HTTP or stop it first"
            ) from None
        os.ftruncate(self._lock_fd, 0)
        os.pwrite(self._lock_fd, f"{os.getpid()}\n".encode(), 0)
        self.store.mkdir(exist_ok=True, mode=0o700)
        if self.temporary.exists():
            shutil.rmtree(self.temporary)
        self.temporary.mkdir(mode=0o700)
        os.environ["TMPDIR"] = str(self.temporary)
        tempfile.tempdir = str(self.temporary)
