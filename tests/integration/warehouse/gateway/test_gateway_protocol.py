"""The HTTP interface, byte by byte."""

from __future__ import annotations

import asyncio
import gzip
import http.client
import json
import os
import time

import aiohttp
import brotli
import lz4.frame
import pytest
import zstandard

from tests.integration.warehouse.gateway.conftest import Ask
from tests.support.gateway import Credentials, GatewayProcess
from warehouse.gateway import native
from warehouse.gateway.codecs import Decoder

DECODE = {
    "gzip": gzip.decompress,
    "lz4": lz4.frame.decompress,
    "zstd": lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data),
    "br": brotli.decompress,
}
ENCODE = {
    "gzip": gzip.compress,
    "lz4": lz4.frame.compress,
    "zstd": zstandard.ZstdCompressor().compress,
    "br": brotli.compress,
}


def unframed(data: bytes) -> bytes:
    decoder: Decoder = native.NativeDecoder()
    pieces = decoder.decode(data)
    decoder.finish()
    return b"".join(pieces)


def test_says_ok(gateway: GatewayProcess) -> None:
    connection = http.client.HTTPConnection(gateway.host, gateway.port)
    for path in ("/ping", "/replicas_status", "/"):
        connection.request("GET", path)
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (200, b"Ok.\n")
    connection.request("GET", "/play")
    assert connection.getresponse().status == 404


def test_query_in_url_in_body_and_in_both(ask: Ask) -> None:
    assert ask("SELECT 1").body == b"1\n"
    assert ask(method="GET", query="SELECT 1").body == b"1\n"
    assert ask("1", query="SELECT").body == b"1\n"


def test_parameters_formats_and_headers(ask: Ask) -> None:
    answer = ask(
        "SELECT {n:UInt32} AS n, {names:Array(String)} AS names, {at:DateTime64(3)} AS at",
        param_n=7,
        param_names="['a','it\\'s']",
        param_at="2026-01-02 03:04:05.678",
        default_format="JSONEachRow",
        query_id="my-query",
    )
    row = {"n": 7, "names": ["a", "it's"], "at": "2026-01-02 03:04:05.678"}
    assert json.loads(answer.body) == row
    assert answer.headers["X-ClickHouse-Format"] == "JSONEachRow"
    assert answer.headers["X-ClickHouse-Query-Id"] == "my-query"
    assert answer.headers["X-ClickHouse-Timezone"]
    summary = json.loads(answer.headers["X-ClickHouse-Summary"])
    assert summary["result_rows"] == "1"


def login(gateway: GatewayProcess) -> dict[str, str]:
    basic = aiohttp.encode_basic_auth(gateway.writer.user, gateway.writer.password)
    return {"Authorization": basic}


def test_multipart_form_carries_query_and_parameters(gateway: GatewayProcess) -> None:
    async def send() -> str:
        form = aiohttp.FormData()
        form.add_field("query", "SELECT {x:String}", content_type="text/plain")
        form.add_field("param_x", "y" * 300_000, content_type="text/plain")
        async with (
            aiohttp.ClientSession(headers=login(gateway)) as session,
            session.post(gateway.url, data=form) as answer,
        ):
            return await answer.text()

    assert asyncio.run(send()) == "y" * 300_000 + "\n"


@pytest.mark.parametrize(
    ("sql", "status", "code"),
    [
        ("SELECT * FROM nowhere", 404, 60),
        ("SELECT nothing", 404, 47),
        ("SELEC 1", 400, 62),
        ("SELECT 1; SELECT 2", 400, 62),
        ("SELECT toDate('x')", 400, 38),
        ("SELECT 1 FORMAT Nothing", 404, 73),
        ("SELECT throwIf(1)", 500, 395),
        ("SELECT 1 INTO OUTFILE '/tmp/x'", 500, 358),
        ("SET max_threads = 1", 501, 48),
        ("", 400, 62),
        ("\x00SELECT 1", 400, 62),
        ("SHOW TABLES FORMAT DataFrame", 404, 73),
        ("EXISTS x FORMAT arrowTABLE", 404, 73),
    ],
)
def test_errors_have_code_and_status(ask: Ask, sql: str, status: int, code: int) -> None:
    answer = ask(sql, default_format="TSV")
    assert (answer.status, answer.code) == (status, code)
    assert answer.body.startswith(f"Code: {code}. DB::Exception: ".encode())


def test_unknown_setting_database_parameter_and_coding_are_errors(ask: Ask) -> None:
    assert (ask("SELECT 1", no_such_setting=1).code, ask("SELECT 1").code) == (115, 0)
    assert ask("SELECT 1", database="nowhere").code == 81
    assert ask("SELECT {x:UInt8}").code == 456
    assert ask("SELECT 1", headers={"Content-Encoding": "rot13"}).code == 89
    assert ask("SELECT 1", role="admin").status == 501


