"""No endpoint query can be run without an operator, nor reach past the tenant-bound views."""

import re
from datetime import UTC, datetime

import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from warehouse.client import UnboundQuery, tenant_query
from warehouse.sql_files import read_sql, sql_names

SHARED_VIEWS = {"current_games"}
PARAMETER = re.compile(r"\{(\w+):([^}]+)\}")
VALUES = {
    "UUID": "00000000-0000-0000-0000-000000000001",
    "Array(UUID)": ["00000000-0000-0000-0000-000000000001"],
    "Array(Int64)": [1],
    "String": "",
}


def parameters_of(text: str) -> dict[str, object]:
    """A value of the right type for each parameter of a query."""
    moment = datetime(2026, 1, 1, tzinfo=UTC).strftime("%Y-%m-%d %H:%M:%S")
    return {
        name: moment if kind.startswith("DateTime") else VALUES.get(kind, 1)
        for name, kind in PARAMETER.findall(text)
    }


def tables_read(client: Client, text: str) -> set[str]:
    """Tables and views that the engine's own syntax tree of the query reads by name."""
    rows = client.query(f"EXPLAIN AST {text}", parameters=parameters_of(text)).result_rows
    names = {match for (line,) in rows for match in re.findall(r"TableIdentifier (\S+)", line)}
    with_names = set(re.findall(r"(?:WITH|,)\s+(\w+) AS \(", text))
    return names - with_names


@pytest.mark.parametrize("endpoint", sql_names("endpoints"))
def test_an_endpoint_reads_tenant_views_only(endpoint: str, warehouse_client: Client) -> None:
    text = tenant_query(endpoint)
    assert tables_read(warehouse_client, text) <= SHARED_VIEWS
    calls = re.findall(r"tenant_\w+\(\s*operator_id = \{operator_id:UInt16\}", text)
    assert len(calls) == len(re.findall(r"tenant_\w+\(", text)) > 0


@pytest.mark.parametrize("endpoint", sql_names("endpoints"))
def test_an_endpoint_without_an_operator_is_refused_by_the_engine(
    endpoint: str, warehouse_client: Client
) -> None:
    text = tenant_query(endpoint)
    parameters = parameters_of(text)
    warehouse_client.raw_query(text, parameters=parameters)
    del parameters["operator_id"]
    with pytest.raises(ClickHouseError, match="operator_id"):
        warehouse_client.raw_query(text, parameters=parameters)


@pytest.mark.parametrize(
    "view", [name for name in sql_names("views") if name.startswith("tenant_")]
)
def test_every_branch_of_a_tenant_view_binds_the_operator(view: str) -> None:
    text = read_sql("views", view)
    bound = text.count("operator_id = {operator_id:UInt16}")
    bound += text.count("(operator_id, user_id) IN (({operator_id:UInt16}, {user_id:UUID}))")
    assert bound == len(re.findall(r"\bFROM\b", text)) > 0


def test_a_query_that_names_no_operator_is_not_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("warehouse.client.read_sql", lambda folder, name: "SELECT * FROM bets")
    with pytest.raises(UnboundQuery):
        tenant_query("everything")


def test_every_table_and_column_has_a_comment(warehouse_client: Client) -> None:
    tables = warehouse_client.query(
        "SELECT name FROM system.tables WHERE database = currentDatabase() AND comment = '' "
        "AND name != 'alembic_version'"
    ).result_rows
    columns = warehouse_client.query(
        "SELECT table, name FROM system.columns WHERE database = currentDatabase() "
        "AND comment = '' AND table IN "
        "(SELECT name FROM system.tables WHERE database = currentDatabase() "
        "AND engine LIKE '%MergeTree' AND name != 'alembic_version')"
    ).result_rows
    assert (list(tables), list(columns)) == ([], [])
