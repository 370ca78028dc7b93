"""Brings the ledger's Postgres to the newest schema; safe to run any number of times."""

from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config
from psycopg import sql

from ledger.database import Role, driver_url, role_password


def upgrade(owner_url: str, secret_key: str, revision: str = "head") -> None:
    """Create the runtime roles and run every outstanding migration, as the database's owner.

    Raises ``psycopg.Error`` or ``sqlalchemy.exc.SQLAlchemyError`` when the server refuses; each
    migration is one transaction, so a failed one leaves nothing behind.
    """
    ensure_roles(owner_url, secret_key)
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["url"] = driver_url(owner_url)
    command.upgrade(config, revision)


def ensure_roles(owner_url: str, secret_key: str) -> None:
    """Create the runtime login roles, or reset their passwords to what ``secret_key`` gives."""
    with psycopg.connect(owner_url, autocommit=True) as connection:
        known = {row[0] for row in connection.execute("SELECT rolname FROM pg_roles")}
        for role in Role:
            verb = "ALTER" if role in known else "CREATE"
            connection.execute(
                sql.SQL("{verb} ROLE {role} LOGIN NOINHERIT PASSWORD {password}").format(
                    verb=sql.SQL(verb),
                    role=sql.Identifier(role),
                    password=sql.Literal(role_password(role, secret_key)),
                )
            )
