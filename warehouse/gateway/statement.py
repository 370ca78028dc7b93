"""Reads as much of a statement as the HTTP interface must know before the engine parses it.

Over HTTP one text can carry a statement and its rows, and the gateway runs different statements
differently. So it needs to know: is there more than one statement, where does an INSERT's data
begin, which output format is asked for. A tokenizer with ClickHouse's lexical rules answers that;
it decides nothing about permissions (see `guard`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from warehouse.gateway.errors import GatewayError
from warehouse.tokens import Token, tokenize


class Kind(Enum):
    """How a statement is run."""

    SELECT = "select"  # streams a result
    INSERT = "insert"  # rows follow in the request
    COMMAND = "command"  # everything else: no rows in, a small result or none out


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement as far as the gateway reads it."""

    kind: Kind
    keyword: str
    """First word, upper case."""
    text: bytes
    """The statement alone: without its FORMAT clause if INSERT, its data and a final semicolon."""
    format: str | None
    """FORMAT clause: of the result, or of the rows that follow an INSERT."""
    clause_at: int
    """Offset in `text` where a clause of the gateway's own may stand: INTO OUTFILE before FORMAT
    in a query, FROM INFILE before SETTINGS in an INSERT."""
    data: bytes
    """What follows an INSERT in the same text: the beginning of its rows."""

    @property
    def reads_only(self) -> bool:
        """Allowed with GET, which ClickHouse treats as read-only."""
        return self.kind is Kind.SELECT or self.keyword in _READING_COMMANDS

    def with_clause(self, clause: bytes) -> bytes:
        """`text` with `clause` put where the grammar wants it."""
        return self.text[: self.clause_at] + b"\n" + clause + b"\n" + self.text[self.clause_at :]


_READING_COMMANDS = frozenset({"SHOW", "DESCRIBE", "DESC", "EXISTS", "EXPLAIN"})


def parse(text: bytes, *, default_insert_format: str = "Values") -> Statement:
    """Reads the one statement in `text`.

    Raises GatewayError: SYNTAX_ERROR for none or several statements, NOT_IMPLEMENTED for session
    state, INTO_OUTFILE_NOT_ALLOWED for files of the server.
    """
    if len(text) > _REMEMBERED_BYTES or _INSERT.match(text):
        return _parse(text, default_insert_format)
    return _parse_remembered(text, default_insert_format)


def _parse(text: bytes, default_insert_format: str) -> Statement:
    tokens = tokenize(text)
    first = next(tokens, None)
    if first is None or first.word == "FORMAT":
        # Clients ask for their format behind whatever they were given, nothing too.
        raise GatewayError("SYNTAX_ERROR", "Empty query")
    if first.group != "word" and first.word not in ("(", ";"):
        # Of some signs, with whatever follows, the engine makes a statement that does nothing.
        sign = text[first.start : first.end].decode("utf-8", "replace")
        raise GatewayError("SYNTAX_ERROR", f"Syntax error: no statement begins with {sign!r}")
    if first.word == "INSERT":
        return _parse_insert(text, tokens, default_insert_format)
    significant = [first, *tokens]
    while significant and significant[-1].word == ";":
        significant.pop()
    if not significant:
        raise GatewayError("SYNTAX_ERROR", "Empty query")
    _refuse(significant)
    end = significant[-1].end
    kind = _kind(significant)
    name, at = _format_clause(text, significant, end)
    return Statement(kind, first.word, text[:end], name, at, b"")


# An application asks with few texts and many parameters; an INSERT's has rows in it. To tokenize a
# report's query takes about as long as to answer it.
_REMEMBERED_BYTES = 16 << 10
_INSERT = re.compile(rb"\s*INSERT\b", re.IGNORECASE)
_parse_remembered = lru_cache(maxsize=256)(_parse)


def _kind(tokens: list[Token]) -> Kind:
    words = {token.word for token in tokens if token.depth == 0}
    if tokens[0].word in ("SELECT", "FROM") or tokens[0].word == "(":
        return Kind.SELECT
    if tokens[0].word == "WITH" and "INSERT" not in words:
        return Kind.SELECT
    return Kind.COMMAND


def _refuse(tokens: list[Token]) -> None:
    first = tokens[0].word
    for token, following in zip(tokens, [*tokens[1:], None], strict=True):
        if token.word == ";" and token.depth == 0:
            raise GatewayError(
                "SYNTAX_ERROR", f"Multi-statements are not allowed: at position {token.start}"
            )
        into_file = token.word == "INTO" and following is not None and following.word == "OUTFILE"
        if into_file and token.depth == 0:
            raise GatewayError("INTO_OUTFILE_NOT_ALLOWED", "INTO OUTFILE is not allowed")
    if first in ("SET", "USE"):
        raise GatewayError(
            "NOT_IMPLEMENTED",
            f"{first} has no lasting effect here, sessions keep no state: send settings and"
            " `database` with each request",
        )
    if [token.word for token in tokens[:2]] in (["CREATE", "TEMPORARY"], ["BEGIN", "TRANSACTION"]):
        raise GatewayError(
            "NOT_IMPLEMENTED", "sessions keep no state: no temporary tables, no transactions"
        )


