"""Keyset pages: every row once, and cursors that are nothing but their key."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.pagination import decode_cursor, encode_cursor, make_page
from api.problems import Problem


@given(
    st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2100, 1, 1)),  # noqa: DTZ001
    st.uuids(),
    st.text(),
    st.integers(-(2**53), 2**53),
)
def test_a_cursor_gives_its_key_back(moment: datetime, number: UUID, text: str, count: int) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        return  # a lone surrogate cannot come out of Postgres
    key = (moment.replace(tzinfo=UTC), number, text, count)
    assert decode_cursor(encode_cursor(*key), datetime, UUID, str, int) == key


@given(st.text(max_size=40))
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(Problem) as refused:
        decode_cursor(text, int, str)
    assert refused.value.code == "invalid_cursor"


def test_a_cursor_of_other_types_is_refused() -> None:
    with pytest.raises(Problem):
        decode_cursor(encode_cursor("a", 1), int, str)
    with pytest.raises(Problem):
        decode_cursor(encode_cursor(1), int, int)


@pytest.mark.parametrize(
    "moment",
    [
        "2026-01-01T00:00:00",
        "0001-01-01T00:00:00+23:59",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59.999999-23:59",
        "2100-01-02T00:00:00Z",
    ],
)
def test_times_that_no_store_can_compare_are_refused(moment: str) -> None:
    with pytest.raises(Problem) as refused:
        decode_cursor(encode_cursor(moment), datetime)
    assert refused.value.code == "invalid_cursor"


@given(st.lists(st.integers(), unique=True).map(sorted), st.integers(1, 10))
def test_pages_show_every_row_once(rows: list[int], limit: int) -> None:
    seen: list[int] = []
    cursor = None
    while True:
        after = decode_cursor(cursor, int)
        matching = [row for row in rows if after is None or row > after[0]]
        page = make_page(matching[: limit + 1], limit, key=lambda row: (row,), item=lambda row: row)
        assert len(page.items) <= limit
        seen += page.items
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == rows
