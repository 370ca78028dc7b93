"""ClickHouse's lexical rules, for any text and in time that grows with it."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse.tokens import tokenize


def texts(sql: str) -> list[str]:
    data = sql.encode()
    return [data[token.start : token.end].decode() for token in tokenize(data)]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT 'it''s \\' one', `a``b`", ["SELECT", "'it''s \\' one'", ",", "`a``b`"]),
        ("a -- b\n c /* d /* e */ */ # f\n g", ["a", "c", "g"]),
        ("$$x ; 'y$$ z", ["$$x ; 'y$$", "z"]),
        ("$a$ $b$ $a$, $b$", ["$a$ $b$ $a$", ",", "$b$"]),
        ("$a$ never closed", ["$a$", "never", "closed"]),
        ("$a $ b$c 1e5", ["$a", "$", "b$c", "1e5"]),
        ("'never closed; x", ["'never closed; x"]),
        ("`never \\` closed", ["`never \\` closed"]),
        ("'ends in \\", ["'ends in ", "\\"]),
        ("a /* never closed", ["a"]),
        ("\ufeffa\u00a0b\u2003c", ["a", "b", "c"]),
        ("a, \u2018b;\\\u2019 \u201cc;d\u201d", ["a", ",", "\u2018b;\\\u2019", "\u201cc;d\u201d"]),
    ],
)
def test_cuts_as_the_engine_does(sql: str, expected: list[str]) -> None:
    assert texts(sql) == expected


HOSTILE: list[Callable[[int], str]] = [
    lambda n: "SELECT " + " ".join(f"$a{i}$" for i in range(n // 8)),
    lambda n: "$a" * n,
    lambda n: "'" + "\\'" * n,
    lambda n: "`" + "\\`" * n,
    lambda n: '"' + '""' * n + "x",
    lambda n: "/*" * n,
    lambda n: "$$" * n + "$",
    lambda n: "\u2018" * n,
    lambda n: "\u00a0" * n + "$",
]


@pytest.mark.parametrize("make", HOSTILE)
def test_no_text_takes_longer_than_its_length(make: Callable[[int], str]) -> None:
    """Whoever reads a statement holds up everybody else meanwhile."""
    text = make(128 << 10).encode()
    began = time.monotonic()
    for _ in tokenize(text):
        pass
    assert time.monotonic() - began < 3


@given(st.binary())
def test_tokens_follow_one_another(text: bytes) -> None:
    at = 0
    for token in tokenize(text):
        assert at <= token.start < token.end
        at = token.end
    assert at <= len(text)
