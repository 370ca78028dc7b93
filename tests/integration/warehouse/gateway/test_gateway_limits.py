"""What no client may do to the gateway: fill its memory or disk, or keep its handles."""

from __future__ import annotations

import http.client
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest
import zstandard

from tests.integration.warehouse.gateway.conftest import ask_gateway
from tests.support.gateway import GatewayProcess, start_gateway

MIB = 1 << 20


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    process = start_gateway(
        tmp_path_factory.mktemp("limited"),
        *("--analyst-queries", "2", "--held-mib", "8", "--send-seconds", "1"),
    )
    yield process
    process.stop()


def resident(gateway: GatewayProcess) -> int:
    return psutil.Process(gateway.process.pid).memory_info().rss


def test_a_crafted_body_does_not_unfold_in_memory(limited: GatewayProcess) -> None:
    """A gigabyte of blanks in 32 KiB."""
    bomb = zstandard.ZstdCompressor().compress(b" " * (1 << 30))
    before = resident(limited)
    headers = {"Content-Encoding": "zstd"}
    assert ask_gateway(limited, bomb, user=limited.analyst, headers=headers).code == 62
    assert resident(limited) - before < 100 * MIB


def test_a_result_is_held_back_only_so_far(limited: GatewayProcess) -> None:
    sql = "SELECT * FROM numbers(2000000) FORMAT RowBinary"
    assert ask_gateway(limited, sql, wait_end_of_query=1, user=limited.analyst).code == 396
    assert len(ask_gateway(limited, sql, user=limited.analyst).body) == 16_000_000


def stop_reading(gateway: GatewayProcess) -> socket.socket:
    """A request for a result without end, of which only the beginning is read."""
    connection = socket.create_connection((gateway.host, gateway.port))
    sql = b"SELECT * FROM numbers(1000000000000)"
    who = gateway.analyst
    head = (
        f"POST / HTTP/1.1\r\nHost: x\r\nX-ClickHouse-User: {who.user}\r\n"
        f"X-ClickHouse-Key: {who.password}\r\nContent-Length: {len(sql)}\r\n\r\n"
    )
    connection.sendall(head.encode() + sql)
    assert connection.recv(100).startswith(b"HTTP/1.1 200")
    return connection


def test_who_stops_reading_keeps_no_handle(limited: GatewayProcess) -> None:
    stuck = [stop_reading(limited) for _ in range(2)]
    try:
        answer = ask_gateway(limited, "SELECT 1", user=limited.analyst)
        assert answer.body == b"1\n"
        deadline = time.monotonic() + 30
        while ask_gateway(limited, "SELECT count() - 1 FROM system.processes").body != b"0\n":
            assert time.monotonic() < deadline, "the queries went on"
            time.sleep(0.05)
    finally:
        for connection in stuck:
            connection.close()


MEMORY = """
SELECT count() FROM (SELECT groupArray(toString(number)) FROM numbers(100000000))
SELECT uniqExact(number) FROM numbers(1000000000)
SELECT groupArray(50000000)(number) FROM numbers(1000000000)
SELECT length(randomString(200000000)) FROM numbers(1000)
SELECT h3kRing(644325529233966508, 10000)
SELECT arrayFold((acc, x) -> concat(acc, acc), range(40), 'x') FORMAT Null
""".strip().splitlines()


def test_analysts_out_of_memory_leave_the_writer_alone(limited: GatewayProcess) -> None:
    """Refused by the limit of each query; inserts go on beside them, and the process lives."""
    assert ask_gateway(limited, "CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a").code == 0
    rows = b"\n".join(b"%d" % number for number in range(20_000))
    report = "SELECT length(groupArray(number)) FROM numbers(3000000)"
    with ThreadPoolExecutor(2) as pool:
        bombs = [pool.submit(ask_gateway, limited, sql, user=limited.analyst) for sql in MEMORY * 2]
        inserts = 0
        while not all(bomb.done() for bomb in bombs):
            answer = ask_gateway(limited, rows, query="INSERT INTO t FORMAT TSV")
            assert answer.code == 0, answer.body
            answer = ask_gateway(limited, report)
            assert answer.body == b"3000000\n"
            inserts += 1
    assert {bomb.result().code for bomb in bombs} == {241}
    assert ask_gateway(limited, "SELECT count() FROM t").body == b"%d\n" % (inserts * 20_000)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    process = start_gateway(tmp_path_factory.mktemp("small"), "--memory-mib", "256")
    yield process
    process.stop()


@pytest.mark.parametrize("coding", ["identity", "lz4", "zstd", "gzip", "br", "native"])
def test_a_result_larger_than_all_memory_streams(small: GatewayProcess, coding: str) -> None:
    """480 MB through queries that may use 256 MiB together; what is resident hardly grows."""
    peak = before = resident(small)
    connection = http.client.HTTPConnection(small.host, small.port, timeout=300)
    who = small.analyst
    parameters = "compress=1" if coding == "native" else "enable_http_compression=1"
    connection.request(
        "POST",
        f"/?{parameters}",
        b"SELECT number, number, number FROM numbers(20000000) FORMAT RowBinary",
        {
            "X-ClickHouse-User": who.user,
            "X-ClickHouse-Key": who.password,
            "Accept-Encoding": coding if coding != "native" else "identity",
        },
    )
    answer, size, last = connection.getresponse(), 0, b""
    while part := answer.read(1 * MIB):
        size, last = size + len(part), part
        peak = max(peak, resident(small))
    assert answer.status == 200
    if coding == "identity":
        assert size == 20_000_000 * 24
        assert int.from_bytes(last[-8:], "little") == 19_999_999
    else:
        assert 10_000_000 < size < 20_000_000 * 24
    assert peak - before < 200 * MIB
