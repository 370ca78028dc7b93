"""A cheap HTTP/1.1 load client: keep-alive connections that send prepared spins.

The client shares the machine with the platform it measures, so it does no more than it must: bytes
are prepared beforehand, and of an answer only the status and the length are read.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Sequence
from contextlib import suppress
from itertools import cycle
from random import Random
from time import perf_counter
from typing import NamedTuple, cast

_HEAD_END = b"\r\n\r\n"
_LENGTH = b"content-length:"


class Request(NamedTuple):
    """A request around its idempotency key: the bytes before it and those after it."""

    before_key: bytes
    after_key: bytes


def spin_request(host: str, token: str, body: bytes) -> Request:
    """A bearer-authenticated ``POST /game/spin`` that lacks only its key."""
    head = (
        f"POST /game/spin HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nIdempotency-Key: "
    )
    return Request(head.encode(), _HEAD_END + body)


class Measurement:
    """Latencies in seconds and errors of one run, from ``begin`` on; before, nothing counts."""

    def __init__(self) -> None:
        self.latencies: list[float] = []
        self.errors = 0
        self.examples: list[str] = []
        self.counting = False
        self._began = self._ended = 0.0

    def begin(self) -> None:
        """The warm-up is over."""
        self.counting = True
        self._began = perf_counter()

    def end(self) -> None:
        """Answers from now on come too late to count."""
        self.counting = False
        self._ended = perf_counter()

    def answered(self, latency_seconds: float, status: bytes, answer: bytes) -> None:
        """Count an answer."""
        if not self.counting:
            return
        if status == b"200":
            self.latencies.append(latency_seconds)
        else:
            self.failed(answer.decode(errors="replace"))

    def failed(self, reason: str) -> None:
        """Count an error; the first few are kept for the report."""
        self.errors += 1
        if len(self.examples) < 3:
            self.examples.append(reason[-300:])

    @property
    def per_second(self) -> float:
        """Good answers a second."""
        return len(self.latencies) / (self._ended - self._began)

    def percentile_ms(self, share: float) -> float:
        """The latency, in milliseconds, that this share of the answers stayed within."""
        if not self.latencies:
            return float("nan")
        ordered = sorted(self.latencies)
        return ordered[min(int(share * len(ordered)), len(ordered) - 1)] * 1000


class Lane(asyncio.Protocol):
    """One player's connection, one request at a time."""

    def __init__(
        self, name: str, requests: Sequence[Request], on_answer: Callable[["Lane"], None]
    ) -> None:
        self._requests = cycle(requests)
        self._name = name
        self._sent = 0
        self._on_answer = on_answer
        self._due = 0.0
        self._buffer = b""
        self._expected = 0
        self._transport: asyncio.Transport | None = None
        self.measurement = Measurement()
        self.busy = False

    @property
    def connected(self) -> bool:
        """Whether it can send."""
        return self._transport is not None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ready to send."""
        # A cast and no check: uvloop's transports are no subclass of asyncio's.
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """A connection that ends under a request is an error of the run."""
        self._transport, self._buffer, self._expected = None, b"", 0
        if self.busy:
            self.busy = False
            self.measurement.failed(f"connection lost: {exc!r}")

    def send(self, due: float) -> None:
        """Send the next spin under a fresh key; its latency counts from ``due``."""
        if self._transport is None:
            self.measurement.failed("this lane's connection is gone")
            return
        self.busy, self._due = True, due
        self._sent += 1
        request = next(self._requests)
        key = f"{self._name}-{self._sent}".encode()
        self._transport.write(request.before_key + key + request.after_key)

    def data_received(self, data: bytes) -> None:
        """Collect the answer; when it is whole, count it and tell whoever sends."""
        self._buffer = self._buffer + data if self._buffer else data
        if not self._expected:
            head_end = self._buffer.find(_HEAD_END)
            if head_end < 0:
                return
            head = self._buffer[:head_end].lower()
            at = head.index(_LENGTH) + len(_LENGTH)
            self._expected = head_end + 4 + int(head[at:].split(b"\r\n", 1)[0])
        if len(self._buffer) < self._expected:
            return
        answer, self._buffer, self._expected = self._buffer, b"", 0
        self.busy = False
        self.measurement.answered(perf_counter() - self._due, answer[9:12], answer)
        self._on_answer(self)

    def close(self) -> None:
        """Hang up."""
        if self._transport:
            self._transport.close()


class Lanes:
    """The open connections of a bench, driven in a closed or an open loop."""

    def __init__(self) -> None:
        self._lanes: list[Lane] = []
        self._address = ("", 0)
        self._next: Callable[[Lane], None] = lambda lane: None

    async def open(
        self, host: str, port: int, run: str, players: Iterable[Sequence[Request]]
    ) -> None:
        """Connect one lane per player; ``run`` makes the idempotency keys unlike any other's."""
        self._address = (host, port)
        self._lanes = [
            Lane(f"{run}-{number}", requests, self._answered)
            for number, requests in enumerate(players)
        ]
        await self._connect()

    async def _connect(self) -> None:
        """Connect the lanes that are not; the server hangs up on those that were idle for long."""
        loop = asyncio.get_running_loop()
        for lane in self._lanes:
            if not lane.connected:
                await loop.create_connection(lambda lane=lane: lane, *self._address)

    def close(self) -> None:
        """Hang up on every lane."""
        for lane in self._lanes:
            lane.close()

    async def closed_loop(self, seconds: float, warm_up_seconds: float = 1.0) -> Measurement:
        """Every lane sends its next spin as soon as the last is answered: the most it can take."""
        self._next = lambda lane: lane.send(perf_counter())
        return await self._measured(self._start_all(), seconds, warm_up_seconds)

    async def open_loop(
        self, per_second: float, seconds: float, warm_up_seconds: float = 1.0
    ) -> Measurement:
        """Spins arrive at random (Poisson) at this rate, whether or not earlier ones are answered.

        Latency counts from the moment of arrival, so a wait for a free connection counts too.
        """
        idle = deque(self._lanes)
        waiting: deque[float] = deque()

        def freed(lane: Lane) -> None:
            if waiting:
                lane.send(waiting.popleft())
            else:
                idle.append(lane)

        async def arrivals() -> None:
            gaps = Random(1)
            due = perf_counter()
            while True:
                due += gaps.expovariate(per_second)
                if (early := due - perf_counter()) > 0:
                    await asyncio.sleep(early)
                if idle:
                    idle.popleft().send(due)
                else:
                    waiting.append(due)

        self._next = freed
        return await self._measured(arrivals(), seconds, warm_up_seconds)

    async def _start_all(self) -> None:
        for lane in self._lanes:
            lane.send(perf_counter())

    def _answered(self, lane: Lane) -> None:
        self._next(lane)

    async def _measured(
        self,
        sender: Coroutine[None, None, None],
        seconds: float,
        warm_up_seconds: float,
    ) -> Measurement:
        await self._connect()
        measurement = Measurement()
        for lane in self._lanes:
            lane.measurement = measurement
        sending = asyncio.create_task(sender)
        await asyncio.sleep(warm_up_seconds)
        measurement.begin()
        await asyncio.sleep(seconds)
        measurement.end()
        sending.cancel()
        await self._drained()
        return measurement

    async def _drained(self, patience_seconds: float = 10.0) -> None:
        """Wait for the answers that are under way, so that the next run starts with idle lanes."""
        idle = asyncio.Event()

        def answered(lane: Lane | None) -> None:
            if not any(lane.busy for lane in self._lanes):
                idle.set()

        self._next = answered
        answered(None)
        with suppress(TimeoutError):
            async with asyncio.timeout(patience_seconds):
                await idle.wait()
