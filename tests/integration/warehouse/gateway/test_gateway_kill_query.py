"""KILL QUERY by what clients know: their own query ids, users and texts."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import clickhouse_connect
import pytest

from tests.integration.warehouse.gateway.conftest import Answer, Ask, ask_gateway
from tests.support.gateway import GatewayProcess, start_gateway

SLOW = "SELECT sum(sleepEachRow(0.1)) FROM numbers(200)"
SLOW_ANALYST = "SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 1"


def told(sql: str, query_id: str) -> str:
    """With something in it to find it by."""
    return f"{sql} WHERE '{query_id.encode().hex()}' != ''"


@pytest.fixture
def background() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as pool:
        yield pool


def started(ask: Ask, running: Future[Answer], text: str) -> None:
    """Waits until the engine runs a query with that text."""
    deadline = time.monotonic() + 20
    count = (
        "SELECT countIf(startsWith(query, '/*') AND position(query, {text:String}) > 0)"
        " FROM system.processes"
    )
    while ask(count, param_text=text).body != b"1\n":
        assert not running.done(), running.result()
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def slow(ask: Ask, background: ThreadPoolExecutor):
    """Starts a query of twenty seconds under an id, and waits until it runs."""

    def start(query_id: str, sql: str = SLOW) -> Future[Answer]:
        running = background.submit(ask, told(sql, query_id), query_id=query_id, max_block_size=1)
        started(ask, running, query_id.encode().hex())
        return running

    return start


def test_by_the_clients_own_id(ask: Ask, slow) -> None:
    mine, other = slow("mine"), slow("other")
    killed = ask("KILL QUERY WHERE query_id = 'mine' ASYNC FORMAT JSONEachRow")
    row = json.loads(killed.body)
    assert (row["kill_status"], row["query_id"], row["user"]) == (
        *("waiting", "mine"),
        "pitboss_writer",
    )
    assert row["query"] == told(SLOW, "mine")
    answer = mine.result(timeout=10)
    assert (answer.code, answer.headers["X-ClickHouse-Query-Id"]) == (394, "mine")
    assert not other.done()
    ask("KILL QUERY WHERE query_id = 'other'")
    assert other.result(timeout=10).code == 394


@pytest.mark.parametrize(
    ("condition", "params"),
    [
        ("query_id IN ('nobody', 'it''s \\\\ \"mine\"')", {}),
        ("query_id LIKE 'it%mine_'", {}),
        ("query_id = {id:String} AND user = {user:String}", {"user": "pitboss_writer"}),
        ("startsWith(query, 'SELECT sum(sleep')", {}),
        ("query_id != 'another' AND elapsed > 0 /* ASYNC */", {}),
    ],
)
def test_by_any_condition(ask: Ask, slow, condition: str, params: dict[str, str]) -> None:
    query_id = 'it\'s \\ "mine"'
    running = slow(query_id)
    given = {f"param_{name}": value for name, value in params.items()}
    killed = ask(
        f"KILL QUERY WHERE {condition} FORMAT JSONEachRow",
        param_id=query_id.replace("\\", "\\\\"),
        **given,
    )
    assert json.loads(killed.body)["query_id"] == query_id
    assert running.result(timeout=10).code == 394


def test_by_the_id_that_the_engine_lists(ask: Ask, slow) -> None:
    running = slow("mine")
    listed = ask("SELECT query_id FROM system.processes WHERE query LIKE '%sleepEachRow(0%'")
    engine_id = listed.body.decode().split()[0]
    assert ask(f"KILL QUERY WHERE query_id = '{engine_id}' TEST").body.startswith(b"unknown_status")
    assert not ask(f"KILL QUERY WHERE query_id != '{engine_id}' TEST").body
    assert ask(f"KILL QUERY WHERE query_id = '{engine_id}'").body.startswith(b"waiting")
    assert running.result(timeout=10).code == 394


def test_an_insert_from_a_select_is_killed_and_fails(ask: Ask, slow) -> None:
    ask("CREATE TABLE slowly (a UInt64) ENGINE = MergeTree ORDER BY a")
    running = slow("insert", "INSERT INTO slowly SELECT sleepEachRow(0.1) FROM numbers(200)")
    assert ask("KILL QUERY WHERE query_id = 'insert'").body
    assert running.result(timeout=10).code == 394


def test_nobody_is_meant(ask: Ask) -> None:
    for sql in ("KILL QUERY WHERE query_id = 'nobody' FORMAT JSON", "KILL QUERY WHERE 1 SYNC"):
        answer = ask(sql)
        assert (answer.status, answer.body) == (200, b"")


def test_a_test_kills_nobody(ask: Ask, slow) -> None:
    running = slow("tested", "SELECT sum(sleepEachRow(0.1)) FROM numbers(20)")
    assert b"tested" in ask("KILL QUERY WHERE query_id = 'tested' TEST").body
    answer = running.result(timeout=20)
    assert (answer.status, answer.body) == (200, b"0\n")


def test_sync_waits_until_it_has_ended(ask: Ask, slow) -> None:
    running = slow("mine")
    assert ask("KILL QUERY WHERE query_id = 'mine' SYNC").body.startswith(b"finished\tmine\t")
    assert b"sleepEachRow" not in ask("SELECT groupArray(query) FROM system.processes").body
    assert running.result(timeout=10).code == 394


@pytest.mark.parametrize("fmt", ["Null", "Parquet", "Native", "JSONCompact"])
def test_answers_in_any_format(ask: Ask, slow, fmt: str) -> None:
    running = slow("mine")
    assert ask(f"KILL QUERY WHERE query_id = 'mine' FORMAT {fmt}").status == 200
    assert running.result(timeout=10).code == 394


def test_the_writer_kills_an_analysts_query_by_its_user(
    gateway: GatewayProcess, ask: Ask, background: ThreadPoolExecutor
) -> None:
    running = background.submit(ask_gateway, gateway, SLOW_ANALYST, user=gateway.analyst)
    started(ask, running, "sipHash64")
    killed = ask("KILL QUERY WHERE user = 'analyst' FORMAT JSONEachRow")
    assert json.loads(killed.body)["user"] == "analyst"
    assert running.result(timeout=10).code == 394


def test_refused(gateway: GatewayProcess, ask: Ask) -> None:
    assert ask("KILL QUERY WHERE no_such_column = 1").code == 47
    assert ask("KILL QUERY WHERE").code == 62
    assert ask("KILL QUERY ON CLUSTER x WHERE 1").code == 48
    assert ask("KILL QUERY WHERE 1 SETTINGS no_such_setting = 1").code in (0, 115)
    assert ask("KILL QUERY WHERE 1", no_such_setting=1).code == 115
    answer = ask("KILL QUERY WHERE query_id = 'x'", user=gateway.analyst)
    assert answer.code == 164


def test_kills_when_every_handle_is_busy(tmp_path) -> None:
    gateway = start_gateway(tmp_path, "--writer-queries", "1")
    try:
        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(ask_gateway, gateway, SLOW, query_id="busy", max_block_size=1)
            deadline = time.monotonic() + 20
            while not ask_gateway(gateway, "KILL QUERY WHERE query_id = 'busy'").body:
                assert time.monotonic() < deadline
            assert running.result(timeout=10).code == 394
    finally:
        gateway.stop()


def test_a_query_is_told_its_own_id(ask: Ask) -> None:
    sql = "SELECT queryID(), concat(query_id(), '!') AS told WHERE currentQueryID() != ''"
    answer = ask(f"{sql} FORMAT TSVWithNames", query_id="it's mine")
    assert answer.body == b"queryID()\ttold\nit\\'s mine\tit\\'s mine!\n"
    ask("CREATE TABLE log (id String) ENGINE = MergeTree ORDER BY id")
    assert ask("INSERT INTO log SELECT initialQueryID()", query_id="logged").status == 200
    assert ask("SELECT id FROM log").body == b"logged\n"


def test_an_ordinary_client_kills_its_own_query(gateway: GatewayProcess, ask: Ask, slow) -> None:
    client = clickhouse_connect.get_client(
        host=gateway.host,
        port=gateway.port,
        username=gateway.writer.user,
        password=gateway.writer.password,
        database=gateway.database,
    )
    running = slow("from elsewhere")
    rows = client.query(
        "KILL QUERY WHERE query_id = {id:String} SYNC", parameters={"id": "from elsewhere"}
    ).result_rows
    assert [tuple(row[:2]) for row in rows] == [("finished", "from elsewhere")]
    assert running.result(timeout=10).code == 394
