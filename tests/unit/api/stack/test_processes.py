"""Processes: tied to their parent, told apart, ended."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from api.stack import processes

SLEEP = ["sleep", "60"]


def test_a_tied_child_keeps_its_pid_and_dies_with_its_parent() -> None:
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import subprocess, sys, time\n"
            "from api.stack.processes import tied_to_parent\n"
            f"child = subprocess.Popen(tied_to_parent({SLEEP}))\n"
            "print(child.pid, flush=True)\n"
            "time.sleep(60)",
        ],
        stdout=subprocess.PIPE,
    )
    assert parent.stdout
    child = int(parent.stdout.readline())
    deadline = time.monotonic() + 30
    while "sleep" not in Path(f"/proc/{child}/cmdline").read_text():  # through with its execs
        assert time.monotonic() < deadline
    parent.kill()
    parent.wait()
    while processes.start_marker(child) is not None:
        assert time.monotonic() < deadline, "the child outlived its parent"
        time.sleep(0.01)


def test_a_child_whose_parent_is_gone_already_does_not_start(tmp_path: Path) -> None:
    made = tmp_path / "made"
    command = processes.tied_to_parent(["touch", str(made)], parent_pid=1)
    assert subprocess.run(command, check=False).returncode == 111
    assert not made.exists()


def test_a_marker_names_one_process_and_no_zombie() -> None:
    child = subprocess.Popen(SLEEP)
    marker = processes.start_marker(child.pid)
    assert marker
    assert marker == processes.start_marker(child.pid)
    assert marker != processes.start_marker(os.getpid())
    os.kill(child.pid, signal.SIGKILL)
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # dead, and not yet collected
    assert processes.start_marker(child.pid) is None
    child.wait()
    assert processes.start_marker(child.pid) is None


def test_processes_are_found_by_folder_and_program(tmp_path: Path) -> None:
    child = subprocess.Popen(SLEEP, cwd=tmp_path)
    program = Path(f"/proc/{child.pid}/exe").resolve()
    try:
        deadline = time.monotonic() + 30
        while processes.running_in(tmp_path, program) != [child.pid]:
            assert time.monotonic() < deadline
        assert processes.running_in(tmp_path, Path(sys.executable)) == []
        assert processes.running_in(tmp_path.parent, program) == []
    finally:
        child.kill()
        child.wait()


@pytest.mark.parametrize("deaf", [False, True], ids=["polite", "deaf"])
def test_every_process_is_ended(deaf: bool) -> None:
    trap = "trap '' TERM;" if deaf else ""
    child = subprocess.Popen(
        ["/bin/sh", "-c", f"{trap} echo ready; while :; do sleep 0.05; done"],
        stdout=subprocess.PIPE,
    )
    assert child.stdout
    assert child.stdout.readline() == b"ready\n"

    def living() -> list[int]:
        return [child.pid] if child.poll() is None else []

    assert processes.end_all(living, signal.SIGTERM, grace_seconds=0.5) == 1
    assert child.wait() == (-signal.SIGKILL if deaf else -signal.SIGTERM)
    assert processes.end_all(living, signal.SIGTERM, grace_seconds=0.5) == 0
