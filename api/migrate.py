"""Brings both stores to the newest schema: `python -m api.migrate`, safe to run again and again."""

import argparse
import asyncio
import sys

import asyncpg
import redis.asyncio

import ledger.migrate
import warehouse.cluster
import warehouse.migrate
from api.settings import Settings, SettingsError
from ledger.bootstrap import ensure_platform_admin
from ledger.database import Role, role_dsn
from warehouse.access import grant_access
from warehouse.hold import flush_marks, relay_stopped
from warehouse.raw_tables import RawTables
from warehouse.relay import Relay


def migrate(settings: Settings) -> None:
    """Migrate the ledger's Postgres, then the warehouse's ClickHouse.

    While the latter changes, a relay that runs is held. Raises the driver's own errors when a
    store refuses or is not there.
    """
    ledger.migrate.upgrade(settings.postgres_url, settings.secret_key)
    asyncio.run(_migrate_warehouse(settings))


async def _migrate_warehouse(settings: Settings) -> None:
    # The hold is a transaction that waits while tables are filled again, for minutes if need be.
    patient = {"idle_in_transaction_session_timeout": "0"}
    connection = await asyncpg.connect(settings.postgres_url, server_settings=patient)
    try:
        async with relay_stopped(connection):
            if await asyncio.to_thread(warehouse.migrate.streams, settings.clickhouse_url):
                await _finish_batch(settings)
            await _flush_marks(settings.postgres_url)
            await asyncio.to_thread(_upgrade_warehouse, settings)
        if settings.clickhouse_access:
            rows = await connection.fetch("SELECT operator_id FROM operator ORDER BY operator_id")
            await asyncio.to_thread(
                grant_access,
                settings.clickhouse_url,
                [row["operator_id"] for row in rows],
                settings.clickhouse_cluster,
            )
    finally:
        await connection.close()


async def _finish_batch(settings: Settings) -> None:
    """A batch of which some tables have a part must not reach tables that are yet to be filled
    from these."""
    async with redis.asyncio.Redis.from_url(settings.redis_url) as client:
        relay = Relay(
            postgres_dsn=role_dsn(settings.postgres_url, Role.RELAY, settings.secret_key),
            tables=RawTables(settings.clickhouse_url),
            redis=client,
        )
        await relay.finish_batch()


async def _flush_marks(postgres_url: str) -> None:
    connection = await asyncpg.connect(postgres_url)
    try:
        await flush_marks(connection)
    finally:
        await connection.close()


def _upgrade_warehouse(settings: Settings) -> None:
    if settings.clickhouse_cluster:
        warehouse.cluster.create(settings.clickhouse_url, settings.clickhouse_cluster)
    else:
        warehouse.migrate.upgrade(settings.clickhouse_url)


def main() -> int:
    """Migrate the stores that the environment names; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m api.migrate", description=__doc__)
    parser.add_argument(
        "--platform-admin",
        metavar="LOGIN",
        help="also make this platform admin, or set their password: a line on standard input",
    )
    login: str | None = parser.parse_args().platform_admin
    password = sys.stdin.readline().rstrip("\n") if login else ""
    if login and len(password) < 12:
        parser.error("the password must have at least 12 characters")
    try:
        settings = Settings.from_env()
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    migrate(settings)
    if login:
        ensure_platform_admin(settings.postgres_url, login, password)
    return 0


if __name__ == "__main__":
    sys.exit(main())
