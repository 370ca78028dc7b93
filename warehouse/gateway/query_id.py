"""What a query is told of its own id: the one that its client knows, as from a server."""

from __future__ import annotations

import re

from warehouse.gateway.engine import quote_identifier, quote_string
from warehouse.tokens import tokenize

_MENTIONED = re.compile(rb"query_?id\s*\(", re.IGNORECASE)
_EXACT = ("queryID", "currentQueryID", "initialQueryID")
_IN_ANY_CASE = ("query_id", "current_query_id", "initial_query_id")


def answered(sql: bytes, query_id: str) -> bytes:
    """`sql` with the id in place of `queryID()` and its kin, under the same name: the engine
    would answer with an id of its own that nobody else knows."""
    if not _MENTIONED.search(sql):
        return sql
    tokens = [*tokenize(sql)]
    at, parts = 0, list[bytes]()
    for token, opening, closing in zip(tokens, tokens[1:], tokens[2:], strict=False):
        name = sql[token.start : token.end].decode(errors="replace")
        function = name in _EXACT or name.lower() in _IN_ANY_CASE
        if function and (opening.word, closing.word) == ("(", ")"):
            value = f"({quote_string(query_id)} AS {quote_identifier(name + '()')})"
            parts += [sql[at : token.start], value.encode("utf-8", "surrogateescape")]
            at = closing.end
    return b"".join([*parts, sql[at:]])
