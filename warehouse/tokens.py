"""ClickHouse's lexical rules: a statement cut into its significant tokens.

What the engine parses, the engine itself is asked; this is for the little that must be known of a
text before it is sent, or put into it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_TOKEN = re.compile(
    rb"""
      (?P<space>\s+ | --[^\n]* | \#[\ !][^\n]*)
    | (?P<comment>/\*)
    | (?P<string>'(?:[^'\\]|\\.|'')*')
    | (?P<quoted>`(?:[^`\\]|\\.|``)*` | "(?:[^"\\]|\\.|"")*")
    | (?P<heredoc>\$(?P<tag>\w*)\$.*?\$(?P=tag)\$)
    | (?P<word>[A-Za-z_][A-Za-z0-9_$]*)
    | (?P<number>[0-9][0-9A-Za-z_.]*)
    | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_COMMENT_EDGE = re.compile(rb"/\*|\*/")
_OPEN, _CLOSE = frozenset(b"([{"), frozenset(b")]}")


@dataclass(frozen=True, slots=True)
class Token:
    """A word, a number, a quoted text or name, a sign; without blanks and comments."""

    group: str
    start: int
    end: int
    word: str
    """Upper-cased bare word, the character itself if punctuation, else empty."""
    depth: int


def tokenize(text: bytes) -> Iterator[Token]:
    """Significant tokens with their nesting depth; lazy, as rows may follow the statement."""
    at, depth = 0, 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            return
        group, end = found.lastgroup or "", found.end()
        if group == "comment":
            at = _comment_end(text, end)
            continue
        at = end
        if group == "space":
            continue
        raw = text[found.start() : end]
        if group == "tag":
            group = "heredoc"
        word = raw.decode().upper() if group == "word" else ""
        if group == "other":
            word = raw.decode("latin-1")
            depth -= raw[0] in _CLOSE
        yield Token(group, found.start(), end, word, depth)
        if group == "other":
            depth += raw[0] in _OPEN


def _comment_end(text: bytes, at: int) -> int:
    """Multi-line comments nest, as in the SQL standard."""
    depth = 1
    while depth:
        edge = _COMMENT_EDGE.search(text, at)
        if edge is None:
            return len(text)
        depth += 1 if edge[0] == b"/*" else -1
        at = edge.end()
    return at
