"""ClickHouse as an analyst uses it: any statement, results streamed, errors in one line.

The engine itself keeps this user read-only. Results come out in ClickHouse's own formats and are
never held whole, so their size is bounded by the disk they are written to.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Self

import clickhouse_connect
from clickhouse_connect.driver.exceptions import ClickHouseError
from urllib3.exceptions import HTTPError

from warehouse.tokens import tokenize

CHUNK_BYTES = 1 << 18

_SERVER_SAYS = re.compile(r"DB::Exception: (.*)", re.DOTALL)
_VERSION = re.compile(r"\s*\(version [^()]*(\([^()]*\))?[^()]*\).*", re.DOTALL)
_GRAMMAR = re.compile(r"[.:]? Expected one of: .*?(?=\([A-Z_]+\)$|\Z)", re.DOTALL)


class QueryFailed(Exception):
    """What ClickHouse, or this module, has against a statement, in one readable line."""


class Analyst:
    """A connection as the analyst; use it as a context manager, from one thread."""

    def __init__(self, url: str, user: str, password: str, database: str) -> None:
        """Raises :class:`QueryFailed` if ClickHouse does not answer or refuses the login."""
        try:
            self._client = clickhouse_connect.get_client(
                dsn=url,
                username=user,
                password=password,
                database=database,
                autogenerate_session_id=False,
                send_receive_timeout=3600,
            )
        except (ClickHouseError, OSError) as error:
            raise QueryFailed(f"the warehouse does not answer: {readable(error)}") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def stream(
        self, query: str, fmt: str, parameters: Mapping[str, str] | None = None
    ) -> Iterator[bytes]:
        """The result in ClickHouse's format ``fmt``, in pieces as they arrive.

        A query that ends with a FORMAT clause of its own keeps it. ``parameters`` are texts for
        its ``{name:Type}`` places. Raises :class:`QueryFailed`, also in the middle of a result;
        what has been yielded by then is a part of it.
        """
        statement = prepared(query, parameters or {})
        own = has_own_format(statement)
        try:
            answer: Any = self._client.raw_stream(
                statement, parameters=dict(parameters or {}), fmt=None if own else fmt
            )
        except (ClickHouseError, HTTPError, OSError) as error:
            raise QueryFailed(readable(error)) from None
        yield from _pieces(answer)

    def read(self, query: str, fmt: str, parameters: Mapping[str, str] | None = None) -> bytes:
        """The whole result, for those known to be small. Raises :class:`QueryFailed`."""
        return b"".join(self.stream(query, fmt, parameters))


def prepared(query: str, parameters: Mapping[str, str]) -> str:
    """The statement without its end mark. Raises :class:`QueryFailed` if there is none, or if its
    parameters are not those given."""
    statement = query.strip()
    while statement.endswith(";"):
        statement = statement[:-1].rstrip()
    if all(token.word == ";" for token in tokenize(statement.encode())):
        raise QueryFailed("the query is empty")
    wanted = declared_parameters(statement)
    missing = [name for name in wanted if name not in parameters]
    if missing:
        raise QueryFailed(f"the query needs a value for {', '.join(missing)}: --param NAME=VALUE")
    unknown = sorted(set(parameters) - set(wanted))
    if unknown:
        raise QueryFailed(f"the query has no parameter {', '.join(unknown)}")
    return statement


def declared_parameters(query: str) -> list[str]:
    """Names of the ``{name:Type}`` places of a query, in the order of their first use."""
    text = query.encode()
    tokens = [*tokenize(text)]
    names = [
        text[name.start : name.end].decode()
        for opening, name, colon in zip(tokens, tokens[1:], tokens[2:], strict=False)
        if (opening.word, name.group, colon.word) == ("{", "word", ":")
    ]
    return list(dict.fromkeys(names))


def has_own_format(query: str) -> bool:
    """Whether a query ends with a FORMAT clause, perhaps with SETTINGS behind it."""
    words = [token.word for token in tokenize(query.encode()) if not token.depth]
    while words and words[-1] == ";":
        words.pop()
    if "SETTINGS" in words[-1:0:-1] and "FORMAT" in words:
        words = words[: len(words) - words[::-1].index("SETTINGS") - 1]
    named = words[-3:-2] not in (["AS"], ["BY"], [","], ["."])
    return words[-2:-1] == ["FORMAT"] and words[-1] not in ("ASC", "DESC") and named


def readable(error: object) -> str:
    """An error of the server's or the driver's as one line, without grammar, address or version.

    >>> readable("server response: Code: 62. DB::Exception: Syntax error: failed at position 1 "
    ...          "(x). Expected one of: SELECT query, WITH (SYNTAX_ERROR) (version 26.9)")
    'Syntax error: failed at position 1 (x) (SYNTAX_ERROR)'
    """
    text = str(error).strip()
    said = _SERVER_SAYS.search(text)
    text = _VERSION.sub("", said.group(1) if said else text)
    text = re.sub(r"\s+", " ", text).strip()
    return _GRAMMAR.sub(" ", text).replace("  ", " ").strip() or type(error).__name__


def _pieces(answer: Any) -> Iterator[bytes]:
    """The body, ended by :class:`QueryFailed` where the server reports an error inside it.

    A server that has begun to answer can only break off: it sends a block between tags that a
    header announced, and closes the connection.
    """
    tag = answer.headers.get("X-ClickHouse-Exception-Tag", "")
    mark = f"\r\n__exception__\r\n{tag}".encode() if tag else b""
    held = b""
    try:
        for piece in answer.stream(CHUNK_BYTES, decode_content=True):
            held += piece
            if mark and mark in held:
                break
            safe = len(held) - _begun(held, mark)
            if safe:
                yield held[:safe]
                held = held[safe:]
        else:
            yield held
            return
        for piece in answer.stream(CHUNK_BYTES, decode_content=True):
            held += piece
    except (HTTPError, OSError) as error:
        if not mark or mark not in held:
            raise QueryFailed(
                f"the connection broke in the middle of the result: {error}"
            ) from None
    finally:
        answer.close()
    rows, _, message = held.partition(mark)
    yield rows
    raise QueryFailed(readable(message.decode(errors="replace").strip().rsplit("\n", 1)[0]))


def _begun(held: bytes, mark: bytes) -> int:
    """How many bytes at the end of ``held`` may be the beginning of ``mark``."""
    for length in range(min(len(held), len(mark) - 1), 0, -1):
        if mark.startswith(held[-length:]):
            return length
    return 0
