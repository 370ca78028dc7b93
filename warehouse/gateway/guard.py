"""What the analyst may run: reading statements on the platform's tables, and nothing else.

The decision is made on what the engine itself parsed. `formatQuery` proves that the text is one
statement and writes it anew from its syntax tree; `EXPLAIN AST` of that text lists the tree; and
that text, not the client's, is what runs. Everything is refused that is not allowed here by name:
kinds of statement, kinds of tree node, functions, table functions, databases, system tables.

The engine's `readonly=1` on the analyst's handles and the sandbox around the process stand behind
this; it closes what they leave open: the scalar `file()`, INTO OUTFILE, KILL QUERY,
several statements in one, `merge()`, others' queries in `system.processes`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from warehouse.gateway import allowed, statement
from warehouse.gateway.engine import Engine, quote_string
from warehouse.gateway.errors import GatewayError
from warehouse.gateway.request import QueryRequest
from warehouse.gateway.statement import Kind, Statement

_IN_FUNCTION = re.compile(r"(global)?(not)?(null)?in(ignoreset)?\Z", re.IGNORECASE)
_NODE = re.compile(r"(?P<indent> *)(?P<kind>\S+)(?: +(?P<rest>.*))?\Z")
_ALIAS_AND_CHILDREN = re.compile(r"( \(alias .*\))?( \(children \d+\))?\Z")
_EXPRESSION_HIDDEN = ("WHERE", "LIMIT", "(")


@dataclass(slots=True)
class Node:
    """One node of the engine's syntax tree."""

    kind: str
    name: str
    depth: int
    parent: Node | None
    children: list[Node] = field(default_factory=list)