def test_settings_hold_for_one_request(ask: Ask) -> None:
    sql = "SELECT value FROM system.settings WHERE name = 'max_block_size'"
    default = ask(sql).body
    assert ask(sql, max_block_size=1234).body == b"1234\n"
    assert {ask(sql).body for _ in range(10)} == {default}


def test_the_gateways_own_settings_come_back_after_a_request_changed_them(ask: Ask) -> None:
    name = "output_format_parallel_formatting"
    sql = f"SELECT value FROM system.settings WHERE name = '{name}'"
    assert ask(sql, **{name: 1}).body == b"1\n"
    assert {ask(sql).body for _ in range(10)} == {b"0\n"}


def test_wrong_credentials(gateway: GatewayProcess, ask: Ask) -> None:
    answer = ask("SELECT 1", user=Credentials(gateway.writer.user, "wrong"))
    assert (answer.status, answer.code) == (403, 516)
    assert b"AUTHENTICATION_FAILED" in answer.body


def test_get_only_reads(ask: Ask) -> None:
    answer = ask(method="GET", query="CREATE TABLE got (a Int8) ENGINE = Memory")
    assert answer.code == 164
    assert ask("EXISTS TABLE got").body == b"0\n"


@pytest.mark.parametrize("coding", sorted(DECODE))
def test_http_codings_both_ways(ask: Ask, coding: str) -> None:
    sql = "SELECT number FROM numbers(300000)"
    plain = ask(sql).body
    answer = ask(
        ENCODE[coding](sql.encode()),
        headers={"Content-Encoding": coding, "Accept-Encoding": coding},
        enable_http_compression=1,
    )
    assert answer.headers["Content-Encoding"] == coding
    assert DECODE[coding](answer.body) == plain
    refused = ask(sql, headers={"Accept-Encoding": coding})
    assert "Content-Encoding" not in refused.headers


def test_native_framing_both_ways(ask: Ask) -> None:
    sql = "SELECT number FROM numbers(1000000)"
    answer = ask(native.pack(sql.encode()), compress=1, decompress=1)
    assert unframed(answer.body) == ask(sql).body


def test_native_framing_is_the_engines_own(gateway: GatewayProcess, ask: Ask) -> None:
    """The same framing holds column files: the checksum is right if one of theirs verifies."""
    ask("CREATE TABLE framed (a UInt64) ENGINE = MergeTree ORDER BY a SETTINGS"
        " min_bytes_for_wide_part = 0, min_rows_for_wide_part = 0")  # fmt: skip
    ask("INSERT INTO framed SELECT number FROM numbers(1000)")
    path = next(gateway.path.rglob("store/*/*/all_*/a.bin"))
    expected = b"".join(n.to_bytes(8, "little") for n in range(1000))
    block = path.read_bytes()
    codec = block[16]
    if codec in (0x02, 0x82, 0x90):
        assert unframed(block) == expected
    else:  # a codec chain of the column: the checksum still covers it
        assert native._checksum(block[16:]) == block[:16]  # pyright: ignore[reportPrivateUsage]


@pytest.mark.parametrize("fmt", ["JSON", "CSVWithNames", "Parquet", "ArrowStream", "XML"])
def test_streamed_formats_are_whole(ask: Ask, fmt: str) -> None:
    """More than is held back, in formats with a beginning and an end."""
    body = ask(f"SELECT number, toString(number) FROM numbers(200000) FORMAT {fmt}").body
    again = ask("INSERT INTO FUNCTION null('number UInt64, s String') VALUES (1, 'x')")
    assert again.status == 200
    if fmt == "JSON":
        assert json.loads(body)["rows"] == 200_000
    elif fmt == "CSVWithNames":
        assert body.count(b"\n") == 200_001
    elif fmt == "Parquet":
        assert body[:4] == body[-4:] == b"PAR1"
    elif fmt == "XML":
        assert body.rstrip().endswith(b"</result>")
    else:
        assert body[-8:] == b"\xff\xff\xff\xff\x00\x00\x00\x00"


