"""Roles, quotas and row policies of operators' analysts, read back by the engine's own parser."""

import re

import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from warehouse.access import grant_access, role_of, statements, tenant_tables

ROLE = role_of(7)
KINDS = {
    "CREATE SETTINGS": "CreateSettingsProfileQuery",
    "CREATE ROLE": "CreateRoleQuery",
    "ALTER ROLE": "CreateRoleQuery",
    "CREATE QUOTA": "CreateQuotaQuery",
    "CREATE ROW": "CREATE ROW POLICY or ALTER ROW POLICY query",
    "GRANT SHOW": "GrantQuery",
    "GRANT ON": "GrantQuery",
}
clusters = pytest.mark.parametrize("cluster", ["", "main"])


def texts(cluster: str = "") -> list[str]:
    return list(statements("pitboss", [7, 8], cluster))


def of_role(pattern: str, role: str = ROLE, cluster: str = "") -> list[str]:
    """The first group of the pattern in each statement that ends with ``TO role``."""
    ending = [text for text in texts(cluster) if text.endswith(f" TO {role}")]
    return [found[1] for text in ending if (found := re.search(pattern, text))]


@clusters
def test_the_engine_parses_every_statement(warehouse_client: Client, cluster: str) -> None:
    for text in texts(cluster):
        bare = re.sub(r"\A--.*\n", "", text)
        kind = KINDS[" ".join(bare.split()[:2])]
        assert warehouse_client.command(f"EXPLAIN AST {text}") == kind
        formatted = warehouse_client.query(
            "SELECT formatQuery({sql:String})", parameters={"sql": text}
        ).result_rows[0][0]
        assert (" ON CLUSTER main" in formatted) == bool(cluster)


@clusters
def test_every_granted_table_has_a_policy_first(cluster: str) -> None:
    policed: set[str] = set()
    for text in texts(cluster):
        if found := re.search(r"ROW POLICY.* ON `pitboss`\.(\w+)\n.*operator_id = 7 ", text):
            policed.add(found[1])
        if re.search(rf"^GRANT.*TO {ROLE}$", text):
            table = re.search(r"`pitboss`\.(\w+)", text)
            assert table is not None
            assert table[1] in policed | {"games"}
    assert policed == set(tenant_tables(cluster=bool(cluster)))


def test_tables_with_operators_are_those_of_the_schema(warehouse_client: Client) -> None:
    with_operator = warehouse_client.query(
        "SELECT table FROM system.columns WHERE database = currentDatabase()"
        " AND name = 'operator_id' AND table IN (SELECT name FROM system.tables"
        " WHERE database = currentDatabase() AND engine IN ('View', 'MergeTree',"
        " 'SummingMergeTree', 'ReplacingMergeTree') AND name NOT LIKE 'tenant%')"
    ).result_rows
    assert sorted(name for (name,) in with_operator) == sorted(tenant_tables())


def test_nothing_but_tenants_rows_and_games_is_granted() -> None:
    granted = of_role(r"^GRANT (.*) ON ")
    assert set(granted) == {"SHOW COLUMNS, SELECT"}
    assert set(of_role(r"^GRANT .* ON (`pitboss`\.\w+) TO")) == {
        f"`pitboss`.{table}" for table in (*tenant_tables(), "games")
    }
    assert not [text for text in texts() if "system." in text or "*" in text]


def test_each_role_sees_its_own_operator() -> None:
    assert set(of_role(r"USING (.*) AS")) == {"operator_id = 7"}
    assert set(of_role(r"USING (.*) AS", role_of(8))) == {"operator_id = 8"}


def test_the_platform_goes_on_seeing_all() -> None:
    platform = [text for text in texts() if "USING 1 " in text]
    assert len(platform) == len(tenant_tables())
    assert all(text.endswith("TO CURRENT_USER") for text in platform)


def test_the_limits_are_settings_the_engine_knows(warehouse_client: Client) -> None:
    profile = next(text for text in texts() if "SETTINGS PROFILE OR REPLACE" in text)
    settings = dict(re.findall(r"^ +(\w+) = (\d+)", profile, re.MULTILINE))
    known = warehouse_client.query(
        "SELECT name FROM system.settings WHERE name IN {names:Array(String)}",
        parameters={"names": list(settings)},
    ).result_rows
    assert {name for (name,) in known} == set(settings)
    assert settings["readonly"] == "1"


def test_the_embedded_engine_refuses(clickhouse_url: str) -> None:
    """It has no users; asking it for roles is an error, never silence."""
    with pytest.raises(DatabaseError):
        grant_access(clickhouse_url, [7])
