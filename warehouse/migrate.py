"""Brings a ClickHouse database to the newest schema; safe to run any number of times.

Tables and materialized views change only by migrations. Plain views hold no data, so they are
replaced on every run by what their files say.
"""

from pathlib import Path

import clickhouse_connect
from alembic import command
from alembic.config import Config
from clickhouse_connect.driver.client import Client
from sqlalchemy.engine import make_url

from warehouse.sql_files import read_sql, sql_names

MATERIALIZED_SUFFIX = "_mv"
NEWEST = "head"


def upgrade(clickhouse_url: str, revision: str = NEWEST) -> None:
    """Create the database if needed, run every outstanding migration, replace the plain views.

    ``clickhouse_url`` is ``http://user:password@host:port/database`` of the writing user.
    ClickHouse has no transactional DDL, so every step can be repeated after an interruption.
    A migration may make a rollup again from raw rows: the relay must not send meanwhile, which
    :func:`warehouse.hold.relay_stopped` sees to. The plain views are those of the newest schema,
    so an older ``revision`` leaves them alone.
    Raises ``clickhouse_connect.driver.exceptions.Error`` or ``sqlalchemy.exc.SQLAlchemyError``.
    """
    create_database(clickhouse_url)
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["url"] = make_url(clickhouse_url).set(drivername="clickhousedb")
    command.upgrade(config, revision)
    if revision == NEWEST:
        replace_views(clickhouse_url)


def streams(clickhouse_url: str) -> bool:
    """Whether there is a warehouse with tables that a relay may have sent rows to."""
    create_database(clickhouse_url)
    with clickhouse_connect.get_client(dsn=clickhouse_url, autogenerate_session_id=False) as client:
        return bool(client.command("EXISTS TABLE bets"))


def create_database(clickhouse_url: str) -> None:
    """Create the URL's database unless it is there."""
    url = make_url(clickhouse_url)
    if not url.database:
        raise ValueError("The ClickHouse URL names no database")
    server = url.set(database="default").render_as_string(hide_password=False)
    with clickhouse_connect.get_client(dsn=server, autogenerate_session_id=False) as client:
        client.command(
            "CREATE DATABASE IF NOT EXISTS {name:Identifier}", parameters={"name": url.database}
        )


def replace_views(clickhouse_url: str) -> None:
    """Make every plain view what ``warehouse/sql/views`` says now, and drop those it lacks."""
    with clickhouse_connect.get_client(dsn=clickhouse_url, autogenerate_session_id=False) as client:
        for name in set(_views_in(client)) - set(plain_views()):
            client.command("DROP VIEW IF EXISTS {name:Identifier}", parameters={"name": name})
        for name in plain_views():
            client.command(read_sql("views", name))


def _views_in(client: Client) -> list[str]:
    rows = client.query(
        "SELECT name FROM system.tables WHERE database = currentDatabase() AND engine = 'View'"
    ).result_rows
    return [name for (name,) in rows]


def plain_views() -> list[str]:
    """Names of the views that are read; those that feed a rollup end in ``_mv``."""
    return [name for name in sql_names("views") if not name.endswith(MATERIALIZED_SUFFIX)]


def materialized_views() -> list[str]:
    """Names of the views that feed the rollups, each on a table named like it without suffix."""
    return [name for name in sql_names("views") if name.endswith(MATERIALIZED_SUFFIX)]
