"""Registration, login, logout, and who is asking."""

from dataclasses import dataclass
from datetime import UTC, datetime
from time import time
from typing import Any

import asyncpg
from litestar import Request, Response, Router, get, post
from litestar.di import NamedDependency, Provide
from litestar.params import JSONBody

from api.audit import audit_request
from api.authentication import (
    csrf_secret,
    csrf_token,
    expired_cookies,
    requires_same_origin,
    session_cookies,
    session_token,
)
from api.connection import client_address, header
from api.passwords import Passwords
from api.problems import Problem
from api.rate_limits import RateLimits
from api.schemas.auth import (
    Account,
    LoggedIn,
    LoginForm,
    Me,
    PlayerFacts,
    Registered,
    Registration,
    SessionFacts,
)
from api.schemas.fields import rfc3339
from api.sessions import SQL, Session, Sessions
from api.settings import Settings
from api.tenancy import Pools, requires_session
from ledger.database import Role
from ledger.fairness import SeedVault
from ledger.players import register_player

PLATFORM_NAMESPACE = 0
SessionRequest = Request[Any, Session, Any]


@dataclass(frozen=True)
class Access:
    """What registration and login work with."""

    pool: asyncpg.Pool
    sessions: Sessions
    passwords: Passwords
    limits: RateLimits
    vault: SeedVault
    settings: Settings


def provide_access(
    pools: Pools,
    sessions: NamedDependency[Sessions],
    passwords: NamedDependency[Passwords],
    limits: NamedDependency[RateLimits],
    vault: NamedDependency[SeedVault],
    settings: NamedDependency[Settings],
) -> Access:
    """Dependency ``access``."""
    return Access(pools[Role.AUTH], sessions, passwords, limits, vault, settings)


@post("/register", guards=[requires_same_origin], opt={"exclude_from_csrf": True})
async def register(
    data: JSONBody[Registration], request: Request, access: NamedDependency[Access]
) -> Response[Registered]:
    """Register a player with an operator: 201 with the user, who can then log in."""
    headers = await access.limits.spend_request(client_address(request.scope))
    operator_id = await _operator_of(access.pool, request, data.operator)
    if operator_id is None:
        raise Problem("operator_required", "Name the operator to register with.")
    password_hash = await access.passwords.hash(data.password)
    async with access.pool.acquire() as connection, connection.transaction():
        player = await register_player(
            connection,
            operator_id=operator_id,
            username=data.username,
            email=data.email,
            password_hash=password_hash,
            is_bot=False,
            affiliate_code=data.affiliate_code,
            vault=access.vault,
        )
        await audit_request(
            connection,
            request,
            "player.registered",
            operator_id=operator_id,
            target=str(player.user_id),
        )
    account = Account(
        user_id=player.user_id,
        role="player",
        operator_id=operator_id,
        username=player.username,
        email=player.email,
    )
    return Response(Registered(account), status_code=201, headers=headers)


@post("/login", status_code=200, guards=[requires_same_origin], opt={"exclude_from_csrf": True})
async def login(
    data: JSONBody[LoginForm], request: Request, access: NamedDependency[Access]
) -> Response[LoggedIn]:
    """Open a session under a new id; one that came along with the request is ended.

    The answer to a wrong password and to an unknown login is the same and takes as long.
    """
    address = client_address(request.scope)
    headers = await access.limits.spend_request(address)
    namespace = await _operator_of(access.pool, request, data.operator) or PLATFORM_NAMESPACE
    name = data.login.lower()
    await access.limits.require_attempt(namespace, name, address)
    row = await access.pool.fetchrow(SQL["find_account"], namespace, name)
    matches = await access.passwords.matches(row and row["password_hash"], data.password)
    if row is None or not matches:
        await access.limits.count_failure(namespace, name, address)
        await _audit_failure(access.pool, request, namespace, name, "wrong_credentials")
        raise Problem("invalid_credentials", "The login or the password is wrong.")
    if refusal := _may_not_enter(row):
        await _audit_failure(access.pool, request, namespace, name, refusal.code)
        raise refusal
    token = await _open_session(data, request, access, namespace or None, row)
    if access.passwords.is_outdated(row["password_hash"]):
        await _rehash(access, namespace or None, row, data.password)
    account = Account(
        user_id=row["subject_id"],
        role=row["kind"],
        operator_id=namespace or None,
        username=row["username"],
        email=row["email"],
    )
    if data.transport == "bearer":
        return Response(LoggedIn(account, token=token), headers=headers)
    proof = csrf_token(csrf_secret(access.settings.secret_key), token)
    cookies = session_cookies(token, proof, access.settings.session_hours * 3600)
    return Response(LoggedIn(account, csrf_token=proof), headers=headers, cookies=cookies)


@post("/logout", status_code=204, guards=[requires_session])
async def logout(request: SessionRequest, access: NamedDependency[Access]) -> Response[None]:
    """End this session, for every process at once; the cookies are taken back."""
    principal = request.user
    async with access.pool.acquire() as connection, connection.transaction():
        ended = await access.sessions.end(connection, session_token(request) or "")
        await audit_request(connection, request, "session.ended", operator_id=principal.operator_id)
    await access.sessions.forget([ended] if ended else [])
    cookies = expired_cookies() if principal.transport == "cookie" else []
    return Response(None, status_code=204, cookies=cookies)


