"""clickhouse-connect's SQLAlchemy dialect: what BI tools, pandas and Alembic ask for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlalchemy.exc import DatabaseError

from tests.integration.warehouse.gateway.conftest import ask_gateway
from tests.support.gateway import Credentials, GatewayProcess

TYPES = {
    "id": "UInt32",
    "name": "LowCardinality(String)",
    "amount": "Decimal(18, 2)",
    "at": "DateTime64(6, 'UTC')",
    "key": "UUID",
    "numbers": "Array(UInt32)",
    "maybe": "Nullable(String)",
    "wide": "Int128",
}


@pytest.fixture(scope="module", autouse=True)
def samples(gateway: GatewayProcess) -> None:
    columns = ", ".join(f"{name} {kind}" for name, kind in TYPES.items())
    for sql in (
        f"CREATE TABLE samples ({columns}) ENGINE = MergeTree ORDER BY id COMMENT 'Some rows'",
        "INSERT INTO samples SELECT number, 'row ' || toString(number), number / 100,"
        " toDateTime64('2026-01-01 00:00:00', 6, 'UTC') + number, generateUUIDv4(),"
        " range(number % 3), if(number % 2, NULL, 'x'), number FROM numbers(5000)",
        "CREATE VIEW first_samples AS SELECT * FROM samples WHERE id < 10",
    ):
        assert ask_gateway(gateway, sql).status == 200


def engine_of(gateway: GatewayProcess, user: Credentials) -> sa.Engine:
    """As Superset makes it: a URL, and a ping before each use of a pooled connection."""
    url = sa.URL.create(
        "clickhousedb", user.user, user.password, gateway.host, gateway.port, gateway.database
    )
    return sa.create_engine(url, pool_pre_ping=True)


@pytest.fixture(params=["writer", "analyst"])
def engine(gateway: GatewayProcess, request: pytest.FixtureRequest) -> Iterator[sa.Engine]:
    made = engine_of(gateway, getattr(gateway, request.param))
    yield made
    made.dispose()


@pytest.fixture
def writing(gateway: GatewayProcess) -> Iterator[sa.Engine]:
    made = engine_of(gateway, gateway.writer)
    yield made
    made.dispose()


def test_inspector_lists_what_there_is(engine: sa.Engine, gateway: GatewayProcess) -> None:
    inspector = sa.inspect(engine)
    assert gateway.database in inspector.get_schema_names()
    tables = {*inspector.get_table_names(), *inspector.get_view_names()}
    assert {"samples", "first_samples"} <= tables
    assert "samples" in inspector.get_table_names(schema=gateway.database)
    assert inspector.has_table("samples")
    assert inspector.has_table("samples", schema=gateway.database)
    assert not inspector.has_table("nowhere")


def test_inspector_describes_columns(engine: sa.Engine, gateway: GatewayProcess) -> None:
    inspector = sa.inspect(engine)
    for schema in (None, gateway.database):
        columns = inspector.get_columns("samples", schema=schema)
        assert [column["name"] for column in columns] == list(TYPES)
    nullable = {column["name"]: column["nullable"] for column in columns}
    assert nullable == {name: name == "maybe" for name in TYPES}
    assert inspector.get_pk_constraint("samples")["constrained_columns"] is not None
    assert inspector.get_foreign_keys("samples") == []
    assert inspector.get_indexes("samples") == []


def test_reflected_tables_are_queried(engine: sa.Engine) -> None:
    samples = sa.Table("samples", sa.MetaData(), autoload_with=engine)
    assert [column.name for column in samples.columns] == list(TYPES)
    query = (
        sa.select(sa.func.count(), sa.func.max(samples.c.amount))
        .where(samples.c.id.in_([6, 7]), samples.c.name != "nobody")
        .group_by(sa.func.length(samples.c.numbers))
        .order_by(sa.desc(sa.func.max(samples.c.id)))
        .limit(1)
    )
    with engine.connect() as connection:
        count, highest = connection.execute(query).one()
    assert (count, float(highest)) == (1, 0.07)


def test_texts_are_executed_on_pooled_connections(engine: sa.Engine) -> None:
    for _ in range(5):
        with engine.connect() as connection:
            result = connection.execute(sa.text("SELECT count(), min(id) FROM samples"))
            assert result.one() == (5000, 0)
    with engine.connect() as connection:
        named = sa.text("SELECT name FROM samples WHERE id = :id AND name = :name")
        found = connection.execute(named, {"id": 7, "name": "row 7"})
        assert found.scalar_one() == "row 7"
        assert list(connection.execute(sa.text("SELECT 1 AS a WHERE 0")).keys()) == ["a"]


def test_a_lost_gateway_is_found_by_the_ping(engine: sa.Engine) -> None:
    """What a pool does before it hands out a connection."""
    with engine.connect() as connection:
        assert engine.dialect.do_ping(connection.connection.dbapi_connection)  # pyright: ignore


def test_errors_are_database_errors(engine: sa.Engine) -> None:
    with engine.connect() as connection, pytest.raises(DatabaseError, match="UNKNOWN_TABLE"):
        connection.execute(sa.text("SELECT * FROM nowhere"))


def test_the_analyst_changes_nothing(gateway: GatewayProcess) -> None:
    engine = engine_of(gateway, gateway.analyst)
    samples = sa.Table("samples", sa.MetaData(), autoload_with=engine)
    with engine.connect() as connection:
        for statement in (
            sa.insert(samples).values(id=1),
            sa.text("DROP TABLE samples"),
            sa.text("SELECT 1 SETTINGS max_threads = 1"),
        ):
            with pytest.raises(DatabaseError, match="READONLY"):
                connection.execute(statement)


def test_pandas_reads_sql(engine: sa.Engine) -> None:
    frame = pd.read_sql(sa.text("SELECT id, name, amount FROM samples ORDER BY id"), engine)
    assert list(frame.columns) == ["id", "name", "amount"]
    assert frame.id.sum() == sum(range(5000))
    assert frame.name[7] == "row 7"
    parts = pd.read_sql(sa.text("SELECT id FROM samples"), engine, chunksize=1000)
    assert [len(part) for part in parts] == [1000] * 5


def test_pandas_writes_as_the_writer(writing: sa.Engine) -> None:
    frame = pd.DataFrame({"id": [1, 2, 3], "name": ["a", "b", "c"]})
    with writing.connect() as connection:
        connection.execute(sa.text("CREATE TABLE framed (id Int64, name String) ENGINE = Memory"))
    frame.to_sql("framed", writing, if_exists="append", index=False)
    again = pd.read_sql(sa.text("SELECT * FROM framed ORDER BY id"), writing)
    assert again.to_dict("list") == frame.to_dict("list")


ENV = """
from alembic import context
from sqlalchemy import create_engine
import clickhouse_connect.cc_sqlalchemy.alembic  # registers the dialect's migrations

