"""A killed query never looks complete to its client."""

from __future__ import annotations

import http.client
import time

import pytest

from tests.integration.warehouse.gateway.conftest import Ask
from tests.support.gateway import GatewayProcess

ROWS = "SELECT number, repeat('x', 400) AS filling FROM numbers(150000)"


@pytest.mark.parametrize("threads", ["1", "2"])
@pytest.mark.parametrize("fmt", ["JSONEachRow", "JSON", "CSV", "RowBinary", "Native"])
def test_a_kill_in_the_middle_breaks_the_stream(
    gateway: GatewayProcess, ask: Ask, fmt: str, threads: str
) -> None:
    """The client reads on only after the kill: the engine waits in the middle of a block."""
    who = gateway.writer
    connection = http.client.HTTPConnection(gateway.host, gateway.port, timeout=20)
    headers = {"X-ClickHouse-User": who.user, "X-ClickHouse-Key": who.password}
    parameters = f"max_threads={threads}&output_format_json_array_of_rows=1"
    connection.request("POST", f"/?{parameters}", f"{ROWS} FORMAT {fmt}", headers)
    answer = connection.getresponse()
    assert answer.status == 200
    killed = ask("KILL QUERY WHERE query LIKE '%repeat(%' ASYNC FORMAT JSONEachRow")
    assert b"repeat(" in killed.body
    with pytest.raises(http.client.IncompleteRead) as broken:
        answer.read()
    connection.close()
    assert b"Code: 394. DB::Exception: Query was cancelled" in broken.value.partial[-400:]
    assert broken.value.partial.endswith(b"__exception__\r\n")


def read_after_a_rest(gateway: GatewayProcess, sql: str, parameters: str = "") -> bytes:
    """The result for a client that rests until a time limit of a second is over. Raises
    http.client.IncompleteRead if it is broken off."""
    who = gateway.writer
    connection = http.client.HTTPConnection(gateway.host, gateway.port, timeout=20)
    headers = {"X-ClickHouse-User": who.user, "X-ClickHouse-Key": who.password}
    connection.request("POST", f"/?{parameters}", sql, headers)
    answer = connection.getresponse()
    assert answer.status == 200
    time.sleep(1.5)
    try:
        return answer.read()
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("sql", "parameters"),
    [
        (f"{ROWS} FORMAT JSONEachRow", "max_execution_time=1"),
        (f"{ROWS} FORMAT CSV", "max_execution_time=1"),
        (f"{ROWS} FORMAT RowBinary", "max_execution_time=1"),
        (f"{ROWS} SETTINGS max_execution_time = 1", ""),
        (f"{ROWS} FORMAT CSV SETTINGS max_threads = 1, max_execution_time = 0.7", ""),
        (f"({ROWS} SETTINGS max_execution_time = 1) FORMAT CSV", ""),
        (f"{ROWS} SETTINGS max_execution_time = {{limit:UInt8}}", "param_limit=1"),
        (f"{ROWS} SETTINGS max_execution_time = 1", "max_execution_time=100"),
        (
            f"{ROWS} SETTINGS timeout_overflow_mode = 'throw'",
            "max_execution_time=1&timeout_overflow_mode=break",
        ),
        (f"{ROWS} UNION ALL {ROWS} SETTINGS max_execution_time = 1", ""),
    ],
)
def test_a_time_limit_in_the_middle_breaks_the_stream(
    gateway: GatewayProcess, sql: str, parameters: str
) -> None:
    with pytest.raises(http.client.IncompleteRead) as broken:
        read_after_a_rest(gateway, sql, parameters)
    assert b"Code: 159. DB::Exception: Timeout exceeded" in broken.value.partial[-400:]


@pytest.mark.parametrize("own", ["max_execution_time = 100", "max_execution_time = 0"])
def test_a_statement_may_lift_the_limit_of_its_request(gateway: GatewayProcess, own: str) -> None:
    sql = f"{ROWS} FORMAT TSV SETTINGS {own}"
    assert read_after_a_rest(gateway, sql, "max_execution_time=1").count(b"\n") == 150_000


def test_a_result_is_cut_for_who_asks_for_that(gateway: GatewayProcess) -> None:
    sql = f"{ROWS} SETTINGS max_execution_time = 1, timeout_overflow_mode = 'break'"
    assert 0 < read_after_a_rest(gateway, sql).count(b"\n") < 150_000


@pytest.mark.parametrize("fmt", ["Null", "Parquet"])
def test_a_kill_in_any_format_breaks_the_stream(
    gateway: GatewayProcess, ask: Ask, fmt: str
) -> None:
    who = gateway.writer
    connection = http.client.HTTPConnection(gateway.host, gateway.port, timeout=20)
    headers = {"X-ClickHouse-User": who.user, "X-ClickHouse-Key": who.password}
    connection.request("POST", "/?query_id=broken", f"{ROWS} FORMAT JSON", headers)
    answer = connection.getresponse()
    assert ask(f"KILL QUERY WHERE query_id = 'broken' ASYNC FORMAT {fmt}").status == 200
    with pytest.raises(http.client.IncompleteRead) as broken:
        answer.read()
    connection.close()
    assert b"Code: 394. DB::Exception: Query was cancelled" in broken.value.partial[-400:]
