"""After how long the engine breaks a query off, read from its settings and its own text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from warehouse.tokens import Token, tokenize

_LIMIT, _MODE = "max_execution_time", "timeout_overflow_mode"
_MENTIONED = re.compile(rb"\bsettings\b", re.IGNORECASE)
_WORDS = {"TRUE": "1", "FALSE": "0", "DEFAULT": "0"}


@dataclass(frozen=True, slots=True)
class _Assignment:
    name: str
    value: str
    depth: int


def time_limit(text: bytes, settings: Mapping[str, str], params: Mapping[str, str]) -> float:
    """Seconds after which a statement's result may have been cut; 0 for never.

    A limit of the statement's own replaces that of the request's `settings`. One in a subquery
    counts as well, although the engine knows it only there, because it is the query's in some
    forms (`(SELECT … SETTINGS …) FORMAT …`): a whole result that is refused does less harm than a
    cut one that looks whole. Who asks for `timeout_overflow_mode = 'break'` wants it cut.

    Of a text that the engine has run.
    """
    own = [*_assignments(text, params)] if _MENTIONED.search(text) else []
    modes = [one.value for one in own if one.name == _MODE and not one.depth]
    if (modes[0] if modes else settings.get(_MODE, "throw")) != "throw":
        return 0.0
    limits = [one for one in own if one.name == _LIMIT]
    values = [one.value for one in limits]
    if all(one.depth for one in limits):
        values.append(settings.get(_LIMIT) or "0")
    return min((seconds for seconds in map(_seconds, values) if seconds > 0), default=0.0)


def _seconds(value: str) -> float:
    try:
        return float(value)
    except ValueError:
        return float(int(value, 0))  # 0x10; what is no number at all the engine has refused


def _assignments(text: bytes, params: Mapping[str, str]) -> Iterator[_Assignment]:
    """`name = value` of every SETTINGS clause; a column may have that name too."""
    tokens = [*tokenize(text)]
    words = [token.word for token in tokens]
    for clause in (at for at, word in enumerate(words) if word == "SETTINGS"):
        at = clause
        while words[at + 2 : at + 3] == ["="] and (at == clause or words[at] == ","):
            name, depth = _text(text, tokens[at + 1]), tokens[at + 1].depth
            value, at = _value(text, tokens, at + 3, params)
            yield _Assignment(name, value, depth)


def _value(text: bytes, tokens: list[Token], at: int, params: Mapping[str, str]) -> tuple[str, int]:
    """The value that begins with token `at`, and where the next token is."""
    token = tokens[at]
    if token.word == "-":
        return f"-{_text(text, tokens[at + 1])}", at + 2
    if token.word == "{":  # a parameter of the query
        end = next(end for end in range(at, len(tokens)) if tokens[end].word == "}")
        return params[_text(text, tokens[at + 1])], end + 1
    return _WORDS.get(token.word, _text(text, token)), at + 1


def _text(text: bytes, token: Token) -> str:
    """A name, a number or a text, without quotes."""
    raw = text[token.start : token.end].decode("utf-8", "replace")
    return raw[1:-1] if token.group in ("string", "quoted") else raw
