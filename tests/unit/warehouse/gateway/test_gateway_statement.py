"""Where a statement ends and its data begins."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse.gateway.errors import GatewayError
from warehouse.gateway.statement import Kind, parse


@pytest.mark.parametrize(
    ("text", "kind", "fmt"),
    [
        (b"SELECT 1", Kind.SELECT, None),
        (b"select 1 format JSON", Kind.SELECT, "JSON"),
        (b"SELECT 1 FORMAT JSONEachRow SETTINGS max_threads = 1;", Kind.SELECT, "JSONEachRow"),
        (b"SELECT 1 SETTINGS max_threads = 1 FORMAT `CSV`", Kind.SELECT, "CSV"),
        (b"SELECT format FROM t ORDER BY format", Kind.SELECT, None),
        (b"SELECT format FROM t ORDER BY format LIMIT 1", Kind.SELECT, None),
        (b"SELECT format FROM t GROUP BY format HAVING 1", Kind.SELECT, None),
        (b"SELECT 1 WHERE format LIKE 'a'", Kind.SELECT, None),
        (b"SELECT a FROM t AS format FINAL", Kind.SELECT, None),
        (b"SELECT a, format FINAL FORMAT CSV", Kind.SELECT, "CSV"),
        (b"SELECT ';', \"a;b\", `c;d`, $x$ ; $x$ /* ; */ -- ;", Kind.SELECT, None),
        (b"/* a /* nested */ comment */ SELECT 1", Kind.SELECT, None),
        (b"WITH x AS (SELECT 1) SELECT * FROM x", Kind.SELECT, None),
        (b"FROM t SELECT a", Kind.SELECT, None),
        (b"\xef\xbb\xbfSELECT 1", Kind.SELECT, None),
        ("SELECT \u2018a;b\u2019".encode(), Kind.SELECT, None),
        (b"(SELECT 1) UNION ALL (SELECT 2)", Kind.SELECT, None),
        (b"SHOW TABLES FORMAT TSV", Kind.COMMAND, "TSV"),
        (b"CREATE TABLE t (format String, values String) ENGINE = Log", Kind.COMMAND, None),
        (b"INSERT INTO t SELECT 1; ", Kind.COMMAND, None),
        (b"INSERT INTO t WITH x AS (SELECT 1) SELECT * FROM x", Kind.COMMAND, None),
        (b"WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x", Kind.COMMAND, None),
    ],
)
def test_reads_kind_and_format(text: bytes, kind: Kind, fmt: str | None) -> None:
    found = parse(text)
    assert (found.kind, found.format) == (kind, fmt)


@pytest.mark.parametrize(
    ("text", "statement", "fmt", "data"),
    [
        (b"INSERT INTO t VALUES (1, ';')", b"INSERT INTO t ", "Values", b" (1, ';')"),
        (b"insert into t (a, `b`) format CSV\n1,2\n", b"insert into t (a, `b`) ", "CSV", b"1,2\n"),
        (b"INSERT INTO t FORMAT CSV\r\n\r\n1", b"INSERT INTO t ", "CSV", b"\r\n1"),
        (b"INSERT INTO t FORMAT Native\n\n\x00 x", b"INSERT INTO t ", "Native", b"\n\x00 x"),
        (b"INSERT INTO db.values VALUES(1)", b"INSERT INTO db.values ", "Values", b"(1)"),
        (b"INSERT INTO format FORMAT TSV 1", b"INSERT INTO format ", "TSV", b"1"),
        (
            b"INSERT INTO t (format) SETTINGS async_insert=0 FORMAT JSONEachRow",
            b"INSERT INTO t (format) SETTINGS async_insert=0 ",
            "JSONEachRow",
            b"",
        ),
        (b"INSERT INTO TABLE FUNCTION null('a Int8') VALUES (1)", None, "Values", b" (1)"),
        (b"INSERT INTO t", b"INSERT INTO t", "Values", b""),
    ],
)
def test_splits_rows_from_an_insert(
    text: bytes, statement: bytes | None, fmt: str, data: bytes
) -> None:
    found = parse(text)
    assert found.kind is Kind.INSERT
    assert (found.format, found.data) == (fmt, data)
    assert statement is None or found.text == statement


@given(st.binary())
def test_rows_pass_unchanged_whatever_they_hold(rows: bytes) -> None:
    found = parse(b"INSERT INTO t (a) FORMAT RowBinary\n" + rows)
    assert (found.kind, found.data) == (Kind.INSERT, rows)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (b"", "SYNTAX_ERROR"),
        (b" -- nothing", "SYNTAX_ERROR"),
        (b";", "SYNTAX_ERROR"),
        (b"\xff SELECT 1", "SYNTAX_ERROR"),
        (b"\x00SELECT 1", "SYNTAX_ERROR"),
        ("SELECT 1".encode("utf-16"), "SYNTAX_ERROR"),
        (b"\\", "SYNTAX_ERROR"),
        (b"1", "SYNTAX_ERROR"),
        (b"'a'", "SYNTAX_ERROR"),
        (b"SELECT 1; SELECT 2", "SYNTAX_ERROR"),
        (b"SELECT 1;;DROP TABLE t", "SYNTAX_ERROR"),
        (b"INSERT INTO t SELECT 1; DROP TABLE t", "SYNTAX_ERROR"),
        (b"SELECT 1 INTO OUTFILE '/tmp/x'", "INTO_OUTFILE_NOT_ALLOWED"),
        (b"SHOW TABLES INTO OUTFILE '/tmp/x' FORMAT CSV", "INTO_OUTFILE_NOT_ALLOWED"),
        (b"INSERT INTO t FROM INFILE '/etc/passwd' FORMAT CSV", "NOT_IMPLEMENTED"),
        (b"SET max_threads = 1", "NOT_IMPLEMENTED"),
        (b"USE system", "NOT_IMPLEMENTED"),
        (b"CREATE TEMPORARY TABLE t (a Int8)", "NOT_IMPLEMENTED"),
    ],
)
def test_refuses(text: bytes, name: str) -> None:
    with pytest.raises(GatewayError) as refused:
        parse(text)
    assert refused.value.name == name


def test_output_clause_goes_before_format_and_after_everything_else() -> None:
    found = parse(b"SELECT 1 FORMAT JSON SETTINGS max_threads = 1 -- end")
    assert found.with_clause(b"X") == b"SELECT 1 \nX\nFORMAT JSON SETTINGS max_threads = 1"
    assert parse(b"SELECT 1 -- end").with_clause(b"X") == b"SELECT 1\nX\n"


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        (b"(SELECT 1) SETTINGS a = 1", b"(SELECT 1) \nX\nSETTINGS a = 1"),
        (b"SELECT 1 UNION ALL (SELECT 2) SETTINGS a = 1 FORMAT CSV",
         b"SELECT 1 UNION ALL (SELECT 2) \nX\nSETTINGS a = 1 FORMAT CSV"),
        (b"(SELECT 1) FORMAT CSV SETTINGS a = 1", b"(SELECT 1) \nX\nFORMAT CSV SETTINGS a = 1"),
        (b"SELECT DISTINCT (1) SETTINGS a = 1", b"SELECT DISTINCT (1) SETTINGS a = 1\nX\n"),
        (b"SELECT * EXCEPT (b) FROM t SETTINGS a = 1",
         b"SELECT * EXCEPT (b) FROM t SETTINGS a = 1\nX\n"),
        (b"SELECT f(1) SETTINGS a = 1", b"SELECT f(1) SETTINGS a = 1\nX\n"),
    ],
)  # fmt: skip
def test_output_clause_goes_before_the_settings_of_the_whole_query(
    sql: bytes, expected: bytes
) -> None:
    assert parse(sql).with_clause(b"X") == expected


def test_input_clause_goes_before_settings() -> None:
    found = parse(b"INSERT INTO t (a) SETTINGS async_insert = 0 FORMAT CSV\n1")
    assert found.with_clause(b"X") == b"INSERT INTO t (a) \nX\nSETTINGS async_insert = 0 "
    assert parse(b"INSERT INTO settings VALUES").with_clause(b"X") == b"INSERT INTO settings \nX\n"


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = parse(text.encode())
    except GatewayError:
        return
    assert found.text in text.encode()