def _format_clause(text: bytes, tokens: list[Token], end: int) -> tuple[str | None, int]:
    """FORMAT name at the tail, alone or before or after the query's SETTINGS."""
    top = [token for token in tokens if token.depth == 0]
    for index in range(len(top) - 1, 1, -1):
        if top[index].word == "SETTINGS" and _parenthesized(top[:index]):
            end = top[index].start
    for index in range(len(top) - 2, 0, -1):
        name = top[index + 1]
        if top[index].word != "FORMAT" or name.group not in ("word", "quoted"):
            continue
        if name.word in ("ASC", "DESC") or top[index - 1].word in ("AS", "BY", ",", "."):
            continue  # a column or a table called format
        if index + 2 == len(top) or top[index + 2].word == "SETTINGS":
            return _unquote(text[name.start : name.end]), min(end, top[index].start)
    return None, end


def _parenthesized(top: list[Token]) -> bool:
    """Whether a query ends in a SELECT in parentheses: SETTINGS behind it is the query's own, and
    not the last of the SELECT."""
    before = [token.word for token in top[:-2]]
    if [token.word for token in top[-2:]] != ["(", ")"]:
        return False
    while before and before[-1] in ("ALL", "DISTINCT"):
        before.pop()
    return not before or before[-1] in ("UNION", "EXCEPT", "INTERSECT")


def _parse_insert(text: bytes, tokens: Iterator[Token], default_format: str) -> Statement:
    """INSERT up to VALUES, FORMAT name, or a SELECT that makes it a command."""
    seen: list[Token] = []
    settings_at: int | None = None

    def insert(end: int, fmt: str, data: bytes) -> Statement:
        at = end if settings_at is None else settings_at
        return Statement(Kind.INSERT, "INSERT", text[:end], fmt, at, data)

    for token in _after_target(tokens, seen):
        if token.word == "VALUES":
            return insert(token.start, "Values", text[token.end :])
        if token.word == "FORMAT":
            name = next(tokens, None)
            if name is None:
                raise GatewayError("SYNTAX_ERROR", "FORMAT without a name")
            return insert(token.start, _unquote(text[name.start : name.end]), _data(text, name.end))
        if token.word == "SETTINGS":
            settings_at = token.start
        elif token.word == "INFILE":
            raise GatewayError("NOT_IMPLEMENTED", "FROM INFILE reads no files of the server")
        elif token.word in ("SELECT", "WITH", "WATCH"):
            return _insert_select(text, [*seen, *tokens])
        elif token.word == ";":
            break
    end = seen[-1].end if seen and seen[-1].word != ";" else len(text.rstrip(b"; \t\r\n"))
    return insert(end, default_format, b"")


def _after_target(tokens: Iterator[Token], seen: list[Token]) -> Iterator[Token]:
    """Bare words and semicolons outside of parentheses, after the name of the table, which may
    be any word, "values" and "format" too. Collects every token in `seen`."""
    for token in tokens:
        target = not seen
        after_dot = bool(seen) and seen[-1].word == "."
        if target and token.word in ("INTO", "TABLE", "FUNCTION"):
            continue
        seen.append(token)
        outside = not token.depth and (token.group == "word" or token.word == ";")
        if outside and not target and not after_dot:
            yield token


def _insert_select(text: bytes, tokens: list[Token]) -> Statement:
    while tokens[-1].word == ";":
        tokens.pop()
    _refuse(tokens)
    end = tokens[-1].end
    return Statement(Kind.COMMAND, "INSERT", text[:end], None, end, b"")


def _data(text: bytes, at: int) -> bytes:
    """Rows begin after the blanks and one line end that follow the format's name."""
    while at < len(text) and text[at] in b" \t\f":
        at += 1
    if text[at : at + 1] == b";":
        at += 1
    if text[at : at + 2] == b"\r\n":
        return text[at + 2 :]
    return text[at + 1 :] if text[at : at + 1] == b"\n" else text[at:]


def _unquote(name: bytes) -> str:
    text = name.decode("utf-8", "replace")
    return text[1:-1] if text[:1] in '`"' else text


def words(text: bytes) -> list[str]:
    """Bare words, quoted identifiers (with their quotes) and punctuation, outside of literals."""
    return [
        text[token.start : token.end].decode("utf-8", "replace")
        for token in tokenize(text)
        if token.group in ("word", "quoted", "other")
    ]
