"""Who is asking, and for which operator: the only source of ``operator_id`` in the API.

A route of an operator takes the ``operator_id`` dependency and reads inside
``tenant_transaction``; row-level security then shows it that operator's rows and no others.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Literal
from uuid import UUID

import asyncpg
import msgspec
from litestar.connection import ASGIConnection
from litestar.di import NamedDependency
from litestar.handlers import BaseRouteHandler

from api.audit import audit_request
from api.problems import Problem
from ledger.database import Connection, Role

PrincipalKind = Literal["player", "operator_admin", "platform_admin"]
Transport = Literal["cookie", "bearer"]
AnyConnection = ASGIConnection[Any, Any, Any, Any]

Pools = NamedDependency[dict[Role, asyncpg.Pool]]
"""Annotation for the ``pools`` dependency: this process's Postgres connections by role."""


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """Who a session speaks for. ``operator_id`` is None for platform admins and only for them."""

    kind: PrincipalKind
    subject_id: UUID
    operator_id: int | None
    username: str
    transport: Transport


def principal_of(connection: AnyConnection) -> Principal:
    """The request's principal; raises ``Problem`` ``not_authenticated`` without a valid session."""
    principal = connection.scope.get("user")
    if principal is None:
        raise Problem("not_authenticated", "Log in first.", headers={"WWW-Authenticate": "Bearer"})
    return principal


def player_of(principal: Principal) -> tuple[int, UUID]:
    """The (operator_id, user_id) of a principal that ``requires_player`` let through."""
    assert principal.operator_id is not None  # noqa: S101 - only platform admins have none
    return principal.operator_id, principal.subject_id


# Guards are coroutines although they await nothing: Litestar would run plain functions in threads.
async def requires_session(connection: AnyConnection, _: BaseRouteHandler) -> None:
    """Guard: anyone who is logged in."""
    principal_of(connection)


async def requires_player(connection: AnyConnection, _: BaseRouteHandler) -> None:
    """Guard: players only; staff have no wallet."""
    require_player(connection)


def require_player(connection: AnyConnection) -> Principal:
    """The player who asks; raises ``Problem`` ``not_authenticated`` or ``forbidden``."""
    principal = principal_of(connection)
    if principal.kind != "player":
        raise Problem("forbidden", "Only players may do this.")
    return principal


async def requires_operator(connection: AnyConnection, _: BaseRouteHandler) -> None:
    """Guard: an operator's admin, or a platform admin who names the operator."""
    if principal_of(connection).kind == "player":
        raise Problem("forbidden", "Only operator staff may do this.")


async def requires_platform(connection: AnyConnection, _: BaseRouteHandler) -> None:
    """Guard: platform admins only."""
    if principal_of(connection).kind != "platform_admin":
        raise Problem("forbidden", "Only platform admins may do this.")


def provide_principal(request: AnyConnection) -> Principal:
    """Dependency ``principal``; raises ``Problem`` ``not_authenticated``."""
    return principal_of(request)


async def provide_operator_id(request: AnyConnection, pools: Pools) -> int:
    """Dependency ``operator_id`` of the operator routes.

    An operator admin's is their own, whatever the query says; naming another is refused. A
    platform admin must name one with ``?operator_id=``, and every such override is audited.
    Raises ``Problem``: ``forbidden``, ``operator_required``, ``operator_not_found``.
    """
    principal = principal_of(request)
    named = request.query_params.get("operator_id")
    if principal.operator_id is not None:
        if named is not None and named != str(principal.operator_id):
            raise Problem("forbidden", "This is not your operator.")
        if principal.kind != "operator_admin":
            raise Problem("forbidden", "Only operator staff may do this.")
        return principal.operator_id
    if named is None:
        raise Problem("operator_required", "Name the operator with ?operator_id=.")
    if not (named.isascii() and named.isdecimal() and len(named) <= 5 and int(named) <= 32767):
        raise Problem("validation_failed", "operator_id must be an operator's number.")
    operator_id = int(named)
    async with tenant_transaction(pools[Role.APP], operator_id) as connection:
        known = await connection.fetchval(
            "SELECT true FROM operator WHERE operator_id = $1", operator_id
        )
        if not known:
            raise Problem("operator_not_found", "There is no such operator.")
        await audit_request(
            connection,
            request,
            "operator.override",
            operator_id=operator_id,
            target=request.scope["path"],
            detail={"method": request.scope.get("method", "WEBSOCKET")},
        )
    return operator_id


@asynccontextmanager
async def tenant_transaction(pool: asyncpg.Pool, operator_id: int) -> AsyncIterator[Connection]:
    """A transaction in which only this operator's rows exist; ``pool`` is the APP role's.

    The setting lasts as long as the transaction, so a pooled connection never carries it over.
    """
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("SELECT set_config('app.operator_id', $1, true)", str(operator_id))
        yield connection
