"""The engine's syntax tree, read from the listing that EXPLAIN AST prints."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

_NODE = re.compile(r"(?P<indent> *)(?P<kind>\S+)(?: +(?P<rest>.*))?\Z")
_CHILDREN = re.compile(r" \(children \d+\)\Z")
_CHILDREN_CHARACTERS = 32


class UnreadableTree(ValueError):
    """The listing is not what the engine prints of a tree."""


@dataclass(slots=True, eq=False)
class Node:
    """One node of the tree; ``depth`` counts from 0 at the statement."""

    kind: str
    name: str
    depth: int
    parent: Node | None
    children: list[Node] = field(default_factory=list)

    def ancestor(self, kind: str) -> Node | None:
        """The nearest node above of that kind."""
        node = self.parent
        while node is not None and node.kind != kind:
            node = node.parent
        return node

    def tables(self) -> Iterator[str]:
        """Names of the tables that a SelectQuery reads itself, without its subqueries."""
        pending = list(self.children)
        while pending:
            node = pending.pop()
            if node.kind == "TableIdentifier":
                yield node.name
            elif node.kind != "SelectQuery":
                pending += node.children


def read_tree(listing: str) -> list[Node]:
    """Nodes in the order of the listing: one a line, each indented below its parent.

    Names in it must be free of line ends, or they could pass for nodes. Raises UnreadableTree.
    """
    nodes: list[Node] = []
    path: list[Node] = []
    for line in _lines(listing):
        found = _NODE.match(line)
        if found is None:
            raise UnreadableTree(line)
        # The root stands at the margin and so do its children, one blank in: depth is the indent.
        depth = len(found["indent"])
        while path and path[-1].depth >= depth:
            path.pop()
        name = _name(" " + (found["rest"] or ""))
        node = Node(found["kind"], name, depth, path[-1] if path else None)
        if node.parent is not None:
            node.parent.children.append(node)
        nodes.append(node)
        path.append(node)
    if not nodes or nodes[0].depth != 0:
        raise UnreadableTree("no statement")
    return nodes


def _name(rest: str) -> str:
    """What follows a node's kind, without ` (alias …)` and ` (children 3)`. Not by one pattern: a
    literal may be full of what looks like aliases, and each would be tried to the end."""
    if children := _CHILDREN.search(rest, max(0, len(rest) - _CHILDREN_CHARACTERS)):
        rest = rest[: children.start()]
    alias = rest.find(" (alias ")
    return (rest[:alias] if alias >= 0 and rest.endswith(")") else rest).strip()


def _lines(listing: str) -> Iterable[str]:
    """By line feeds alone: other characters that Unicode counts as line ends occur in literals."""
    return (line for line in listing.split("\n") if line.strip(" "))
