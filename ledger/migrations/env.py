"""Alembic environment of the ledger's Postgres; run through :func:`ledger.migrate.upgrade`."""

from alembic import context
from sqlalchemy import create_engine, text

# Two processes that start at once must not both migrate; the number only has to be our own.
MIGRATION_LOCK = 0x71B055


def run_migrations() -> None:
    engine = create_engine(context.config.attributes["url"])
    with engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK})
        context.configure(connection=connection, target_metadata=None)
        context.run_migrations()
    engine.dispose()


run_migrations()
