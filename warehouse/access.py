"""Who may read what on a ClickHouse server: a role for each operator's analysts.

A role sees its operator's rows of every table that has ``operator_id``, and the catalogue of
games, which belongs to none, and of the views of one grain of the bets' rollup; nothing else is
granted, so neither system tables nor tables that come later. Users are made by whoever runs the
server, and get a role: ``GRANT pitboss_operator_7 TO ada``.

The embedded engine has neither users nor policies; its gateway has an analyst of its own.
"""

from collections.abc import Iterable, Iterator, Sequence
from string import Template

import clickhouse_connect
from sqlalchemy.engine import make_url

from warehouse.cluster import EVERYWHERE, LOCAL_SUFFIX
from warehouse.rollups import GRAIN_VIEWS
from warehouse.sql_files import read_sql, sql_names

PROFILE = "pitboss_analysts"
SHARED_TABLES = frozenset({"games"})
"""Tables without an operator, for every operator's analysts to read."""


def role_of(operator_id: int) -> str:
    """Name of the role of an operator's analysts, and of its quota and row policies."""
    return f"pitboss_operator_{operator_id}"


def statements(database: str, operator_ids: Iterable[int], cluster: str = "") -> Iterator[str]:
    """What makes the roles of these operators, in order; each may be run again and again.

    A role gets its row policies before its grants, so at no moment does it see too much.
    """
    common = {
        "database": _identifier(database),
        "profile": PROFILE,
        "on_cluster": f" ON CLUSTER {_text(cluster)}" if cluster else "",
    }
    tables = tenant_tables(cluster=bool(cluster))
    yield _sql("profile", common)
    for table in tables:
        yield _sql("platform_rows", common, table=table)
    for operator_id in operator_ids:
        role = {"role": role_of(operator_id), "operator_id": str(operator_id)}
        yield _sql("role", common, **role)
        yield _sql("role_limits", common, **role)
        yield _sql("quota", common, **role)
        for table in tables:
            yield _sql("operator_rows", common, table=table, **role)
        for table in (*tables, *sorted(SHARED_TABLES)):
            yield _sql("grant", common, table=table, **role)


def tenant_tables(*, cluster: bool = False) -> Sequence[str]:
    """Every table with ``operator_id``, all of them but the shared ones, and the views that show
    one grain of a table: who reads these reads the table with the same policies.

    On a cluster their parts too: a shard reads its part for the user who asked, under the part's
    own policies and grants.
    """
    names = [name for name in sql_names("tables") if name not in SHARED_TABLES]
    parts = [name + LOCAL_SUFFIX for name in names if name not in EVERYWHERE]
    return [*names, *GRAIN_VIEWS, *(parts if cluster else ())]


def grant_access(clickhouse_url: str, operator_ids: Iterable[int], cluster: str = "") -> None:
    """Make or renew the roles of these operators' analysts.

    The URL's user needs ACCESS MANAGEMENT. Raises ``clickhouse_connect.driver.exceptions.Error``,
    from the embedded engine always.
    """
    database = make_url(clickhouse_url).database or ""
    with clickhouse_connect.get_client(dsn=clickhouse_url, autogenerate_session_id=False) as client:
        for statement in statements(database, operator_ids, cluster):
            client.command(statement)


def _sql(name: str, common: dict[str, str], **more: str) -> str:
    return Template(read_sql("access", name)).substitute(common, **more)


def _identifier(name: str) -> str:
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def _text(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
