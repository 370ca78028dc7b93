"""Brings both stores to the newest schema: `python -m api.migrate`, safe to run again and again."""

import argparse
import sys

import ledger.migrate
import warehouse.migrate
from api.settings import Settings, SettingsError
from ledger.bootstrap import ensure_platform_admin


def migrate(settings: Settings) -> None:
    """Migrate the ledger's Postgres, then the warehouse's ClickHouse.

    Raises the driver's own errors when a store refuses or is not there.
    """
    ledger.migrate.upgrade(settings.postgres_url, settings.secret_key)
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
