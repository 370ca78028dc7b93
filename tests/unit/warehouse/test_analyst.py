"""What is sent of an analyst's statement, and how errors read."""

import doctest

import pytest

from warehouse import analyst
from warehouse.analyst import (
    QueryFailed,
    declared_parameters,
    has_own_format,
    prepared,
    readable,
)


def test_examples_in_the_module_hold() -> None:
    assert doctest.testmod(analyst).failed == 0


@pytest.mark.parametrize(
    "query",
    [
        "",
        "  \n",
        ";",
        "-- nothing\n",
        "/* nothing */ ; ;",
        "# nothing",
        "/* a /* b */ c */",
        "; -- a",
    ],
)
def test_an_empty_query_is_told_so(query: str) -> None:
    with pytest.raises(QueryFailed, match="the query is empty"):
        prepared(query, {})


def test_parameters_must_be_those_that_the_query_names() -> None:
    query = "SELECT {a:String}, {b:Array(UInt8)}, {a:String} -- {c:String}"
    assert declared_parameters(query) == ["a", "b"]
    assert prepared(f"{query}\n;\n", {"a": "1", "b": "[]"}) == query
    with pytest.raises(QueryFailed, match="needs a value for b"):
        prepared(query, {"a": "1"})
    with pytest.raises(QueryFailed, match="has no parameter c"):
        prepared(query, {"a": "1", "b": "[]", "c": ""})


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("SELECT '-- {a:String}', '/*', {b:String} /* {c:String} */", ["b"]),
        ("SELECT {a: Map(String, Tuple(UInt8, String))}['x'], {'k': 1}", ["a"]),
        ("SELECT `{a:String}` FROM (SELECT 1 AS `{a:String}`)", []),
        ("SELECT $${a:String}$$, {b :Identifier} # {c:String}", ["b"]),
    ],
)
def test_parameters_in_texts_and_comments_are_none(query: str, names: list[str]) -> None:
    assert declared_parameters(query) == names


@pytest.mark.parametrize(
    ("query", "own"),
    [
        ("SELECT 1 FORMAT CSV", True),
        ("SELECT 1 format CSV -- as asked", True),
        ("SELECT 1 FORMAT CSV SETTINGS max_threads = 1", True),
        ("SELECT 1 AS x", False),
        ("SELECT ' FORMAT CSV'", False),
        ("SELECT '--' FORMAT CSV", True),
        ("SELECT 1 -- FORMAT CSV", False),
        ("SELECT a FROM t AS format FINAL", False),
        ("SELECT * FROM (SELECT 1 AS format) ORDER BY format DESC", False),
    ],
)
def test_a_format_of_the_querys_own_is_seen(query: str, own: bool) -> None:
    assert has_own_format(query) is own


def test_errors_are_one_line_without_address_or_version() -> None:
    said = (
        "Received ClickHouse exception, code: 60, server response: Code: 60. DB::Exception: "
        "Unknown table\nexpression 'nope'. (UNKNOWN_TABLE) (version 26.9.2.1 (embedded)) "
        "(for url http://127.0.0.1:8123)"
    )
    assert readable(said) == "Unknown table expression 'nope'. (UNKNOWN_TABLE)"
    assert readable(TimeoutError()) == "TimeoutError"
