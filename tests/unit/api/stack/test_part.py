"""Keeping a part running: small real processes that die, hang or never serve."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from api.stack.errors import StackError
from api.stack.health import heartbeat_probe
from api.stack.part import Part, PartRunner
from api.stack.processes import start_marker, tied_to_parent

SERVES = "while :; do touch alive; sleep 0.1; done"


def send(runner: PartRunner, number: signal.Signals) -> None:
    assert runner.state.pid
    os.kill(runner.state.pid, number)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - processes set no events
            await asyncio.sleep(0.02)


def part(folder: Path, script: str, **options: Any) -> Part:
    return Part(
        name="sample",
        command=lambda: tied_to_parent(["/bin/sh", "-c", script]),
        cwd=folder,
        log=folder / "sample.log",
        probe=heartbeat_probe(folder / "alive", 1.0),
        prepare=lambda: (folder / "alive").unlink(missing_ok=True),
        environment={"PATH": "/usr/bin:/bin"},
        **options,
    )


@asynccontextmanager
async def running(made: Part) -> AsyncIterator[tuple[PartRunner, list[str]]]:
    reports: list[str] = []
    runner = PartRunner(made, reports.append, lambda: None)
    try:
        await runner.start()
        yield runner, reports
    finally:
        await runner.stop()


async def test_a_part_serves_until_it_is_stopped(tmp_path: Path) -> None:
    async with running(part(tmp_path, SERVES)) as (runner, reports):
        assert runner.state.healthy
        assert runner.state.pid
        assert reports == []
    assert runner.state.pid is None
    assert not runner.state.healthy


async def test_a_part_that_dies_is_reported_and_started_again(tmp_path: Path) -> None:
    async with running(part(tmp_path, SERVES)) as (runner, reports):
        for restarts in (1, 2):
            send(runner, signal.SIGKILL)
            await until(lambda wanted=restarts: runner.state.restarts == wanted)
            await until(lambda: runner.state.healthy)
        assert "was ended by SIGKILL" in reports[0]
        assert "works again" in reports[1]


async def test_a_part_that_hangs_is_started_again(tmp_path: Path) -> None:
    async with running(part(tmp_path, SERVES, hung_seconds=2)) as (runner, reports):
        send(runner, signal.SIGSTOP)
        await until(lambda: runner.state.restarts == 1 and runner.state.healthy)
        assert "did not answer for 2 s" in reports[0]


async def test_a_part_that_never_works_is_given_up_with_its_last_words(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="no such luck"):
        async with running(part(tmp_path, "echo no such luck; exit 3")):
            pass


async def test_a_part_that_cannot_be_prepared_is_given_up(tmp_path: Path) -> None:
    def refuse() -> None:
        raise StackError("the disk is full")

    broken = Part(
        name="sample",
        command=lambda: ["true"],
        cwd=tmp_path,
        log=tmp_path / "sample.log",
        probe=heartbeat_probe(tmp_path / "alive", 1.0),
        prepare=refuse,
        environment={},
    )
    with pytest.raises(StackError, match="the disk is full"):
        async with running(broken):
            pass


async def test_a_part_too_slow_to_serve_is_started_again(tmp_path: Path) -> None:
    script = f"test -e second && {{ {SERVES}; }}; touch second; sleep 60"
    async with running(part(tmp_path, script, start_seconds=1)) as (runner, reports):
        assert runner.state.restarts == 1
        assert "did not serve within 1 s" in reports[0]


async def test_what_a_part_leaves_behind_is_ended_with_it(tmp_path: Path) -> None:
    script = f"sleep 61 & echo $! > child; {SERVES}"
    async with running(part(tmp_path, script)) as (runner, _):
        child = int((tmp_path / "child").read_text())
        assert start_marker(child)
        send(runner, signal.SIGKILL)
        await until(lambda: runner.state.restarts == 1)
        await until(lambda: start_marker(child) is None)


async def test_a_part_deaf_to_the_signal_is_killed(tmp_path: Path) -> None:
    deaf = part(tmp_path, f"trap '' TERM; {SERVES}", stop_seconds=0.5)
    async with running(deaf) as (runner, _):
        pass
    assert runner.state.pid is None
