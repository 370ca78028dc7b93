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

import asyncio
import re
from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

from warehouse.gateway import allowed, statement
from warehouse.gateway.canonical import canonical
from warehouse.gateway.engine import Engine
from warehouse.gateway.errors import GatewayError
from warehouse.gateway.request import QueryRequest
from warehouse.gateway.statement import Kind, Statement
from warehouse.gateway.syntax_tree import Node, UnreadableTree, read_tree

_IN_FUNCTION = re.compile(r"(global)?(not)?(null)?in(ignoreset)?\Z", re.IGNORECASE)
_EXPRESSION_HIDDEN = ("WHERE", "LIMIT", "(")
# No function's name with all its combinators is longer.
_NAME_CHARACTERS = 200
# What is longer is read in a thread: it would hold up everybody else's requests.
LONG_BYTES = 16 << 10

P = ParamSpec("P")
T = TypeVar("T")


class Guard:
    """Decides for the analyst. One for the process."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._functions = allowed.functions()
        self._combinators: tuple[str, ...] = ()
        self._refused: frozenset[str] = frozenset()

    def admit(self, request: QueryRequest) -> None:
        """Refuses what can be told before the statement is read: a setting could say how much
        of it there may be.

        Raises GatewayError READONLY or ACCESS_DENIED.
        """
        if request.settings:
            name = next(iter(request.settings))
            raise GatewayError("READONLY", f"Cannot modify '{name}' setting in readonly mode")
        if request.database != self._engine.database:
            raise _denied(f"database {request.database}")

    async def allowed(self, parsed: Statement, request: QueryRequest) -> Statement:
        """The statement to run instead of `parsed`: the same, as the engine understood it.

        Raises GatewayError READONLY or ACCESS_DENIED with what is refused, or SYNTAX_ERROR.
        """
        self.admit(request)
        if parsed.kind is Kind.INSERT:
            raise GatewayError("READONLY", "Cannot execute query in readonly mode")
        await self._learn()
        text = await canonical(self._engine, parsed.text)
        again = await aside(statement.parse, text)
        await aside(_check_names, text, request)
        listing = await self._engine.control("EXPLAIN AST " + again.text.decode(), request.params)
        tree = await aside(self._check, listing, again)
        await self._check_views(tree)
        return again

    async def _learn(self) -> None:
        """Names the engine knows, once."""
        if self._combinators:
            return
        suffixes = await self._engine.control(
            "SELECT name FROM system.aggregate_function_combinators"
        )
        functions = await self._engine.control("SELECT name FROM system.functions")
        known = frozenset(functions.decode().lower().split())
        self._refused = known - self._functions | allowed.BY_NAME
        self._combinators = tuple(suffixes.decode().lower().split())

    def _check(self, listing: bytes, again: Statement) -> list[Node]:
        """Nodes in the order of the engine's listing, all of them allowed; query parameters are
        in their places."""
        try:
            tree = read_tree(listing.decode())
        except UnreadableTree:
            raise _denied("what the engine's syntax tree shows") from None
        words = [word.upper() for word in statement.words(again.text)]
        self._check_statement(tree[0], again)
        for node in tree:
            self._check_node(node)
        self._check_paths(tree, words)
        return tree

    def _check_statement(self, root: Node, parsed: Statement) -> None:
        if root.kind not in allowed.STATEMENTS:
            raise GatewayError(
                "READONLY", f"Cannot execute query in readonly mode: {root.kind} is not allowed"
            )
        words = statement.words(parsed.text)
        if root.kind.startswith("Show"):
            self._check_show(root, words)
        plain = [word.strip('`"').lower() for word in words]
        if root.kind == "Explain" and plain[1:2] == ["ast"] and "graph" in plain:
            raise _denied("graph, which shows addresses in memory,")
        if root.kind.startswith(("Show", "Exists")) and root.children:
            # Children are the database and the table, or one of them alone, then the format.
            names = [child.name for child in root.children]
            if parsed.format is not None and names[-1] == parsed.format:
                names.pop()
            database_alone = root.kind in ("ShowTables", "ExistsDatabaseQuery")
            qualified = len(names) > 1 or database_alone or root.kind.endswith("DatabaseQuery")
            if names and qualified:
                self._check_database(names[0])

    def _check_show(self, root: Node, words: list[str]) -> None:
        """By the words of the statement, as the listing leaves out most of a SHOW."""
        upper = [word.upper() for word in words]
        if hidden := [word for word in _EXPRESSION_HIDDEN if word in upper]:
            raise _denied(f"{hidden[0]} in SHOW; select from system.tables or columns instead")
        what = [word for word in upper[1:4] if word not in ("EXTENDED", "FULL")][:1]
        if root.kind == "ShowTables" and what[0] not in allowed.SHOWN:
            raise _denied(f"SHOW {what[0]}")
        if root.kind in ("ShowColumns", "ShowIndexes"):
            # Always: … COLUMNS FROM table [FROM database] [[NOT] LIKE …]
            after_table = upper.index(what[0]) + 3
            if upper[after_table : after_table + 1] == ["FROM"]:
                self._check_database(words[after_table + 1].strip('`"'))
            elif "FROM" in upper[after_table:] or "{" in upper:
                raise _denied("this form of SHOW")

    def _check_database(self, name: str) -> None:
        if name != self._engine.database:
            raise _denied(f"database {name}")

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
        arguments = node.children[0].children if node.children else []
        if _is_table(node):
            if node.name == "values" and arguments and not _is_row(arguments[0]):
                # A text may be the table's structure, with expressions of its own.
                raise _denied("values() with a structure or a lone text")
            return
        if not self._function_allowed(node.name.lower()):
            raise _denied(f"function {node.name}")
        for argument in (node for some in node.children for node in some.children):
            # Where a function is expected its mere name calls it: arrayMap(file, …).
            if argument.kind == "Identifier" and argument.name.lower() in self._refused:
                raise _denied(f"function {argument.name} (if it is a column, say of which table)")
        if node.name.lower() in allowed.BY_NAME and not self._names_aggregate(arguments):
            raise _denied(f"{node.name} of what is no plain aggregate function")
        last = arguments[-1] if arguments else None
        if _IN_FUNCTION.match(node.name) and last is not None and last.kind == "Identifier":
            # The right side of IN may name a table.
            self._check_table(last.name)
            if last.name in allowed.TABLES_WITH_PATHS:
                raise _denied(f"IN {last.name}")

    async def _check_views(self, tree: list[Node]) -> None:
        """What looks like a table function is one that is listed, or a parameterized view.

        Only the database can tell: table functions have names that the engine doesn't list.
        """
        called = {node.name for node in tree if node.kind == "Function" and _is_table(node)}
        for name in called - allowed.TABLE_FUNCTIONS:
            self._check_table(name)
            found = await self._engine.control(
                "SELECT count() FROM system.tables WHERE database = {database:String}"
                " AND name = {name:String} AND engine = 'View'",
                {
                    "database": self._engine.database,
                    "name": name.removeprefix(f"{self._engine.database}."),
                },
            )
            if found.strip() != b"1":
                raise _denied(f"table function {name}")

    def _function_allowed(self, name: str) -> bool:
        """Listed, or listed and followed by aggregate function combinators."""
        if name in self._functions:
            return True
        return len(name) <= _NAME_CHARACTERS and any(
            len(name) > len(suffix)
            and name.endswith(suffix)
            and self._function_allowed(name[: -len(suffix)])
            for suffix in self._combinators
        )

    def _names_aggregate(self, arguments: list[Node]) -> bool:
        """Whether the first argument is a text with an allowed function and harmless parameters."""
        if not arguments or arguments[0].kind != "Literal":
            return False
        found = allowed.AGGREGATE_TEXT.fullmatch(arguments[0].name)
        return found is not None and self._function_allowed(found[1].lower())

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

    def _check_paths(self, tree: list[Node], words: list[str]) -> None:
        """Where the server keeps its files is in columns of otherwise harmless system tables."""
        named = {node.name for node in tree if node.kind == "TableIdentifier"}
        if not named & allowed.TABLES_WITH_PATHS:
            return
        if "NATURAL" in words:
            raise _denied("NATURAL JOIN with a system table with paths of the server")
        with_paths = {
            select
            for select in tree
            if select.kind == "SelectQuery" and allowed.TABLES_WITH_PATHS & set(select.tables())
        }
        for node in tree:
            if node.kind == "Identifier" and set(node.name.split(".")) & allowed.PATH_COLUMNS:
                raise _denied(f"column {node.name}")
            if node.kind not in allowed.ALL_COLUMNS or _is_counted(node):
                continue
            if node.ancestor("SelectQuery") in with_paths:
                raise _denied("* of a system table with paths of the server; name the columns")


async def aside(
    function: Callable[Concatenate[bytes, P], T], text: bytes, *args: P.args, **named: P.kwargs
) -> T:
    """`function(text, …)`, in a thread if the text is long."""
    if len(text) <= LONG_BYTES:
        return function(text, *args, **named)
    return await asyncio.to_thread(function, text, *args, **named)


def _denied(what: str) -> GatewayError:
    return GatewayError("ACCESS_DENIED", f"Not enough privileges: {what} is not allowed here")


def _check_names(text: bytes, request: QueryRequest) -> None:
    """A name with a line end would look like nodes of its own in the listing of the tree."""
    words = statement.words(text)
    names = [word for word in words if word[:1] in '`"']
    names += [request.params.get(name, "") for name in _identifier_parameters(words)]
    if not all(name.isprintable() and "\\" not in name for name in names):
        raise _denied("an identifier with control characters")


def _identifier_parameters(words: list[str]) -> list[str]:
    """Names of the query parameters that stand for identifiers: `{name:Identifier}`."""
    ends = range(4, len(words))
    return [
        words[at - 3]
        for at in ends
        if words[at - 4] == "{" and words[at - 2 : at + 1] == [":", "Identifier", "}"]
    ]


def _is_table(node: Node) -> bool:
    """Whether a function stands where a table could."""
    return node.parent is not None and node.parent.kind == "TableExpression"


def _is_row(argument: Node) -> bool:
    """Whether an argument of values() can only be data: a tuple, or a literal that is no text."""
    is_tuple = argument.kind == "Function" and argument.name == "tuple"
    return is_tuple or (argument.kind == "Literal" and not argument.name.startswith("'"))


def _is_counted(node: Node) -> bool:
    """Whether it is the asterisk of count(*)."""
    function = node.ancestor("Function")
    return function is not None and function.name == "count"
