"""`pitboss sql` against a real gateway: every format, streaming, parameters, errors."""

import csv
import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas
import pytest
from click.testing import CliRunner, Result

from api.cli import cli
from api.commands import sql as sql_command
from api.stack.errors import StackError
from tests.support.gateway import GatewayProcess
from warehouse.analyst import Analyst
from warehouse.migrate import upgrade

QUERY = """
SELECT number AS n, 'a"b,c' AS text, CAST(NULL AS Nullable(String)) AS nothing
FROM numbers(3) ORDER BY n
"""


@pytest.fixture(scope="module")
def analyst_url(clickhouse: GatewayProcess) -> str:
    """The one database that the gateway's analyst may read, with our tables."""
    upgrade(clickhouse.clickhouse_url)
    return clickhouse.url


@pytest.fixture(autouse=True)
def running(analyst_url: str, clickhouse: GatewayProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command finds the test's gateway in place of a running stack's."""
    login = (clickhouse.analyst.user, clickhouse.analyst.password, clickhouse.database)
    monkeypatch.setattr(sql_command, "_analyst", lambda _: Analyst(analyst_url, *login))


def sql(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(cli, ["sql", *arguments], input=stdin)


def failure(*arguments: str, stdin: str | None = None) -> str:
    """The one line that `pitboss` prints, with exit status 1, for this error."""
    result = sql(*arguments, stdin=stdin)
    assert isinstance(result.exception, StackError), result.output
    line = str(result.exception)
    assert "\n" not in line
    return line


def test_every_format_holds_the_same_rows(tmp_path: Path) -> None:
    wanted = [(str(n), 'a"b,c') for n in range(3)]
    for name in ("rows.csv", "rows.tsv", "rows.json", "rows.jsonl", "rows.parquet", "rows.txt"):
        result = sql(QUERY, "--out", str(tmp_path / name))
        assert result.exit_code == 0, result.output
    read = {
        "csv": pandas.read_csv(tmp_path / "rows.csv", dtype=str, na_values="\\N"),
        "tsv": pandas.read_csv(tmp_path / "rows.tsv", dtype=str, sep="\t", na_values="\\N"),
        "json": pandas.DataFrame(json.loads((tmp_path / "rows.json").read_text())),
        "jsonl": pandas.read_json(tmp_path / "rows.jsonl", lines=True),
        "parquet": pandas.read_parquet(tmp_path / "rows.parquet"),
    }
    for form, frame in read.items():
        assert list(frame.columns) == ["n", "text", "nothing"], form
        assert [(str(n), text) for n, text in zip(frame.n, frame.text, strict=True)] == wanted
        assert frame.nothing.isna().all(), form
    table = (tmp_path / "rows.txt").read_text()
    assert table.count("│") == 3 * 4
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        f"rows.{end}" for end in ("csv", "tsv", "json", "jsonl", "parquet", "txt")
    )


def test_json_and_standard_input_and_a_file(tmp_path: Path) -> None:
    assert json.loads(sql("--json", stdin="SELECT 1 AS one;").output) == [{"one": 1}]
    assert json.loads(sql("SELECT 1 WHERE 0", "--json").output) == []
    path = tmp_path / "query.sql"
    path.write_text("-- a comment; with a semicolon\nSELECT {x:UInt8} + 1 AS y;\n")
    result = sql("--file", str(path), "--param", "x=41", "--format", "csv")
    assert list(csv.DictReader(io.StringIO(result.output))) == [{"y": "42"}]


def test_a_value_is_data_and_never_sql() -> None:
    evil = "'); DROP TABLE bets -- %s {y:String}"
    result = sql("SELECT {x:String} AS x", "--param", f"x={evil}", "--json")
    assert json.loads(result.output) == [{"x": evil}]


def test_the_query_may_say_its_own_format() -> None:
    assert sql("SELECT 1 AS a FORMAT Vertical").output.splitlines()[-1] == "a: 1"
    assert "a: 1" in sql("SELECT 1 AS a FORMAT Vertical", "--format", "table").output


def test_a_table_ends_and_says_so() -> None:
    result = sql("SELECT number FROM numbers(1200)", "--format", "table")
    assert "│    999 │" in result.output
    assert "│   1000 │" not in result.output
    assert "the first 1,000 rows" in result.output


def test_errors_are_one_readable_line() -> None:
    assert failure("") == "the query is empty"
    assert failure(stdin="-- nothing") == "the query is empty"
    assert failure("SELECT FORM 1").startswith("Syntax error")
    assert "Expected one of" not in failure("SELEC 1")
    assert "UNKNOWN_TABLE" in failure("SELECT * FROM nope")
    assert "READONLY" in failure("INSERT INTO bets (bet_id) VALUES (generateUUIDv4())")
    assert "needs a value for x" in failure("SELECT {x:String}")
    assert "write NAME=VALUE" in failure("SELECT 1", "--param", "x")
    assert "no operator nobody" in failure("SELECT {operator_id:UInt16}", "--operator", "nobody")
    assert "there is no query nope" in failure("--query", "nope")
    assert "cannot tell the format" in failure("SELECT 1", "--out", "rows.xml")
    assert "give one of" in failure("SELECT 1", "--file", "x.sql")


def test_a_result_that_breaks_off_leaves_no_file_and_says_why(tmp_path: Path) -> None:
    out = tmp_path / "rows.csv"
    out.write_text("what was there before")
    query = "SELECT number, throwIf(number = 3000000, 'too far') FROM numbers(10000000)"
    assert "too far" in failure(query, "--out", str(out))
    assert out.read_text() == "what was there before"
    assert list(tmp_path.iterdir()) == [out]
    shown = sql(query, "--format", "jsonl")
    assert "__exception__" not in shown.output
    assert isinstance(shown.exception, StackError)


def test_a_large_result_is_not_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No piece on its way to the file is larger than a few buffers."""
    largest = 0
    write = sql_command._write

    def watched(pieces: Iterator[bytes], form: str, to: io.BufferedWriter) -> None:
        def measured() -> Iterator[bytes]:
            nonlocal largest
            for piece in pieces:
                largest = max(largest, sys.getsizeof(piece))
                yield piece

        write(measured(), form, to)

    monkeypatch.setattr(sql_command, "_write", watched)
    out = tmp_path / "rows.tsv"
    assert sql("SELECT number FROM numbers(5000000)", "--out", str(out)).exit_code == 0
    assert out.stat().st_size > 30_000_000
    assert largest < 4_000_000
