"""Metrics of several API processes: what stays when one dies, and what does not."""

import os
import subprocess
from pathlib import Path

from api.stack.metrics import forget_gauges_of_the_dead, start_metrics


def test_counts_of_the_dead_stay_and_their_gauges_go(tmp_path: Path) -> None:
    directory = tmp_path / "metrics"
    start_metrics(directory)
    gone = subprocess.Popen(["true"])
    gone.wait()
    names = {
        f"counter_{gone.pid}.db": True,
        f"gauge_livesum_{gone.pid}.db": False,
        f"gauge_livesum_{os.getpid()}.db": True,
        f"histogram_{gone.pid}.db": True,
    }
    for name in names:
        (directory / name).touch()
    forget_gauges_of_the_dead(directory)
    assert {file.name for file in directory.iterdir()} == {
        name for name, stays in names.items() if stays
    }
    start_metrics(directory)
    assert list(directory.iterdir()) == []
