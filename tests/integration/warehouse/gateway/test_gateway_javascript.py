"""@clickhouse/client, the JavaScript client, run by Node.js."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support import npm
from tests.support.gateway import Credentials, GatewayProcess

VERSION = "1.23.1"
SCRIPT = Path(__file__).parents[3] / "support" / "clickhouse_client.mjs"

Run = Callable[..., dict[str, Any]]
both_ways = pytest.mark.parametrize("compression", [False, True], ids=["plain", "gzip"])


@pytest.fixture(scope="module")
def modules() -> Path:
    return npm.npm_package("@clickhouse/client", VERSION)


@pytest.fixture
def run(gateway: GatewayProcess, modules: Path) -> Run:
    def run(
        scenario: str, *, compression: bool = False, user: Credentials = gateway.writer
    ) -> dict[str, Any]:
        done = subprocess.run(
            [npm.NODE, str(SCRIPT), scenario],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            env={
                **os.environ,
                "MODULES": str(modules),
                "URL": gateway.url,
                "DATABASE": gateway.database,
                "LOGIN": user.user,
                "PASSWORD": user.password,
                "COMPRESSION": str(int(compression)),
            },
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


def test_pings(run: Run) -> None:
    assert run("ping") == {"ping": {"success": True}, "select": {"success": True}}


@both_ways
def test_streams_a_result(run: Run, compression: bool) -> None:
    seen = run("stream", compression=compression)
    assert seen == {"rows": 300_000, "sum": sum(range(300_000))}


def test_parameters_of_every_kind(run: Run) -> None:
    assert run("parameters") == {
        "s": "it's \\ a\ttab\n",
        "a": [1, 2],
        "n": None,
        "t": "2026-01-02 03:04:05",
    }


@both_ways
def test_inserts_objects_and_streams(run: Run, compression: bool) -> None:
    assert run("insert", compression=compression) == {
        "written": 50_000,
        "seen": 51_000,
        "sum": sum(range(51_000)),
        "text": "row 49999 é\n",
    }


@both_ways
def test_executes_and_reads_raw(run: Run, compression: bool) -> None:
    assert run("exec", compression=compression) == {"text": "0\n1\n2\n"}


@both_ways
def test_an_abort_ends_the_query_in_the_engine(run: Run, compression: bool) -> None:
    seen = run("abort", compression=compression)
    assert seen == {"started": True, "aborted": True, "stopped": True}


def test_a_closed_result_ends_the_query_in_the_engine(run: Run) -> None:
    assert run("leave") == {"started": True, "stopped": True}


@both_ways
def test_errors_have_code_and_name(run: Run, compression: bool) -> None:
    seen = run("errors", compression=compression)
    assert (seen["table"]["code"], seen["table"]["type"]) == ("60", "UNKNOWN_TABLE")
    assert seen["syntax"]["code"] == "62"
    assert (seen["setting"]["code"], seen["setting"]["type"]) == ("115", "UNKNOWN_SETTING")


def test_an_error_in_the_middle_of_a_stream_is_named(run: Run) -> None:
    late = run("errors")["late"]
    assert (late["code"], late["message"][:7]) == ("395", "too far")


def test_an_error_in_the_middle_of_a_compressed_stream_is_an_error(run: Run) -> None:
    """The client may notice that the connection ended before it has unpacked the reason."""
    assert run("errors", compression=True)["late"]["code"] in ("395", "ECONNRESET")


def test_the_analyst_reads_and_nothing_else(run: Run, gateway: GatewayProcess) -> None:
    seen = run("reader", user=gateway.analyst)
    assert seen.pop("one") == [{"one": 1}]
    codes = {name: error["code"] for name, error in seen.items()}
    assert codes == {"insert": "164", "create": "164", "file": "497", "setting": "164"}
