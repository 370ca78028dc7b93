"""A query's own id in place of the functions that ask for it."""

import pytest

from warehouse.gateway.query_id import answered


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        (b"SELECT 1", b"SELECT 1"),
        (b"SELECT queryID()", b"SELECT ('it\\'s' AS `queryID()`)"),
        (
            b"SELECT f(Query_Id ( ), 1), currentQueryID() -- queryID",
            b"SELECT f(('it\\'s' AS `Query_Id()`), 1), ('it\\'s' AS `currentQueryID()`) -- queryID",
        ),
        (b"SELECT 'queryID()', query_id FROM t", b"SELECT 'queryID()', query_id FROM t"),
        (b"SELECT QUERYID(), queryID(1)", b"SELECT QUERYID(), queryID(1)"),
    ],
)
def test_only_where_it_is_asked_for(sql: bytes, expected: bytes) -> None:
    assert answered(sql, "it's") == expected
