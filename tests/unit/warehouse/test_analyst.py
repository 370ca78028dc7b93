"""What is sent of an analyst's statement, and how errors read."""

import doctest

import pytest

from warehouse import analyst
from warehouse.analyst import QueryFailed, declared_parameters, prepared, readable


def test_examples_in_the_module_hold() -> None:
    assert doctest.testmod(analyst).failed == 0


@pytest.mark.parametrize("query", ["", "  \n", ";", "-- nothing\n", "/* nothing */ ; ;"])
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


def test_errors_are_one_line_without_address_or_version() -> None:
    said = (
        "Received ClickHouse exception, code: 60, server response: Code: 60. DB::Exception: "
        "Unknown table\nexpression 'nope'. (UNKNOWN_TABLE) (version 26.9.2.1 (embedded)) "
        "(for url http://127.0.0.1:8123)"
    )
    assert readable(said) == "Unknown table expression 'nope'. (UNKNOWN_TABLE)"
    assert readable(TimeoutError()) == "TimeoutError"
