"""One part of the stack: what it is (`Part`), and keeping it running (`PartRunner`)."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from api.stack.errors import StackError
from api.stack.health import Probe
from api.stack.processes import open_log, start_marker
from api.stack.state import ProcessState

_FIRST_DELAY_SECONDS = 0.1
_LONGEST_DELAY_SECONDS = 10.0
# Having worked this long, the next death counts as the first again.
_STEADY_SECONDS = 30.0
_POLL_STARTING_SECONDS = 0.05
# A death is noticed at once; this is how often a live process is asked whether it hangs.
_POLL_RUNNING_SECONDS = 3.0
# Deaths before a part was ever healthy: by then it is no accident, and `up` gives up.
_HOPELESS_STARTS = 3


def nothing_to_do() -> None:
    """For parts that need nothing done before they start or after they stop."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """A process the stack runs.

    `command` is built anew for each start and must be tied to its parent (`tied_to_parent`).
    `prepare` runs before each start, in a thread; `cleanup` once, after the last
    stop. `start_seconds` is how long it may take to serve,
    None for as long as it lives (crash recovery); `hung_seconds` how long a part that served may
    fail every probe before it counts as hung.
    """

    name: str
    command: Callable[[], Sequence[str]]
    cwd: Path
    log: Path
    probe: Probe
    environment: Mapping[str, str]
    port: int | None = None
    prepare: Callable[[], None] = nothing_to_do
    cleanup: Callable[[], None] = nothing_to_do
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 15.0
    start_seconds: float | None = 120.0
    hung_seconds: float = 20.0
    listed: bool = True
    """Whether `pitboss status` shows it."""


@dataclass
class PartRunner:
    """Starts a part, watches it and starts it again when it dies or hangs, with back-off.

    `report` gets a line for a person whenever something goes wrong or right again; `changed` is
    called when `state` changes.
    """

    part: Part
    report: Callable[[str], None]
    changed: Callable[[], None]
    state: ProcessState = field(init=False)

    def __post_init__(self) -> None:
        self.state = ProcessState(name=self.part.name, port=self.part.port)
        self._process: Process | None = None
        self._task: asyncio.Task[None] | None = None
        self._stop_asked = asyncio.Event()
        self._healthy_since: float | None = None
        self._served = asyncio.Event()

    async def start(self) -> None:
        """Start the part and wait until it serves. Raises `StackError` if it keeps dying."""
        self._task = asyncio.create_task(self._keep_running(), name=f"keep {self.part.name}")
        served = asyncio.create_task(self._served.wait())
        try:
            await asyncio.wait({self._task, served}, return_when=asyncio.FIRST_COMPLETED)
            if self._task.done():
                self._task.result()
        finally:
            served.cancel()

    async def stop(self) -> None:
        """Stop the part: politely, by SIGKILL after its grace time. Idempotent."""
        self._stop_asked.set()
        if self._process is not None:
            await self._end(self._process, self.part.stop_signal, self.part.stop_seconds)
        if self._task is not None:
            # Not cancelled: a process that is just being started must be known, to be ended.
            await asyncio.wait({self._task})
        self.part.cleanup()

    def kill(self) -> None:
        """End the part at once, without asking: for an impatient second Ctrl-C."""
        self._stop_asked.set()
        if self._process is not None and self._process.returncode is None:
            self._process.kill()

    async def _keep_running(self) -> None:
        deaths = 0
        while True:
            reason = await self._run_once()
            if self._stop_asked.is_set():
                return
            steady = self._healthy_since and time.monotonic() - self._healthy_since
            deaths = 1 if steady and steady > _STEADY_SECONDS else deaths + 1
            if deaths >= _HOPELESS_STARTS and not self._served.is_set():
                raise StackError(f"{self.part.name} {reason}\n{self._log_tail()}".rstrip())
            delay = min(_FIRST_DELAY_SECONDS * 2 ** (deaths - 1), _LONGEST_DELAY_SECONDS)
            self.report(f"{self.part.name} {reason}; starting it again in {delay:.1f} s")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stop_asked.wait(), delay)
                return
            self.state.restarts += 1

    async def _run_once(self) -> str:
        """One life of the process, from preparation to burial; returns what ended it."""
        self._healthy_since = None
        try:
            await asyncio.to_thread(self.part.prepare)
            if self._stop_asked.is_set():
                return "was not started"
            process = await self._spawn()
        except (StackError, OSError) as error:
            return f"cannot start: {error}"
        ended = asyncio.create_task(process.wait())
        try:
            return await self._watch(process, ended)
        finally:
            ended.cancel()
            self._bury(process)

    async def _spawn(self) -> Process:
        with open_log(self.part.log) as log:
            # Its own session: Ctrl-C in the terminal is for the supervisor, which stops in order.
            process = await asyncio.create_subprocess_exec(
                *self.part.command(),
                cwd=self.part.cwd,
                env=self.part.environment,
                stdin=DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._process = process
        self.state.pid, self.state.marker = process.pid, start_marker(process.pid)
        self.changed()
        return process

    async def _watch(self, process: Process, ended: asyncio.Task[int]) -> str:
        """Probe the process until it ends or has to be ended."""
        started = last_good = time.monotonic()
        announced = started
        if self._stop_asked.is_set():
            await self._end(process, self.part.stop_signal, self.part.stop_seconds)
        while not await _done_within(ended, self._pause()):
            good = await self._probe(process.pid)
            now = time.monotonic()
            if good:
                last_good = now
                self._note_healthy(started)
            elif self._healthy_since is not None:
                self._set_health(now - last_good < self.part.hung_seconds / 2)
                if now - last_good > self.part.hung_seconds:
                    await self._end(process, self.part.stop_signal, grace_seconds=2)
                    return f"did not answer for {self.part.hung_seconds:.0f} s"
            elif self.part.start_seconds is not None and now - started > self.part.start_seconds:
                await self._end(process, self.part.stop_signal, grace_seconds=2)
                return f"did not serve within {self.part.start_seconds:.0f} s"
            elif now - announced > 10:
                announced = now
                self.report(f"{self.part.name} is still starting ({now - started:.0f} s)")
        return _how_it_ended(ended.result())

    async def _probe(self, pid: int) -> bool:
        try:
            return await self.part.probe(pid)
        except Exception as error:  # a probe that breaks must not end the watch
            self.report(f"{self.part.name}: its health check failed: {error!r}")
            return False

    def _pause(self) -> float:
        return _POLL_STARTING_SECONDS if self._healthy_since is None else _POLL_RUNNING_SECONDS

    def _note_healthy(self, started: float) -> None:
        if self._healthy_since is None:
            self._healthy_since = time.monotonic()
            if self._served.is_set():
                self.report(f"{self.part.name} works again ({self._healthy_since - started:.1f} s)")
            self._served.set()
        self._set_health(True)

    def _set_health(self, healthy: bool) -> None:
        if self.state.healthy != healthy:
            self.state.healthy = healthy
            self.changed()

    async def _end(self, process: Process, polite: signal.Signals, grace_seconds: float) -> None:
        if process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(polite)
        try:
            async with asyncio.timeout(grace_seconds):
                await process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    def _bury(self, process: Process) -> None:
        """End what the process left of its own session, and forget it."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        self._process = None
        self.state.pid = self.state.marker = None
        self.state.healthy = False
        self.changed()

    def _log_tail(self) -> str:
        if not self.part.log.exists():  # it died before its first start
            return ""
        lines = self.part.log.read_text(errors="replace").splitlines()[-12:]
        return "\n".join([*lines, f"(whole log: {self.part.log})"])


async def _done_within(task: asyncio.Task[int], seconds: float) -> bool:
    done, _ = await asyncio.wait({task}, timeout=seconds)
    return bool(done)


def _how_it_ended(returncode: int) -> str:
    if returncode < 0:
        return f"was ended by {signal.Signals(-returncode).name}"
    return f"ended by itself with status {returncode}"
