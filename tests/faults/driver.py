"""Starts stacks as a user does, as processes, and finds out what is left of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from api.stack.credentials import Credentials
from api.stack.directory import DataDirectory
from api.stack.state import ProcessState, StackState, last_state

STORES_ONLY = [sys.executable, str(Path(__file__).with_name("stores_only.py"))]


def wait_until(what: str, condition: Callable[[], bool], seconds: float = 90) -> None:
    """Poll until the condition holds; fails the test with `what` if it never does."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds:.0f} s in vain: {what}"
        time.sleep(0.05)


class StackProcess:
    """A supervisor in a process of its own; use as a context manager."""

    def __init__(self, data_dir: Path, command: Sequence[str]) -> None:
        self.directory = DataDirectory.at(data_dir)
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            list(command), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.lines.append(line.rstrip())

    def __enter__(self) -> StackProcess:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(90)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def output(self) -> str:
        """Everything printed so far."""
        return "\n".join(self.lines)

    def wait_for_line(self, part: str, seconds: float = 120) -> None:
        """Wait for a printed line that contains `part`."""

        def seen() -> bool:
            ended = self.process.poll() is not None and not self._reader.is_alive()
            found = any(part in line for line in self.lines)
            assert found or not ended, f"ended without {part!r}:\n{self.output()}"
            return found

        wait_until(part, seen, seconds)

    def wait_ready(self) -> Credentials:
        """Wait for READY; returns the credentials."""
        self.wait_for_line("READY http://127.0.0.1:")
        return Credentials.load(self.directory.credentials)

    def state(self) -> StackState:
        """What the supervisor last wrote."""
        state = last_state(self.directory)
        assert state is not None
        return state

    def part(self, name: str) -> ProcessState:
        """One process by its name."""
        return next(one for one in self.state().processes if one.name == name)

    def kill_part(self, name: str, number: int = signal.SIGKILL) -> int:
        """Send a signal to a part; returns the pid it had."""
        pid = self.part(name).pid
        assert pid
        os.kill(pid, number)
        return pid

    def wait_recovered(self, name: str, old_pid: int) -> None:
        """Wait until the part serves again as another process."""

        def recovered() -> bool:
            part = self.part(name)
            return part.healthy and part.pid not in (None, old_pid)

        wait_until(f"{name} serves again", recovered)


def processes_of(data_dir: Path) -> list[str]:
    """Command lines of everything that works in the data directory."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            where = os.readlink(entry / "cwd")
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if where == str(data_dir) or where.startswith(f"{data_dir}/"):
            found.append(f"{entry.name} {command}")
    return found


def wait_nothing_left(data_dir: Path) -> None:
    """Wait until no process works in the data directory."""
    wait_until("no process is left", lambda: not processes_of(data_dir), 60)
