"""The engine's syntax tree, read from the listing that EXPLAIN AST prints."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

_NODE = re.compile(r"(?P<indent> *)(?P<kind>\S+)(?: +(?P<rest>.*))?\Z")
_ALIAS_AND_CHILDREN = re.compile(r"( \(alias .*\))?( \(children \d+\))?\Z")


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
        rest = _ALIAS_AND_CHILDREN.sub("", " " + (found["rest"] or ""))
        while path and path[-1].depth >= depth:
            path.pop()
        node = Node(found["kind"], rest.strip(), depth, path[-1] if path else None)
        if node.parent is not None:
            node.parent.children.append(node)
        nodes.append(node)
        path.append(node)
    if not nodes or nodes[0].depth != 0:
        raise UnreadableTree("no statement")
    return nodes


def _lines(listing: str) -> Iterable[str]:
    """By line feeds alone: other characters that Unicode counts as line ends occur in literals."""
    return (line for line in listing.split("\n") if line.strip(" "))
