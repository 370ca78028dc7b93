"""Brings both stores to the newest schema: `python -m api.migrate`, safe to run again and again."""

import sys

import ledger.migrate
import warehouse.migrate
from api.settings import Settings, SettingsError


def migrate(settings: Settings) -> None:
    """Migrate the ledger's Postgres, then the warehouse's ClickHouse.

    Raises the driver's own errors when a store refuses or is not there.
    """
    ledger.migrate.upgrade(settings.postgres_url, settings.secret_key)
    warehouse.migrate.upgrade(settings.clickhouse_url)


def main() -> int:
    """Migrate the stores that the environment names; the exit status."""
    try:
        migrate(Settings.from_env())
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
