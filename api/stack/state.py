"""What the supervisor says of itself in `stack.json`, for `pitboss status` and the next start."""

from __future__ import annotations

from pathlib import Path

import msgspec

from api.stack.directory import DataDirectory, write_private
from api.stack.errors import StackError
from api.stack.processes import start_marker


class ProcessState(msgspec.Struct, kw_only=True):
    """One process of the stack, as the supervisor last saw it."""

    name: str
    pid: int | None = None
    port: int | None = None
    healthy: bool = False
    restarts: int = 0
    marker: str | None = None
    """With the pid, names this very process and no later one; see `processes.start_marker`."""


class StackState(msgspec.Struct, kw_only=True):
    """The whole stack."""

    data_dir: str
    base_url: str
    supervisor_pid: int
    ready: bool = False
    processes: list[ProcessState] = []

    def save(self, path: Path) -> None:
        """Write the file, replacing it at once."""
        write_private(path, msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n")


def last_state(directory: DataDirectory) -> StackState | None:
    """What the last supervisor wrote, whether it runs or not; None if there is nothing readable."""
    try:
        return msgspec.json.decode(directory.state.read_bytes(), type=StackState)
    except (FileNotFoundError, msgspec.MsgspecError):
        return None


def running_state(directory: DataDirectory) -> StackState:
    """The running stack's state, with processes that died a moment ago shown as not healthy.

    Raises `StackError` if no supervisor runs on the directory.
    """
    state = last_state(directory) if directory.is_locked() else None
    if state is None:
        raise StackError(f"no stack runs on {directory.root}; start one with `pitboss up`")
    for process in state.processes:
        alive = process.pid is not None and start_marker(process.pid) == process.marker
        process.healthy = process.healthy and alive
    return state
