"""The bench's HTTP client against a small server: what it sends, counts and survives."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import uvloop

from loadgen.bench.lanes import Lanes, Measurement, spin_request

BODY = b'{"game_id": 1, "wager": 10}'


class Server:
    """Answers every request; remembers the idempotency keys and bodies."""

    def __init__(self, status: bytes = b"200 OK", pieces: int = 1) -> None:
        self.keys: list[bytes] = []
        self.bodies: set[bytes] = set()
        self.status = status
        self.pieces = pieces
        self.port = 0
        self._writers: list[asyncio.StreamWriter] = []

    def hang_up(self) -> None:
        """Close every connection, as a server does with idle ones."""
        for writer in self._writers:
            writer.close()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        while True:
            try:
                head = await reader.readuntil(b"\r\n\r\n")
            except asyncio.IncompleteReadError:
                writer.close()
                return
            headers = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:] if line)
            self.keys.append(headers[b"Idempotency-Key"])
            self.bodies.add(await reader.readexactly(int(headers[b"Content-Length"])))
            assert headers[b"Authorization"] == b"Bearer secret"
            answer = b"HTTP/1.1 " + self.status + b'\r\nContent-Length: 9\r\n\r\n{"ok": 1}'
            size = -(-len(answer) // self.pieces)
            for start in range(0, len(answer), size):
                writer.write(answer[start : start + size])
                await writer.drain()
                await asyncio.sleep(0)


@asynccontextmanager
async def serving(server: Server) -> AsyncIterator[Lanes]:
    lanes = Lanes()
    async with await asyncio.start_server(server.serve, "127.0.0.1", 0) as listening:
        server.port = listening.sockets[0].getsockname()[1]
        requests = [[spin_request("localhost", "secret", BODY)]] * 4
        await lanes.open("127.0.0.1", server.port, "run", requests)
        try:
            yield lanes
        finally:
            lanes.close()


@pytest.mark.parametrize("pieces", [1, 2, 7])
async def test_closed_loop_counts_answers_and_never_repeats_a_key(pieces: int):
    server = Server(pieces=pieces)
    async with serving(server) as lanes:
        run = await lanes.closed_loop(0.2, warm_up_seconds=0.05)
    assert run.errors == 0
    assert 0 < len(run.latencies) <= len(server.keys)
    assert len(set(server.keys)) == len(server.keys)
    assert server.bodies == {BODY}


async def test_open_loop_sends_no_more_than_it_offers():
    server = Server()
    async with serving(server) as lanes:
        run = await lanes.open_loop(200, 1.0, warm_up_seconds=0.1)
    assert run.errors == 0
    assert 0 < run.per_second < 300


async def test_refusals_are_errors_with_an_example():
    async with serving(Server(status=b"422 Unprocessable")) as lanes:
        run = await lanes.closed_loop(0.1, warm_up_seconds=0.0)
    assert run.errors > 0
    assert not run.latencies
    assert "422" in run.examples[0]


async def test_lanes_that_the_server_hung_up_on_connect_again():
    server = Server()
    async with serving(server) as lanes:
        await lanes.closed_loop(0.05, warm_up_seconds=0.0)
        server.hang_up()
        await asyncio.sleep(0.05)
        run = await lanes.closed_loop(0.1, warm_up_seconds=0.0)
    assert run.errors == 0
    assert run.latencies


def test_uvloop_drives_it_too():
    async def scenario() -> Measurement:
        async with serving(Server()) as lanes:
            return await lanes.closed_loop(0.1, warm_up_seconds=0.0)

    run = uvloop.run(scenario())
    assert run.errors == 0
    assert run.latencies


def test_percentiles():
    run = Measurement()
    run.latencies = [n / 1000 for n in range(1, 101)]
    assert run.percentile_ms(0.5) == pytest.approx(51)
    assert run.percentile_ms(0.99) == pytest.approx(100)