engine = create_engine(context.config.attributes["url"])
with engine.connect() as connection:
    context.configure(connection=connection, target_metadata=None)
    with context.begin_transaction():
        context.run_migrations()
"""
REVISION = """
from alembic import op

revision, down_revision, branch_labels, depends_on = "{revision}", {down}, None, None


def upgrade():
    op.execute("{up}")


def downgrade():
    op.execute("DROP TABLE migrated")
"""


def test_alembic_migrates_over_http(writing: sa.Engine, tmp_path: Path) -> None:
    (tmp_path / "versions").mkdir()
    (tmp_path / "env.py").write_text(ENV)
    create = "CREATE TABLE migrated (a Int8) ENGINE = MergeTree ORDER BY a"
    add = "ALTER TABLE migrated ADD COLUMN b Int8"
    for name, down, up in (("one", None, create), ("two", "one", add)):
        text = REVISION.format(revision=name, down=repr(down), up=up)
        (tmp_path / "versions" / f"{name}.py").write_text(text)
    config = Config()
    config.set_main_option("script_location", str(tmp_path))
    config.attributes["url"] = writing.url
    for _ in range(2):
        command.upgrade(config, "head")
    columns = sa.inspect(writing).get_columns("migrated")
    assert [column["name"] for column in columns] == ["a", "b"]
    with writing.connect() as connection:
        version = connection.execute(sa.text("SELECT version_num FROM alembic_version"))
        assert version.scalar_one() == "two"
