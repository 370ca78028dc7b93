"""Connections to the ledger's Postgres: one login role a duty, one pool a role."""

import hashlib
import hmac
from enum import StrEnum

import asyncpg
from asyncpg.pool import PoolConnectionProxy
from sqlalchemy.engine import make_url

# What a pool lends out, or a connection of one's own: the same methods either way.
Connection = asyncpg.Connection | PoolConnectionProxy


class Role(StrEnum):
    """The runtime login roles; migration 0001 says what each may touch."""

    AUTH = "pitboss_auth"
    APP = "pitboss_app"
    BATCH = "pitboss_batch"
    RELAY = "pitboss_relay"


def role_password(role: str, secret_key: str) -> str:
    """The role's password: 64 hex digits of HMAC-SHA256 under the deployment's secret key."""
    label = f"postgres-role:{role}".encode()
    return hmac.new(secret_key.encode(), label, hashlib.sha256).hexdigest()


def role_dsn(owner_url: str, role: str, secret_key: str) -> str:
    """The owner's URL with ``role`` and its password in place of the owner's own."""
    url = make_url(owner_url).set(username=role, password=role_password(role, secret_key))
    return url.render_as_string(hide_password=False)


def driver_url(owner_url: str) -> str:
    """The same address for SQLAlchemy over psycopg, the synchronous driver of migrations."""
    url = make_url(owner_url).set(drivername="postgresql+psycopg")
    return url.render_as_string(hide_password=False)


# Jit is off everywhere: statements are short and planned once, so compiling them only costs.
SESSION_SETTINGS = {"jit": "off", "timezone": "UTC"}
# The batch looks rows up by key, always. A plan made while a table was still empty would scan it,
# and a prepared statement keeps that plan while the table grows; statistics get no say in it.
BATCH_SETTINGS = {
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "enable_bitmapscan": "off",
    "plan_cache_mode": "force_generic_plan",
}


class Lent(asyncpg.Connection):
    """A pool's connection, on which nothing outlasts a transaction: settings are SET LOCAL, and
    locks and listeners that last have connections of their own. So there is no session to reset
    when it is given back, which the driver would do with a round trip; an open transaction is
    rolled back all the same."""

    def get_reset_query(self) -> str:
        """Nothing to run."""
        return ""


async def create_pool(
    owner_url: str, role: str, secret_key: str, *, min_size: int = 1, max_size: int = 4
) -> asyncpg.Pool:
    """A pool of connections logged in as ``role``."""
    settings = SESSION_SETTINGS | (BATCH_SETTINGS if role == Role.BATCH else {})
    return await asyncpg.create_pool(
        role_dsn(owner_url, role, secret_key),
        min_size=min_size,
        max_size=max_size,
        connection_class=Lent,
        server_settings={"application_name": str(role), **settings},
    )
