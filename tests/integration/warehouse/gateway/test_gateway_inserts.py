"""Inserts that must not lose or double a row: tokens through materialized views, broken bodies,
a killed gateway."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import lz4.frame
import pytest
import zstandard

from tests.integration.warehouse.gateway.conftest import Answer, Ask, ask_gateway
from tests.support.gateway import GatewayProcess, start_gateway
from warehouse.gateway import native

# What the relay sends with each batch.
PINNED = {
    "input_format_parallel_parsing": 0,
    "max_insert_block_size": 10_000_000,
    "min_insert_block_size_rows": 10_000_000,
    "min_insert_block_size_bytes": 0,
    "max_insert_threads": 1,
    "async_insert": 0,
    "deduplicate_blocks_in_dependent_materialized_views": 1,
    "input_format_skip_unknown_fields": 0,
}
INSERT = "INSERT INTO pitboss.bets FORMAT JSONEachRow"
SCHEMA = (
    "CREATE TABLE bets (operator_id UInt32, hour DateTime('UTC'), wager Int64)"
    " ENGINE = MergeTree ORDER BY (operator_id, hour)"
    " SETTINGS non_replicated_deduplication_window = 10000",
    "CREATE TABLE bets_hourly"
    " (operator_id UInt32, hour DateTime('UTC'), bets UInt64, wagered Int64)"
    " ENGINE = SummingMergeTree ORDER BY (operator_id, hour)"
    " SETTINGS non_replicated_deduplication_window = 10000",
    "CREATE MATERIALIZED VIEW bets_hourly_mv TO bets_hourly AS SELECT operator_id, hour,"
    " count() AS bets, sum(wager) AS wagered FROM bets GROUP BY operator_id, hour",
)
CHUNK = 64 << 10


def rows(count: int, *, first: int = 0) -> bytes:
    lines = (
        {"operator_id": n % 3, "hour": f"2026-01-01 {n % 24:02}:00:00", "wager": n}
        for n in range(first, first + count)
    )
    return "".join(json.dumps(line) + "\n" for line in lines).encode()


def chunked(data: bytes) -> Iterator[bytes]:
    return (data[at : at + CHUNK] for at in range(0, len(data), CHUNK))


def totals(ask: Ask) -> tuple[list[int], list[int]]:
    """Raw and rolled up: count and sum."""
    raw = ask("SELECT count(), sum(wager) FROM bets").body
    rolled = ask("SELECT sum(bets), sum(wagered) FROM bets_hourly").body
    return [int(n) for n in raw.split()], [int(n) for n in rolled.split()]


@pytest.fixture
def bets(ask: Ask) -> Iterator[Ask]:
    for sql in SCHEMA:
        answer = ask(sql)
        assert answer.status == 200, answer.body
    yield ask
    for name in ("bets_hourly_mv", "bets_hourly", "bets"):
        ask(f"DROP TABLE {name} SYNC")


Shape = Callable[[bytes], tuple[bytes | Iterable[bytes], dict[str, str], dict[str, int]]]
SHAPES: dict[str, Shape] = {
    "plain": lambda data: (data, {}, {}),
    "chunked": lambda data: (chunked(data), {}, {}),
    "lz4": lambda data: (lz4.frame.compress(data), {"Content-Encoding": "lz4"}, {}),
    "zstd chunked": lambda data: (
        chunked(zstandard.ZstdCompressor().compress(data)),
        {"Content-Encoding": "zstd"},
        {},
    ),
    "native": lambda data: (native.pack(data), {}, {"decompress": 1}),
}


@pytest.mark.parametrize("again", sorted(SHAPES))
def test_a_token_counts_once_in_every_shape(bets: Ask, again: str) -> None:
    """The first insert and its retry may come in different codings and cuts."""
    data = rows(20_000)
    for shape in ("plain", again, again):
        body, headers, params = SHAPES[shape](data)
        answer = bets(
            body,
            headers=headers,
            query=INSERT,
            **{"insert_deduplication_token": "bets:1", **PINNED, **params},
        )
        assert answer.status == 200, answer.body
    expected = [20_000, sum(range(20_000))]
    assert totals(bets) == (expected, expected)


def test_two_tokens_count_twice_even_with_the_same_rows(bets: Ask) -> None:
    for batch in range(2):
        bets(rows(100), query=INSERT, insert_deduplication_token=f"bets:{batch}", **PINNED)
    assert totals(bets)[1] == [200, 2 * sum(range(100))]


def test_summary_tells_the_rows_written(bets: Ask) -> None:
    answer = bets(rows(48), query=INSERT, **PINNED)
    written = json.loads(answer.headers["X-ClickHouse-Summary"])["written_rows"]
    assert int(written) >= 48


def test_empty_lines_and_binary_newlines_end_nothing(bets: Ask) -> None:
    """Rows that hold two newlines in a row: 0x0A0A, a blank line, text."""
    assert bets(b"\n\n".join(rows(4).splitlines()), query=INSERT).status == 200
    assert totals(bets)[1] == [4, 6]
    bets("CREATE TABLE numbers_of (n UInt64) ENGINE = Memory")
    binary = b"".join(n.to_bytes(8, "little") for n in range(5_000))
    for body, query in (
        (binary, "INSERT INTO numbers_of FORMAT RowBinary"),
        (b"INSERT INTO numbers_of FORMAT RowBinary\n" + binary, ""),
    ):
        bets(body, query=query)
    assert bets("SELECT count(), max(n) FROM numbers_of").body == b"10000\t4999\n"
    bets("DROP TABLE numbers_of SYNC")


def test_more_rows_than_memory_is_given_to(bets: Ask) -> None:
    """Beyond a few megabytes they wait on the disk."""
    assert bets(chunked(rows(300_000)), query=INSERT, **PINNED).status == 200
    assert totals(bets)[1] == [300_000, sum(range(300_000))]


@pytest.mark.parametrize(
    "damage",
    [
        b'{"operator_id": 1, "hour": "2026-01-01 00:00:00", "wager": "much"}\n',
        b'{"operator_id": 1, "hour": "2026-01-01 00:00:00", "wager": 1, "unknown": 2}\n',
        b'{"operator_id": 1, "hour": "2026-',
    ],
)
@pytest.mark.parametrize("count", [10, 100_000])
def test_one_bad_row_refuses_the_batch(bets: Ask, damage: bytes, count: int) -> None:
    answer = bets(rows(count) + damage, query=INSERT, **PINNED)
    assert answer.code != 0
    assert totals(bets) == ([0, 0], [0, 0])
    assert bets(rows(1), query=INSERT, **PINNED).status == 200


def test_a_throwing_view_then_a_retry_ends_exact(bets: Ask) -> None:
    bets(
        "CREATE MATERIALIZED VIEW throwing_mv TO bets_hourly AS SELECT operator_id, hour,"
        " toUInt64(throwIf(1)) AS bets, wager AS wagered FROM bets"
    )
    token = {"insert_deduplication_token": "bets:9", **PINNED}
    assert bets(rows(500), query=INSERT, **token).code == 395
    bets("DROP TABLE throwing_mv SYNC")
    for _ in range(2):
        assert bets(rows(500), query=INSERT, **token).status == 200
    expected = [500, sum(range(500))]
    assert totals(bets) == (expected, expected)


def send_part(gateway: GatewayProcess, data: bytes, announced: int) -> socket.socket:
    """A request whose body stops before its announced end."""
    connection = socket.create_connection((gateway.host, gateway.port))
    query = "INSERT%20INTO%20bets%20FORMAT%20JSONEachRow"
    user = (
        f"X-ClickHouse-User: {gateway.writer.user}\r\nX-ClickHouse-Key: {gateway.writer.password}"
    )
    head = (
        f"POST /?query={query} HTTP/1.1\r\nHost: x\r\n{user}\r\nContent-Length: {announced}\r\n\r\n"
    )
    connection.sendall(head.encode() + data)
    return connection


def test_a_client_that_leaves_in_the_middle_inserts_nothing(
    gateway: GatewayProcess, bets: Ask
) -> None:
    data = rows(50_000)
    send_part(gateway, data, len(data) + 1).close()
    # Handles are lent last used first, so many inserts in a row meet the one that broke off.
    for number in range(12):
        assert bets(rows(1, first=number), query=INSERT, **PINNED).status == 200
    assert totals(bets)[0] == [12, sum(range(12))]


def test_insert_forms_of_ordinary_clients(bets: Ask) -> None:
    """Each row differs, as the table takes a block it has seen before for a retry."""

    def row(wager: int) -> str:
        return f"(1, '2026-01-01 00:00:00', {wager})"

    csv = "1,'2026-01-01 00:00:00',4\n"
    for answer in (
        bets(f"INSERT INTO bets VALUES {row(1)}, {row(2)}"),
        bets(row(3), query="INSERT INTO bets VALUES"),
        bets(csv, query="INSERT INTO bets FORMAT CSV"),
        bets("INSERT INTO bets SELECT operator_id, hour, wager + 4 FROM bets"),
        bets(row(9), query="INSERT INTO {t:Identifier} VALUES", param_t="bets"),
    ):
        assert answer.status == 200, answer.body
    assert totals(bets)[0] == [9, 45]


def test_kill_in_the_middle_then_retry_ends_exact(tmp_path: Path) -> None:
    """SIGKILL with one batch committed, one open; after a restart both are retried."""
    gateway = start_gateway(tmp_path)

    def ask(body: bytes | str = b"", **more) -> Answer:
        return ask_gateway(gateway, body, **more)

    for sql in SCHEMA:
        ask(sql)
    batches = {f"bets:{n}": rows(20_000, first=n * 20_000) for n in range(3)}

    def send(token: str) -> None:
        answer = ask(batches[token], query=INSERT, insert_deduplication_token=token, **PINNED)
        assert answer.status == 200, answer.body

    send("bets:0")
    with send_part(gateway, rows(200_000), 1 << 30):
        gateway.kill()
    gateway = start_gateway(tmp_path)
    for token in ("bets:0", "bets:1", "bets:0", "bets:2", "bets:1"):
        send(token)
    expected = [60_000, sum(range(60_000))]
    assert totals(ask) == (expected, expected)
    assert gateway.stop() == 0
    gateway = start_gateway(tmp_path)
    assert totals(ask) == (expected, expected)
    gateway.stop()
