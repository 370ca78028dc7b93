"""ClickHouse's lexical rules: a statement cut into its significant tokens.

What the engine parses, the engine itself is asked; this is for the little that must be known of a
text before it is sent, or put into it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

# Blanks and quotes are also those of Unicode that the engine takes for such, as UTF-8.
# Quoted texts never give back what they took (`*+`), and reach to the end if nobody closes them: a
# pattern that tried again from every quote would take hours for a text made for it.
_TOKEN = re.compile(
    rb"""
      (?P<space>(?:\s | \xc2[\x85\xa0] | \xe1\xa0\x8e | \xe2\x80[\x80-\x8d\xa8\xa9\xaf]
                   | \xe2\x81[\x9f\xa0] | \xe3\x80\x80 | \xef\xbb\xbf)++
                | --[^\n]* | \#[\ !][^\n]*)
    | (?P<comment>/\*)
    | (?P<string>'[^'\\]*+(?:(?:\\.|'')[^'\\]*+)*+'?
                | \xe2\x80\x98(?:(?!\xe2\x80\x99).)*+(?:\xe2\x80\x99)?)
    | (?P<quoted>`[^`\\]*+(?:(?:\\.|``)[^`\\]*+)*+`? | "[^"\\]*+(?:(?:\\.|"")[^"\\]*+)*+"?
                | \xe2\x80\x9c(?:(?!\xe2\x80\x9d).)*+(?:\xe2\x80\x9d)?)
    | (?P<heredoc>\$\w*\$)
    | (?P<word>[A-Za-z_$][A-Za-z0-9_$]*)
    | (?P<number>[0-9][0-9A-Za-z_.]*)
    | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_HEREDOC_EDGE = re.compile(rb"(?=(\$\w*\$))")
_WORD = re.compile(rb"[\w$]+")
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
    last_edges: dict[bytes, int] | None = None
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            return
        group, end = found.lastgroup or "", found.end()
        if group == "comment":
            at = _comment_end(text, end)
            continue
        if group == "heredoc":
            if last_edges is None:
                last_edges = {edge[1]: edge.start() for edge in _HEREDOC_EDGE.finditer(text, at)}
            group, end = _heredoc(text, at, end, last_edges)
        at = end
        if group == "space":
            continue
        raw = text[found.start() : end]
        word = raw.decode().upper() if group == "word" else ""
        if group == "other":
            word = raw.decode("latin-1")
            depth -= raw[0] in _CLOSE
        yield Token(group, found.start(), end, word, depth)
        if group == "other":
            depth += raw[0] in _OPEN


def _heredoc(text: bytes, start: int, opened: int, last_edges: dict[bytes, int]) -> tuple[str, int]:
    """Group and end of what begins with `$tag$`, which is a word if the tag does not come again.
    `last_edges` knows where each comes last, so that a search never fails."""
    tag = text[start:opened]
    if last_edges[tag] >= opened:
        return "heredoc", text.index(tag, opened) + len(tag)
    word = _WORD.match(text, start)
    return "word", opened if word is None else word.end()


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
