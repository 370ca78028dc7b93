"""Shared fixtures: real embedded stores, one set a test session, one database a test module."""

import secrets
from collections.abc import AsyncIterator, Iterator
from itertools import count
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from api.stack.postgres import EmbeddedPostgres
from api.stack.redis import EmbeddedRedis
from ledger.migrate import upgrade
from tests.support.gateway import GatewayProcess, start_gateway
from tests.support.world import World, open_world
from warehouse.migrate import upgrade as upgrade_warehouse

SECRET_KEY = "a secret key that only the tests know, forty characters"
TEMPLATE = "pitboss_template"
_numbers = count(1)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """A Postgres server of this test session with a migrated template database.

    Its commits skip the disk's flush: tests never pull the plug on it. Those that kill servers
    start their own.
    """
    folder = tmp_path_factory.mktemp("stores")
    with EmbeddedPostgres(folder / "postgres", durable=False) as server:
        with psycopg.connect(server.url_of("postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(TEMPLATE)))
        upgrade(server.url_of(TEMPLATE), SECRET_KEY)
        yield server


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a Redis server of this test session."""
    with EmbeddedRedis(tmp_path_factory.mktemp("redis")) as server:
        yield server.url


@pytest.fixture(scope="session")
def secret_key() -> str:
    """The deployment secret the test databases' role passwords come from."""
    return SECRET_KEY


@pytest.fixture(scope="module")
def postgres_url(postgres: EmbeddedPostgres) -> Iterator[str]:
    """Owner's URL of a freshly migrated database for the test module."""
    name = f"test_{next(_numbers)}_{secrets.token_hex(3)}"
    database, template = sql.Identifier(name), sql.Identifier(TEMPLATE)
    with psycopg.connect(postgres.url_of("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(database, template))
        yield postgres.url_of(name)
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(database))


@pytest.fixture(scope="module")
async def world(postgres_url: str, secret_key: str) -> AsyncIterator[World]:
    """Two operators, a few games and pools of every role on the module's database."""
    async with open_world(postgres_url, secret_key) as opened:
        yield opened


@pytest.fixture(scope="session")
def clickhouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """A gateway process of this test session."""
    gateway = start_gateway(tmp_path_factory.mktemp("clickhouse"))
    yield gateway
    gateway.stop()


@pytest.fixture(scope="module")
def clickhouse_url(clickhouse: GatewayProcess) -> str:
    """Writer's URL of a freshly migrated database for the test module."""
    url = f"{clickhouse.clickhouse_url}_{next(_numbers)}"
    upgrade_warehouse(url)
    return url


@pytest.fixture
def repository_root() -> Path:
    """The checkout the tests run in."""
    return Path(__file__).parent.parent