class Guard:
    """Decides for the analyst. One for the process."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._functions = allowed.functions()
        self._known_table_functions: frozenset[str] = frozenset()
        self._combinators: tuple[str, ...] = ()

    async def allowed(self, parsed: Statement, request: QueryRequest) -> Statement:
        """The statement to run instead of `parsed`: the same, as the engine understood it.

        Raises GatewayError READONLY or ACCESS_DENIED with what is refused, or SYNTAX_ERROR.
        """
        if request.settings:
            name = next(iter(request.settings))
            raise GatewayError("READONLY", f"Cannot modify '{name}' setting in readonly mode")
        if request.database != self._engine.database:
            raise _denied(f"database {request.database}")
        if parsed.kind is Kind.INSERT:
            raise GatewayError("READONLY", "Cannot execute query in readonly mode")
        await self._learn()
        canonical = await self._canonical(parsed)
        again = statement.parse(canonical)
        tree = await self._tree(again, request)
        self._check_statement(tree[0], canonical)
        for node in tree:
            self._check_node(node)
        return again

    async def _learn(self) -> None:
        """Names the engine knows, once."""
        if self._combinators:
            return
        known = await self._engine.control("SELECT name FROM system.table_functions")
        suffixes = await self._engine.control(
            "SELECT name FROM system.aggregate_function_combinators"
        )
        self._known_table_functions = frozenset(known.decode().split())
        self._combinators = tuple(suffixes.decode().lower().split())

    async def _canonical(self, parsed: Statement) -> bytes:
        try:
            text = parsed.text.decode()
        except UnicodeDecodeError:
            raise GatewayError("SYNTAX_ERROR", "The query is not UTF-8") from None
        try:
            formatted = await self._engine.control(f"SELECT formatQuery({quote_string(text)})")
        except GatewayError as error:
            message = error.message.partition(": In scope SELECT formatQuery(")[0]
            raise GatewayError(error.name, message, code=error.code) from None
        return formatted.removesuffix(b"\n")

    async def _tree(self, canonical: Statement, request: QueryRequest) -> list[Node]:
        """Nodes in the order of the engine's listing; query parameters are in their places."""
        if any(char in part for part in _quoted_identifiers(canonical.text) for char in "\\\n"):
            raise _denied("an identifier with control characters")
        listing = await self._engine.control(
            "EXPLAIN AST " + canonical.text.decode(), request.params
        )
        return _read_tree(listing.decode().splitlines())

    def _check_statement(self, root: Node, canonical: bytes) -> None:
        if root.kind not in allowed.STATEMENTS:
            raise GatewayError(
                "READONLY", f"Cannot execute query in readonly mode: {root.kind} is not allowed"
            )
        if root.kind.startswith("Show"):
            # The listing leaves out the conditions of SHOW, so there may be none.
            words = {token.upper() for token in statement.words(canonical)}
            if hidden := [word for word in _EXPRESSION_HIDDEN if word in words]:
                raise _denied(f"{hidden[0]} in SHOW; select from system.tables or columns instead")
        if root.kind.startswith(("Show", "Exists")) and root.children:
            # Children are the database and the table, or one of them alone.
            names = [child.name for child in root.children]
            database_alone = root.kind in ("ShowTables", "ExistsDatabaseQuery")
            qualified = len(names) > 1 or database_alone or root.kind.endswith("DatabaseQuery")
            if qualified and names[0] != self._engine.database:
                raise _denied(f"database {names[0]}")

    def _check_node(self, node: Node) -> None:
        if node.kind == "Set" and not (node.parent and node.parent.kind == "Explain"):
            raise GatewayError("READONLY", "Cannot modify settings in readonly mode")
        if node.kind not in allowed.NODES and node.kind != "Set":
            raise _denied(f"{node.kind} in a query")
        if node.kind == "Literal" and node.depth == 1:
            raise GatewayError("INTO_OUTFILE_NOT_ALLOWED", "INTO OUTFILE is not allowed")
        if node.kind == "Function":
            self._check_function(node)
        elif node.kind == "TableIdentifier":
            self._check_table(node.name)
        elif node.kind == "Identifier":
            self._check_identifier(node)

    def _check_function(self, node: Node) -> None:
        if node.parent is not None and node.parent.kind == "TableExpression":
            # Parameterized views look like table functions; those the engine knows are refused
            # unless listed, any other name can only be a view of the current database.
            if (
                node.name not in allowed.TABLE_FUNCTIONS
                and node.name in self._known_table_functions
            ):
                raise _denied(f"table function {node.name}")
            if node.name not in allowed.TABLE_FUNCTIONS:
                self._check_table(node.name)
            return
        if not self._function_allowed(node.name.lower()):
            raise _denied(f"function {node.name}")
        arguments = node.children[0].children if node.children else []
        last = arguments[-1] if arguments else None
        if _IN_FUNCTION.match(node.name) and last is not None and last.kind == "Identifier":
            # The right side of IN may name a table.
            self._check_table(last.name)

    def _function_allowed(self, name: str) -> bool:
        """Listed, or listed and followed by aggregate function combinators."""
        if name in self._functions:
            return True
        return any(
            len(name) > len(suffix)
            and name.endswith(suffix)
            and self._function_allowed(name[: -len(suffix)])
            for suffix in self._combinators
        )

    def _check_table(self, name: str) -> None:
        database, dot, table = name.partition(".")
        if not dot or database == self._engine.database:
            return
        described = database != "system" or table in allowed.SYSTEM_TABLES
        if database not in allowed.SYSTEM_DATABASES or not described:
            raise _denied(f"table {name}")

    def _check_identifier(self, node: Node) -> None:
        database, dot, _ = node.name.partition(".")
        if dot and database in allowed.SYSTEM_DATABASES:
            self._check_table(".".join(node.name.split(".")[:2]))


def _denied(what: str) -> GatewayError:
    return GatewayError("ACCESS_DENIED", f"Not enough privileges: {what} is not allowed here")


def _quoted_identifiers(text: bytes) -> list[str]:
    return [word for word in statement.words(text) if word[:1] in '`"']


def _read_tree(lines: Iterable[str]) -> list[Node]:
    """Reads the listing of EXPLAIN AST; a node is one line, indented below its parent."""
    nodes: list[Node] = []
    path: list[Node] = []
    for line in lines:
        found = _NODE.match(line)
        if found is None:
            if line.strip():
                raise _denied("what the engine's syntax tree shows")
            continue
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
        raise _denied("a statement without a syntax tree")
    return nodes
