"""How the stack starts, finds and ends operating-system processes."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import BinaryIO

from api.stack.errors import StackError

# The kernel sends the signal when the parent dies (prctl(2), PR_SET_PDEATHSIG). The shell closes
# the gap in which the parent died before the request was made: it then sees another parent.
_STILL_MY_PARENT = '[ "$PPID" = "$0" ] || exit 111; exec "$@"'


_LOG_LIMIT_BYTES = 20_000_000


def wheel_folder(package: str) -> Path:
    """Where an installed package lies, without importing it: we only want its binaries."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise StackError(f"the package {package} is not installed; run `make install`")
    return Path(spec.origin).parent


def tied_to_parent(
    command: Sequence[str], death_signal: str = "TERM", parent_pid: int | None = None
) -> list[str]:
    """Wrap `command` so that it gets `death_signal` when the process that starts it dies.

    The tie is to the *thread* that starts the child, so start children from a thread that lives as
    long as they should. `exec` all the way: the child's pid is the pid of `command` itself.
    """
    parent = str(os.getpid() if parent_pid is None else parent_pid)
    guard = ["setpriv", "--pdeathsig", death_signal, "/bin/sh", "-c", _STILL_MY_PARENT, parent]
    return [*guard, *command]


def open_log(path: Path) -> BinaryIO:
    """Open a log for appending, private; keeps one older file beside it once it is large."""
    if path.exists() and path.stat().st_size > _LOG_LIMIT_BYTES:
        path.rename(path.with_suffix(".old.log"))
    return open(path, "ab", opener=private)


def private(path: str, flags: int) -> int:
    """An opener for `open`: a new file is readable by its owner alone."""
    return os.open(path, flags, 0o600)


def start_marker(pid: int) -> str | None:
    """What tells this process from a later one with the same number: boot id and start time.

    None when there is no such process, or only its zombie.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = stat.rpartition(")")[2].split()  # the name before ")" may hold spaces
    return None if fields[0] in ("Z", "X") else f"{boot}/{fields[19]}"


def _all_pids() -> list[int]:
    return [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]


def _link(pid: int, name: str) -> str | None:
    try:
        return os.readlink(f"/proc/{pid}/{name}").removesuffix(" (deleted)")
    except OSError:  # gone meanwhile, a kernel thread, or another user's
        return None


def running_in(directory: Path, executable: Path) -> list[int]:
    """Pids of the processes of `executable` whose working directory is `directory`."""
    where, what = str(directory.resolve()), str(executable.resolve())
    return [
        pid
        for pid in _all_pids()
        if _link(pid, "cwd") == where and _link(pid, "exe") == what and start_marker(pid)
    ]


def send(pids: Iterable[int], signal_number: int) -> None:
    """Send a signal to each process that still exists."""
    for pid in pids:
        try:
            os.kill(pid, signal_number)
        except ProcessLookupError:
            continue


def end_all(find: Callable[[], list[int]], polite: signal.Signals, grace_seconds: float) -> int:
    """End every process that `find` returns: politely first, by SIGKILL after the grace time.

    Returns how many there were. Raises `StackError` if one survives SIGKILL for ten seconds (a
    process stuck in the kernel), because starting over it would share its files.
    """
    found = find()
    if not found:
        return 0
    send(found, polite)
    killed = False
    deadline = time.monotonic() + grace_seconds
    while remaining := find():
        if time.monotonic() > deadline:
            if killed:
                raise StackError(f"processes {remaining} do not end, even by SIGKILL")
            send(remaining, signal.SIGKILL)
            killed, deadline = True, time.monotonic() + 10
        time.sleep(0.02)
    return len(found)


def stop_child(child: subprocess.Popen[bytes], polite: signal.Signals, grace_seconds: float) -> int:
    """Stop a child of ours and reap it; SIGKILL after the grace time. Returns its exit status."""
    if child.poll() is None:
        child.send_signal(polite)
        try:
            child.wait(grace_seconds)
        except subprocess.TimeoutExpired:
            child.kill()
    return child.wait()
