"""The page that documents the warehouse, made from the files that create it.

``python -m warehouse.schema_page > docs/warehouse-schema.md``, or ``make docs``. What a table or
column means is said once, in its COMMENT; the page only arranges it.
"""

import re
from dataclasses import dataclass

from warehouse.rollups import GRAIN_VIEWS, ROLLUPS
from warehouse.sql_files import read_sql, sql_names

_TYPE = r"\w+(?:\((?:[^()]|\([^()]*\))*\))?"
_COLUMN = re.compile(rf"^    (\w+) ({_TYPE}) COMMENT '((?:[^']|'')*)',?$", re.MULTILINE)
_COMMENT = re.compile(r"^COMMENT '((?:[^']|'')*)'", re.MULTILINE)
_ENGINE = re.compile(r"^ENGINE = (.+)$", re.MULTILINE)
_ORDER = re.compile(r"^ORDER BY \(?([^)\n]+)\)?$", re.MULTILINE)
_PROJECTION = re.compile(
    r"^    PROJECTION \w+ \(\s*SELECT \* ORDER BY ([^()]+?)\s*\)", re.MULTILINE
)
_PARAMETER = re.compile(r"\{(\w+):([^{}]+)\}")

HEAD = """# The warehouse

Made by `make docs` from `warehouse/sql`; a change belongs there. `pitboss sql` asks these tables,
and `dashboards/analyst/` has queries to start from.

**Units.** Amounts are integer minor units (cents) of the row's `currency`, which is the
operator's own; never add amounts of different currencies. `*_e4` counts 1/10,000 of a minor unit,
`xp_added` 1/10,000 of a point, `*_bps` 1/10,000 of the whole. Times are UTC;
`operators.time_zone` names the operator's clock.

**Tenants.** `operator_id` leads every order key: a query without it reads everybody's rows. The
`tenant_*` views take it as a parameter and cannot be asked without it. Ask for one player's bets
or transactions through `tenant_player_*`: they read that player's rows and no others.

**Rolled-back bets.** A rollback is a second row of its bet with `sign` -1, every amount negated
and the bet's own `created_at`. Sums are right by themselves; count bets with `sum(sign)`, never
with `count()`; a single bet stands if its `sum(sign)` is 1. `sum(sign)` also counts free spins,
whose `wager`, `win` and `ggr` are 0: leave out `bet_type = 'FREE_SPIN'` or count them apart.

**Rollups** add up rows in the background, whenever they come to it: always `sum(…)` with `GROUP
BY` when reading them, and filter by their keys alone. Squares are sums of squares, for standard
errors. `bet_rollups` has every bet once a grain: ask the view of one grain, or fix `grain`.

**Transactions** are statuses: one row each time a deposit, withdrawal or bonus reaches one, so
ask for the status that is meant. A deposit that was charged back has a row COMPLETED and a later
one REVERSED. The cost of bonuses is what was GRANTED or REOPENED less what was FORFEITED,
EXPIRED, WAIVED, REVOKED or RETURNED; COMPLETED adds nothing.

**Dimensions** keep every version until they are merged: read them with `FINAL`, or by their view.

**Bots.** Demo traffic has `is_bot` 1 in every table of bets, transactions and players; games and
operators have none. Leave it out with `is_bot = 0`.
"""

GRAINS_INTRODUCED = """Views of `bet_rollups`, one a grain. The engine finds their rows by the
table's key: by operator, then by player where the view has players, then by time.
"""


@dataclass(frozen=True)
class Column:
    """A column as its file declares it."""

    name: str
    type: str
    comment: str


@dataclass(frozen=True)
class Table:
    """A table, or a view with columns of its own, as its file declares it; a view has no order,
    and ``also_order`` is that of a table's projection, if it has one."""

    name: str
    comment: str
    engine: str
    order: str
    also_order: str
    columns: tuple[Column, ...]


def tables() -> list[Table]:
    """Every table of ``warehouse/sql/tables``."""
    return [_table("tables", name) for name in sql_names("tables")]


def grain_views() -> list[Table]:
    """Every view that shows one grain of a rollup."""
    return [_table("views", name) for name in GRAIN_VIEWS]


def page() -> str:
    """The whole page in Markdown."""
    known = tables()
    rollups = [table for table in known if table.name in ROLLUPS]
    dimensions = [table for table in known if table.engine.startswith("Replacing")]
    raw = [table for table in known if table not in rollups + dimensions]
    parts = [HEAD]
    parts += ["## Raw tables\n", *map(_section, raw), "## Rollups\n", *map(_section, rollups)]
    parts += ["## Rollups by grain\n", GRAINS_INTRODUCED, *map(_section, grain_views())]
    parts += ["## Dimensions\n", *map(_section, dimensions)]
    parts += ["## Views\n", _views()]
    return "\n".join(parts)


def _table(folder: str, name: str) -> Table:
    text = read_sql(folder, name)
    columns = tuple(
        Column(match[1], _in_a_line(match[2]), _unquoted(match[3]))
        for match in _COLUMN.finditer(text)
    )
    return Table(
        name=name,
        comment=_found(_COMMENT, text),
        engine=_found(_ENGINE, text),
        order=_found(_ORDER, text),
        also_order=_found(_PROJECTION, text),
        columns=columns,
    )


def _section(table: Table) -> str:
    also = f", and again in the order `{table.also_order}`" if table.also_order else ""
    key = f" Key: `{table.order}`{also}." if table.order else ""
    lines = [f"### {table.name}\n", f"{table.comment}.{key}\n"]
    lines += ["| column | type | meaning |", "|---|---|---|"]
    lines += [
        f"| `{column.name}` | {_cell(column.type)} | {_cell(column.comment)} |"
        for column in table.columns
    ]
    return "\n".join([*lines, ""])


def _views() -> str:
    """Views that are read; those that feed rollups are named by their table."""
    lines = ["| view | parameters | what it shows |", "|---|---|---|"]
    for name in sql_names("views"):
        if name.endswith("_mv") or name in GRAIN_VIEWS:
            continue
        text = read_sql("views", name)
        wanted = dict.fromkeys(f"{match[1]} {match[2]}" for match in _PARAMETER.finditer(text))
        lines.append(f"| `{name}` | {_cell(', '.join(wanted))} | {_found(_COMMENT, text)} |")
    return "\n".join([*lines, ""])


def _found(pattern: re.Pattern[str], text: str) -> str:
    match = pattern.search(text)
    return _unquoted(match[1]).strip() if match else ""


def _in_a_line(kind: str) -> str:
    """A type as the engine writes it, whatever the file's lines."""
    return re.sub(r"\s*\n\s*", " ", kind).replace("( ", "(").replace(" )", ")")


def _unquoted(text: str) -> str:
    return text.replace("''", "'")


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    print(page(), end="")