@post("/logout-everywhere", status_code=204, guards=[requires_session])
async def logout_everywhere(
    request: SessionRequest, access: NamedDependency[Access]
) -> Response[None]:
    """End every session of this person, on all devices."""
    principal = request.user
    async with access.pool.acquire() as connection, connection.transaction():
        ended = await access.sessions.end_all(connection, principal.subject_id)
        await audit_request(
            connection,
            request,
            "sessions.ended",
            operator_id=principal.operator_id,
            detail={"sessions": len(ended)},
        )
    await access.sessions.forget(ended)
    cookies = expired_cookies() if principal.transport == "cookie" else []
    return Response(None, status_code=204, cookies=cookies)


@get("/me", guards=[requires_session])
async def me(request: SessionRequest, access: NamedDependency[Access]) -> Me:
    """The person and the session behind this request."""
    principal, session = request.user, request.auth
    profile = await access.pool.fetchrow(
        SQL["find_profile"], principal.subject_id, principal.kind, principal.operator_id
    )
    if profile is None:
        raise Problem("not_authenticated", "Log in first.")
    is_player = principal.kind == "player"
    return Me(
        user=Account(
            user_id=principal.subject_id,
            role=principal.kind,
            operator_id=principal.operator_id,
            username=principal.username,
            email=profile["email"],
        ),
        session=SessionFacts(
            transport=session.transport,
            started_at=_rfc3339(session.created_at),
            expires_at=_rfc3339(session.expires_at),
            elapsed_seconds=max(0, int(time() - session.created_at)),
        ),
        player=PlayerFacts(
            profile["status"], profile["currency"], profile["vip_level"], profile["is_bot"]
        )
        if is_player
        else None,
        csrf_token=_csrf_of(request, access) if principal.transport == "cookie" else None,
    )


async def _operator_of(pool: asyncpg.Pool, request: Request, slug: str | None) -> int | None:
    """The operator named in the body, else the one whose host was asked; None if neither."""
    host = (header(request.scope, b"host") or b"").decode("latin-1").partition(":")[0].lower()
    row = await pool.fetchrow(SQL["find_operator"], slug, None if slug else host)
    if row is None:
        if slug:
            raise Problem("operator_not_found", "There is no such operator.")
        return None
    if not row["active"]:
        raise Problem("operator_inactive", "This operator is closed at the moment.")
    return row["operator_id"]


def _may_not_enter(row: asyncpg.Record) -> Problem | None:
    """Why this person may not log in, told only to someone who knows the password."""
    if row["status"] == "BLOCKED":
        return Problem("account_blocked", "This account is blocked.")
    if row["status"] == "CLOSED":
        return Problem("account_closed", "This account is closed.")
    if row["excluded"]:
        until = row["excluded_until"]
        return Problem(
            "self_excluded",
            "This account is excluded from play by its owner's wish.",
            excluded_until=rfc3339(until) if until.year < 9999 else None,
        )
    return None


async def _open_session(
    data: LoginForm,
    request: Request,
    access: Access,
    operator_id: int | None,
    row: asyncpg.Record,
) -> str:
    """A new session, the one that the request came with being ended in the same transaction."""
    former = session_token(request)
    async with access.pool.acquire() as connection, connection.transaction():
        ended = await access.sessions.end(connection, former) if former else None
        token = await access.sessions.open(
            connection, row["kind"], row["subject_id"], operator_id, data.transport
        )
        await audit_request(
            connection,
            request,
            "session.opened",
            operator_id=operator_id,
            target=str(row["subject_id"]),
            detail={"kind": row["kind"], "transport": data.transport},
        )
    if ended:
        await access.sessions.forget([ended])
    return token


async def _rehash(
    access: Access, operator_id: int | None, row: asyncpg.Record, password: str
) -> None:
    """Replace a hash of older parameters, unless the password was changed meanwhile."""
    query = "set_player_password" if row["kind"] == "player" else "set_staff_password"
    fresh = await access.passwords.hash(password)
    await access.pool.execute(
        SQL[query], operator_id, row["subject_id"], fresh, row["password_hash"]
    )


async def _audit_failure(
    pool: asyncpg.Pool, request: Request, namespace: int, login_name: str, reason: str
) -> None:
    async with pool.acquire() as connection:
        await audit_request(
            connection,
            request,
            "login.refused",
            operator_id=namespace or None,
            target=login_name,
            detail={"reason": reason},
        )


def _csrf_of(request: SessionRequest, access: Access) -> str:
    return csrf_token(csrf_secret(access.settings.secret_key), session_token(request) or "")


def _rfc3339(seconds: float) -> str:
    return rfc3339(datetime.fromtimestamp(seconds, UTC))


router = Router(
    path="/auth",
    route_handlers=[register, login, logout, logout_everywhere, me],
    dependencies={"access": Provide(provide_access, sync_to_thread=False)},
    tags=["auth"],
)
