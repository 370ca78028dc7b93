"""The directory in which several API processes count together.

Each process of prometheus_client's multiprocess mode keeps its counts in files named after its pid;
/metrics of any of them adds all files up. Counts of a process that died stay, as they must; its
gauges, such as open sockets, died with it.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from api.stack.processes import start_marker


def start_metrics(directory: Path) -> None:
    """An empty directory: counts of an earlier run of the stack are not this one's."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(mode=0o700)


def forget_gauges_of_the_dead(directory: Path) -> None:
    """Remove the live gauges of processes that are no more."""
    for file in directory.glob("gauge_live*_*.db"):
        pid = file.stem.rpartition("_")[2]
        if pid.isdecimal() and start_marker(int(pid)) is None:
            file.unlink(missing_ok=True)
