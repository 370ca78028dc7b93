"""Runs the parts of a stack in order, keeps them running, stops them in reverse."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

from api.stack.directory import DataDirectory
from api.stack.errors import StackError
from api.stack.part import Part, PartRunner
from api.stack.state import StackState

Step = Callable[[], Awaitable[None]]
"""Something to finish between starts, such as migrations. Raises `StackError` to give up."""

Stage = Sequence[Part] | Step
"""Parts of one stage start side by side; the next stage begins when all of them serve."""


class Supervisor:
    """One run of a stack on a locked data directory.

    A part that dies or hangs is started again by itself; those that depend on it are left alone,
    as they reconnect. `report` gets one line for a person at a time.
    """

    def __init__(
        self,
        directory: DataDirectory,
        stages: Sequence[Stage],
        state: StackState,
        report: Callable[[str], None],
    ) -> None:
        self._directory = directory
        self._stages = stages
        self._state = state
        self._report = report
        self._runners: list[PartRunner] = []
        self._stop = asyncio.Event()
        self._signals = 0

    def request_stop(self) -> None:
        """Stop the stack in order; asked a second time, kill it."""
        self._signals += 1
        self._stop.set()
        if self._signals > 1:
            self._report("killing everything")
            for runner in self._runners:
                runner.kill()

    async def run(self, when_ready: Callable[[], Awaitable[None]]) -> None:
        """Start everything, run `when_ready`, then wait for a stop request; always stops all parts.

        `when_ready` may go on as long as the stack does: it is cancelled at the stop. The stack
        stops when it returns only if it asks for that by `request_stop`. Raises `StackError` if the
        stack cannot be started or `when_ready` fails.
        """
        with self._handling_signals():
            try:
                await self._unless_stopped(self._start())
                if not self._stop.is_set():
                    self._state.ready = True
                    self._save_state()
                    await self._unless_stopped(when_ready())
                    await self._stop.wait()
            finally:
                await self._stop_all()

    async def start_extra(self, part: Part) -> None:
        """Start one more part beside a running stack; it is the first to be stopped."""
        await self._start_part(part)

    async def _start(self) -> None:
        for stage in self._stages:
            if callable(stage):
                await stage()
            else:
                async with asyncio.TaskGroup() as group:
                    for part in stage:
                        group.create_task(self._start_part(part))

    async def _start_part(self, part: Part) -> None:
        runner = PartRunner(part, self._report, self._save_state)
        self._runners.append(runner)
        await runner.start()

    async def _unless_stopped(self, work: Awaitable[None]) -> None:
        """Await `work`, cancelling it when a stop is requested."""
        task = asyncio.ensure_future(work)
        stop = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        except* StackError as errors:
            raise _first(errors) from None
        finally:
            stop.cancel()

    async def _stop_all(self) -> None:
        self._state.ready = False
        for runner in reversed(self._runners):
            await runner.stop()
        self._save_state()

    def _save_state(self) -> None:
        listed = [runner.state for runner in self._runners if runner.part.listed]
        self._state.processes = listed
        self._state.save(self._directory.state)

    @contextmanager
    def _handling_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        for number in numbers:
            loop.add_signal_handler(number, self.request_stop)
        try:
            yield
        finally:
            for number in numbers:
                loop.remove_signal_handler(number)


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    """The innermost first error of a group: one line is enough for a person."""
    error: BaseException = errors
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
