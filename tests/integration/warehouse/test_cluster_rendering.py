"""The schema as rendered for a cluster, read back by the engine's own parser.

The embedded engine has no cluster to run it on: what is checked is the form, and what every
statement names.
"""

import re

import pytest
from clickhouse_connect.driver.client import Client

from warehouse.cluster import EVERYWHERE, LOCAL_SUFFIX, Cluster, NotRendered, render, schema
from warehouse.migrate import materialized_views
from warehouse.sql_files import read_sql, sql_names

CLUSTER = Cluster("main", "pitboss")
STATEMENTS = schema(CLUSTER)
SHARDED = sorted(set(sql_names("tables")) - EVERYWHERE)


def formatted(client: Client, statement: str) -> str:
    """The statement as the engine writes what it parsed; fails if it can't parse it."""
    found = client.query("SELECT formatQuery({sql:String})", parameters={"sql": statement})
    return found.result_rows[0][0]


def tables_read(client: Client, statement: str) -> set[str]:
    """Names of the tables in the syntax tree of a view."""
    listing = client.command(f"EXPLAIN AST {statement}")
    return set(re.findall(r"TableIdentifier (\w+)", str(listing)))


def statement_of(name: str) -> str:
    (found,) = [text for text in STATEMENTS if re.search(rf"(TABLE|VIEW)[A-Z ]* {name} ON", text)]
    return found


@pytest.mark.parametrize("statement", STATEMENTS, ids=lambda text: text.split(" ON CLUSTER")[0])
def test_the_engine_parses_it_and_sees_the_cluster(
    warehouse_client: Client, statement: str
) -> None:
    assert " ON CLUSTER main" in formatted(warehouse_client, statement)


@pytest.mark.parametrize("name", SHARDED)
def test_a_tenants_table_is_replicated_in_shards_and_distributed_by_operator(
    warehouse_client: Client, name: str
) -> None:
    alone = formatted(warehouse_client, read_sql("tables", name))
    local = formatted(warehouse_client, statement_of(name + LOCAL_SUFFIX))
    engine = re.search(r"ENGINE = (\w+)(?:\((\w+)\))?\n", alone)
    assert engine is not None
    arguments = "'/clickhouse/tables/{shard}/{database}/{table}', '{replica}'"
    if engine[2]:
        arguments += f", {engine[2]}"
    # Nothing else differs: put back what one server has, and the statements are the same.
    back = (
        local.replace(f"ENGINE = Replicated{engine[1]}({arguments})\n", engine[0])
        .replace(" replicated_deduplication_window", " non_replicated_deduplication_window")
        .replace(" ON CLUSTER main", "")
        .replace(LOCAL_SUFFIX, "")
    )
    assert back == alone
    distributed = formatted(warehouse_client, statement_of(name))
    assert f"AS {name}_local\n" in distributed
    assert f"Distributed('main', 'pitboss', '{name}_local', operator_id)" in distributed


@pytest.mark.parametrize("name", sorted(EVERYWHERE))
def test_a_dimension_is_whole_on_every_server(warehouse_client: Client, name: str) -> None:
    text = formatted(warehouse_client, statement_of(name))
    path = "'/clickhouse/tables/all/{database}/{table}', '{shard}-{replica}', version"
    assert f"ReplicatedReplacingMergeTree({path})" in text
    assert not [text for text in STATEMENTS if name + LOCAL_SUFFIX in text]


@pytest.mark.parametrize("name", materialized_views())
def test_a_feeding_view_stays_in_its_shard(warehouse_client: Client, name: str) -> None:
    statement = statement_of(name)
    read = tables_read(warehouse_client, statement)
    assert read
    assert read <= EVERYWHERE | {table + LOCAL_SUFFIX for table in SHARDED}
    target = name.removesuffix("_mv") + LOCAL_SUFFIX
    assert f" TO {target}\n" in formatted(warehouse_client, statement)


def test_plain_views_read_all_shards(warehouse_client: Client) -> None:
    plain = set(sql_names("views")) - set(materialized_views())
    for name in plain:
        assert tables_read(warehouse_client, statement_of(name)) <= {*sql_names("tables"), *plain}


def test_what_a_statement_needs_comes_before_it() -> None:
    made: set[str] = set()
    for statement in STATEMENTS:
        name = re.search(r"(?:TABLE|VIEW)[A-Z ]* (\w+) ON CLUSTER", statement)
        assert name is not None
        distributed = re.search(r" AS (\w+_local)\b", statement)
        assert distributed is None or distributed[1] in made
        made.add(name[1])
    assert {*SHARDED, *EVERYWHERE} <= made


def test_a_view_comes_after_what_it_reads(warehouse_client: Client) -> None:
    made: set[str] = set()
    for statement in STATEMENTS:
        if " VIEW " in statement:
            assert tables_read(warehouse_client, statement) <= made
        name = re.search(r"(?:TABLE|VIEW)[A-Z ]* (\w+) ON CLUSTER", statement)
        assert name is not None
        made.add(name[1])


def test_texts_and_comments_are_left_alone() -> None:
    (statement, _) = render(
        "-- ENGINE = MergeTree of bets\nCREATE TABLE IF NOT EXISTS bets (a String DEFAULT"
        " 'ENGINE = MergeTree FROM bets', ENGINE UInt8) ENGINE = MergeTree ORDER BY a",
        Cluster("it's", "pitboss"),
    )
    assert "DEFAULT 'ENGINE = MergeTree FROM bets', ENGINE UInt8)" in statement
    assert statement.count("Replicated") == 1
    assert "ON CLUSTER 'it\\'s'" in statement


def test_other_statements_are_refused() -> None:
    with pytest.raises(NotRendered):
        render("ALTER TABLE bets ADD COLUMN a UInt8", CLUSTER)
    with pytest.raises(NotRendered):
        render("CREATE TABLE bets (a UInt8)", CLUSTER)
