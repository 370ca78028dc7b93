"""Alembic environment of the warehouse; run through :func:`warehouse.migrate.upgrade`."""

import clickhouse_connect.cc_sqlalchemy.alembic  # noqa: F401  registers the dialect with Alembic
from alembic import context
from sqlalchemy import create_engine


def run_migrations() -> None:
    engine = create_engine(context.config.attributes["url"])
    with engine.connect() as connection:
        context.configure(connection=connection, target_metadata=None)
        context.run_migrations()
    engine.dispose()


run_migrations()
