"""What the embedded servers have in common when they run as children of ours."""

from __future__ import annotations

import signal
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from api.stack.errors import StackError
from api.stack.processes import open_log, stop_child

_TAIL_LINES = 8


class EmbeddedServer(ABC):
    """A server that keeps its files in `directory`.

    As a context manager or by `start()`/`stop()` it runs as a child of the calling thread. A
    supervisor uses `prepare()` and `command()` instead, and probes it itself.
    """

    name: ClassVar[str]
    stop_signal: ClassVar[signal.Signals]
    grace_seconds: ClassVar[float]

    def __init__(self, directory: Path) -> None:
        self.directory = Path(directory).absolute()
        self._child: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def prepare(self) -> None:
        """Make the directory ready for a start, and end what a killed run left."""

    @abstractmethod
    def command(self) -> list[str]:
        """The server's command line, as a child tied to the caller; run it in `directory`."""

    @abstractmethod
    def _serves(self, pid: int) -> bool:
        """Whether the child with this pid answers."""

    def environment(self) -> Mapping[str, str] | None:
        """The child's environment; None for ours."""
        return None

    @property
    def log_file(self) -> Path:
        """Where `start()` sends the server's log; a supervisor chooses its own place."""
        return self.directory / f"{self.name.lower()}.log"

    @property
    def pid(self) -> int | None:
        """The server's pid while `start()`'s server runs."""
        return self._child.pid if self._child and self._child.poll() is None else None

    def start(self, timeout_seconds: float = 300) -> Self:
        """Start the server and wait until it serves, however long recovery needs.

        Raises `StackError` with the log's last lines if it ends instead or needs too long.
        """
        self.prepare()
        with open_log(self.log_file) as log:
            self._child = subprocess.Popen(
                self.command(),
                cwd=self.directory,
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for us; we stop the server
            )
        deadline = time.monotonic() + timeout_seconds
        while not self._serves(self._child.pid):
            if self._child.poll() is not None or time.monotonic() > deadline:
                self.stop()
                tail = self.log_file.read_text(errors="replace").splitlines()[-_TAIL_LINES:]
                raise StackError(f"{self.name} did not start: " + "\n".join(tail))
            time.sleep(0.01)
        return self

    def stop(self) -> None:
        """Stop the server, which first writes what it holds. Idempotent."""
        if self._child is not None:
            stop_child(self._child, self.stop_signal, self.grace_seconds)
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
