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


@pytest.mark.parametrize("fmt", ["JSONEachRow", "CSV", "RowBinary"])
def test_a_time_limit_in_the_middle_breaks_the_stream(gateway: GatewayProcess, fmt: str) -> None:
    """The client rests until the time is over."""
    who = gateway.writer
    connection = http.client.HTTPConnection(gateway.host, gateway.port, timeout=20)
    headers = {"X-ClickHouse-User": who.user, "X-ClickHouse-Key": who.password}
    connection.request("POST", "/?max_execution_time=1", f"{ROWS} FORMAT {fmt}", headers)
    answer = connection.getresponse()
    assert answer.status == 200
    time.sleep(1.5)
    with pytest.raises(http.client.IncompleteRead) as broken:
        answer.read()
    connection.close()
    assert b"Code: 159. DB::Exception: Timeout exceeded" in broken.value.partial[-400:]


@pytest.mark.parametrize("fmt", ["Null", "Parquet"])
def test_a_kill_whose_answer_does_not_show_whom_it_hit_is_refused(ask: Ask, fmt: str) -> None:
    answer = ask(f"KILL QUERY WHERE query LIKE '%nobody%' ASYNC FORMAT {fmt}")
    assert answer.status == 501
    assert b"Code: 48" in answer.body
