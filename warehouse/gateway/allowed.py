"""The names the analyst's statements may be made of; see `guard` for how they are checked."""

from __future__ import annotations

import re
from pathlib import Path

FUNCTIONS_FILE = Path(__file__).with_name("allowed_functions.txt")
# Kinds of node in the engine's syntax tree (EXPLAIN AST), statements among them.
NODES = frozenset(
    [
        "SelectWithUnionQuery",
        "SelectIntersectExceptQuery",
        "SelectQuery",
        "ExpressionList",
        "Function",
        "Identifier",
        "TableIdentifier",
        "Literal",
        "Asterisk",
        "QualifiedAsterisk",
        "ColumnsRegexpMatcher",
        "ColumnsListMatcher",
        "QualifiedColumnsRegexpMatcher",
        "QualifiedColumnsListMatcher",
        "ColumnsTransformerList",
        "ColumnsExceptTransformer",
        "ColumnsReplaceTransformer",
        "ColumnsReplaceTransformer::Replacement",
        "TablesInSelectQuery",
        "TablesInSelectQueryElement",
        "TableExpression",
        "TableJoin",
        "ArrayJoin",
        "Subquery",
        "WithElement",
        "WindowDefinition",
        "WindowListElement",
        "OrderByElement",
        "InterpolateElement",
        "SampleRatio",
        "Explain",
        "DescribeQuery",
        "ShowTables",
        "ShowColumns",
        "ShowFunctions",
        "ShowIndexes",
        "ShowCreateTableQuery",
        "ShowCreateViewQuery",
        "ShowCreateDatabaseQuery",
        "ExistsTableQuery",
        "ExistsViewQuery",
        "ExistsDatabaseQuery",
    ]
)
STATEMENTS = frozenset(
    node for node in NODES if node.endswith("Query") or node.startswith(("Show", "Explain"))
) - {"SelectQuery", "SelectIntersectExceptQuery"}
# Of the things that SHOW lists by the names of tables and databases.
SHOWN = frozenset({"TABLES", "DATABASES", "SETTINGS"})
# None of them takes a structure as text: it can hold expressions (`a String ALIAS file(…)`) that
# the syntax tree does not show. See `guard` for values().
TABLE_FUNCTIONS = frozenset(
    [
        "numbers",
        "numbers_mt",
        "generateSeries",
        "generate_series",
        "values",
        "SQLStandardValues",
    ]
)
# These take an aggregate function as a text, and compute any expression that is in its parentheses.
BY_NAME = frozenset({"arrayreduce", "arrayreduceinranges", "initializeaggregation"})
# What clients and BI tools read to describe a schema; none of it has queries or credentials.
SYSTEM_TABLES = frozenset(
    [
        "one",
        "numbers",
        "numbers_mt",
        "zeros",
        "zeros_mt",
        "databases",
        "tables",
        "columns",
        "functions",
        "table_functions",
        "settings",
        "data_type_families",
        "formats",
        "keywords",
        "time_zones",
        "aggregate_function_combinators",
        "table_engines",
        "collations",
        "constraints",
        "contributors",
        "licenses",
    ]
)
# The server's paths are the one thing in them to keep back.
TABLES_WITH_PATHS = frozenset({"system.tables", "system.databases"})
PATH_COLUMNS = frozenset({"data_paths", "data_path", "metadata_path"})
ALL_COLUMNS = frozenset(
    {
        "Asterisk",
        "QualifiedAsterisk",
        "ColumnsRegexpMatcher",
        "QualifiedColumnsRegexpMatcher",
    }
)
SYSTEM_DATABASES = frozenset({"system", "information_schema", "INFORMATION_SCHEMA"})


# An aggregate function as the tree shows a text: its parameters are numbers and texts, if any.
_PARAMETER = r"(?:-?[0-9][0-9.e+-]*|\\'[^\\'()]*\\')"
AGGREGATE_TEXT = re.compile(rf"'(\w+)(?:\((?:{_PARAMETER}(?:, ?{_PARAMETER})*)?\))?'")


def functions() -> frozenset[str]:
    """Functions of `allowed_functions.txt`, in lower case."""
    lines = FUNCTIONS_FILE.read_text().splitlines()
    return frozenset(line.lower() for line in lines if line and not line.startswith("#"))