def test_an_error_in_the_middle_breaks_the_stream_and_is_named(
    gateway: GatewayProcess, ask: Ask
) -> None:
    sql = "SELECT throwIf(number = 3000000, 'too far') FROM numbers(10000000)"
    with pytest.raises(http.client.IncompleteRead) as broken:
        ask(sql, max_block_size=10000, max_threads=1, query_id="too-far")
    told = gateway.log().partition("request too-far ended without its result: ")[2]
    assert told.startswith("FUNCTION_THROW_IF_VALUE_IS_NON_ZERO")
    assert "Traceback" not in told
    tail = broken.value.partial[-400:]
    assert b"\r\n__exception__\r\n" in tail
    assert b"Code: 395. DB::Exception: too far" in tail
    assert tail.endswith(b"__exception__\r\n")
    waited = ask(sql, max_block_size=10000, max_threads=1, wait_end_of_query=1)
    assert (waited.status, waited.code) == (500, 395)


def test_result_larger_than_the_memory_limit_streams(gateway: GatewayProcess) -> None:
    """1.6 GB through a gateway that may use 1 GiB."""
    connection = http.client.HTTPConnection(gateway.host, gateway.port, timeout=300)
    headers = {
        "X-ClickHouse-User": gateway.writer.user,
        "X-ClickHouse-Key": gateway.writer.password,
    }
    connection.request("POST", "/", b"SELECT * FROM numbers(200000000) FORMAT RowBinary", headers)
    answer = connection.getresponse()
    size = 0
    while part := answer.read(1 << 20):
        size += len(part)
    assert size == 1_600_000_000


def processes(ask: Ask) -> int:
    return int(ask("SELECT count() FROM system.processes").body) - 1


@pytest.mark.parametrize("role", ["writer", "analyst"])
def test_a_client_that_leaves_cancels_its_query(
    gateway: GatewayProcess, ask: Ask, role: str
) -> None:
    forever = "SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 1"
    user: Credentials = getattr(gateway, role)
    statements = (
        *("SELECT * FROM numbers(1000000000000)", forever, f"EXPLAIN ANALYZE {forever}"),
        f"EXPLAIN SELECT ({forever})",
    )
    for sql in statements * 5:
        connection = http.client.HTTPConnection(gateway.host, gateway.port)
        connection.request(
            "POST", "/", sql, {"X-ClickHouse-User": user.user, "X-ClickHouse-Key": user.password}
        )
        wait_until(lambda: processes(ask) == 1)
        connection.close()
        wait_until(lambda: processes(ask) == 0)


def wait_until(condition, seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition was never met"
        time.sleep(0.02)


def test_many_at_once_and_the_same_id_twice(gateway: GatewayProcess) -> None:
    async def run() -> tuple[list[str], int]:
        async with aiohttp.ClientSession(gateway.url, headers=login(gateway)) as session:

            async def one(sql: str, **params: str) -> tuple[int, str]:
                async with session.post("/", params=params, data=sql) as answer:
                    return answer.status, (await answer.text()).strip()

            slow = asyncio.create_task(one("SELECT sleep(1)", query_id="twice"))
            await asyncio.sleep(0.3)
            status, _ = await one("SELECT 1", query_id="twice")
            answers = await asyncio.gather(*(one(f"SELECT {n}") for n in range(100)))
            await slow
            return [text for _, text in answers], status

    texts, duplicate_status = asyncio.run(run())
    assert texts == [str(n) for n in range(100)]
    assert duplicate_status == 500


def test_the_engine_throws_nothing_over_an_ordinary_query(ask: Ask) -> None:
    """An exception that is caught and forgotten, such as for a file behind the walls, shows here
    and costs more than the query."""
    thrown = "SELECT sum(value) FROM system.errors"
    before = ask(thrown).body
    assert ask("SELECT uniq(number) FROM numbers_mt(1000000)").code == 0
    assert ask(thrown).body == before


def test_the_process_reaches_no_files_and_no_network(gateway: GatewayProcess, ask: Ask) -> None:
    """Even the writer: the sandbox is around the process."""
    if "sandboxed" not in gateway.log():
        pytest.skip("this kernel has no Landlock")
    assert ask("SELECT file('/etc/passwd')").code != 0
    assert ask(f"SELECT file('{os.path.abspath(__file__)}')").code != 0
    assert ask("SELECT * FROM file('/etc/passwd', 'LineAsString')").code != 0
    assert ask("INSERT INTO FUNCTION file('/tmp/gateway-escape', 'TSV') SELECT 1").code != 0
    assert not os.path.exists("/tmp/gateway-escape")
    for secret in (f"/proc/{os.getpid()}/environ", "/proc/self/environ", "/proc/1/cmdline"):
        assert ask(f"SELECT length(file('{secret}'))").code == 76
    url = f"http://127.0.0.1:{gateway.port}/ping"
    sql = f"SELECT * FROM url('{url}', 'LineAsString', 'a String')"
    assert ask(sql, http_max_tries=1).code != 0
