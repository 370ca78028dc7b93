"""Which session a request belongs to, and the proof that it meant to use it.

Two transports. A browser sends the cookie ``__Host-pitboss_session`` by itself, also when another
site makes it, so every unsafe request with that session must prove itself by the header
``X-CSRF-Token``. The token is an HMAC of the session id, handed out at login and by
``GET /auth/me`` and readable by our own scripts from a cookie. (Litestar's CSRF middleware would
not bind it to the session, and sets its cookie on every GET.) A program sends
``Authorization: Bearer``; no browser adds that by itself, so no token is asked for, provided that
no session cookie came along; if one did, the cookie counts and the header does not.

Login and registration have no session yet, so no token: ``requires_same_origin`` and a JSON body,
which no other site can send without a CORS preflight, keep another site from logging a visitor in.
"""

import hmac
from hmac import compare_digest
from time import perf_counter
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import structlog
from litestar.datastructures import Cookie
from litestar.enums import ScopeType
from litestar.handlers import BaseRouteHandler
from litestar.types import ASGIApp, Receive, Scope, Send
from litestar.utils.scope.state import ScopeState

from api.connection import header, request_id_of
from api.problems import Problem
from api.tenancy import AnyConnection

if TYPE_CHECKING:
    from api.sessions import Sessions

SESSION_COOKIE = "__Host-pitboss_session"
CSRF_COOKIE = "__Host-pitboss_csrf"
CSRF_HEADER = "X-CSRF-Token"
SAFE_METHODS = frozenset(("GET", "HEAD", "OPTIONS"))
MAX_TOKEN_LENGTH = 128

_COOKIE_PREFIX = SESSION_COOKIE.encode() + b"="
_CSRF_HEADER_KEY = CSRF_HEADER.lower().encode()


class SessionMiddleware:
    """Sets ``scope["user"]`` to the principal and ``scope["auth"]`` to the session, or None.

    Routes with ``opt={"exclude_from_csrf": True}`` take unsafe requests without a token; those
    with ``opt={"no_session": True}`` never look at the session: webhooks, health, static files.
    """

    def __init__(self, app: ASGIApp, csrf_secret: str) -> None:
        self._app = app
        self._csrf_secret = csrf_secret

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Find the session, check the CSRF token where one is due, go on."""
        request: dict[str, Any] = scope  # type: ignore[assignment]
        request["pitboss.started"] = perf_counter()
        request["user"] = request["auth"] = None
        structlog.contextvars.bind_contextvars(request_id=request_id_of(scope))
        options = scope["route_handler"].opt
        if not options.get("no_session"):
            cookie_token, bearer_token = _credentials(scope)
            if token := cookie_token or bearer_token:
                sessions: Sessions = scope["litestar_app"].state.sessions
                session = await sessions.find(token)
                # An id issued for one transport is not accepted by the other.
                transport = "cookie" if cookie_token else "bearer"
                if session is not None and session.transport == transport:
                    request["user"], request["auth"] = session.principal(), session
                    request["pitboss.session_token"] = token
                    if cookie_token:
                        self._require_intent(scope, token, options)
        await self._app(scope, receive, send)

    def _require_intent(self, scope: Scope, token: str, options: dict[str, Any]) -> None:
        """A browser adds the cookie by itself: make sure that a page of ours sent this."""
        if scope["type"] == ScopeType.WEBSOCKET:
            _require_own_origin(scope)
            return
        expected = csrf_token(self._csrf_secret, token)
        ScopeState.from_scope(scope).csrf_token = expected  # for forms in pages
        if scope["method"] in SAFE_METHODS or options.get("exclude_from_csrf"):
            return
        sent = header(scope, _CSRF_HEADER_KEY) or b""
        if not compare_digest(sent, expected.encode()):
            raise Problem(
                "csrf_failed",
                f"A request with the session cookie needs the header {CSRF_HEADER} with the token "
                "that login or GET /auth/me gave.",
            )


def session_token(connection: AnyConnection) -> str | None:
    """The id of the session this request is authenticated by; None without one."""
    scope: Any = connection.scope
    return scope.get("pitboss.session_token")


def csrf_secret(secret_key: str) -> str:
    """The secret of CSRF tokens, derived from the deployment's."""
    return hmac.new(secret_key.encode(), b"csrf-token", "sha256").hexdigest()


def csrf_token(secret: str, session_token: str) -> str:
    """The CSRF token of one session: HMAC-SHA256 of its id."""
    return hmac.new(secret.encode(), session_token.encode(), "sha256").hexdigest()


def session_cookies(token: str, csrf: str, lifetime_seconds: int) -> list[Cookie]:
    """The cookies of a new session: its id for the browser alone, the token for our scripts.

    Lax and not Strict: following a link to the console should not ask to log in again; what
    changes anything needs the token anyway.
    """
    return [
        Cookie(
            SESSION_COOKIE,
            value=token,
            path="/",
            max_age=lifetime_seconds,
            secure=True,
            httponly=True,
            samesite="lax",
        ),
        Cookie(
            CSRF_COOKIE,
            value=csrf,
            path="/",
            max_age=lifetime_seconds,
            secure=True,
            samesite="strict",
        ),
    ]


def expired_cookies() -> list[Cookie]:
    """What makes a browser forget both cookies."""
    return session_cookies("", "", 0)


async def requires_same_origin(connection: AnyConnection, _: BaseRouteHandler) -> None:
    """Guard for login and registration: JSON, and not on behalf of another site.

    Raises ``Problem`` ``unsupported_media_type`` or ``cross_origin``.
    """
    media_type = (header(connection.scope, b"content-type") or b"").split(b";")[0].strip().lower()
    if media_type != b"application/json":
        raise Problem("unsupported_media_type", "Send the body as application/json.", 415)
    _require_own_origin(connection.scope)


def _require_own_origin(scope: Any) -> None:
    """Browsers name the page's origin; programs send none. Raises ``Problem`` ``cross_origin``."""
    origin = header(scope, b"origin")
    if origin is None:
        return
    settings = scope["litestar_app"].state.settings
    scheme, _, host = origin.decode("latin-1").partition("://")
    own = {urlsplit(settings.public_url).netloc, (header(scope, b"host") or b"").decode("latin-1")}
    if scheme not in ("http", "https") or host not in own:
        raise Problem("cross_origin", "This request came from a page of another site.")


def _credentials(scope: Any) -> tuple[str | None, str | None]:
    """The session id in the cookie and the one in the bearer header; None where there is none."""
    cookie_token = bearer_token = None
    for name, value in scope["headers"]:
        if name == b"authorization":
            if value[:7].lower() == b"bearer ":
                bearer_token = _token(value[7:].strip())
        elif name == b"cookie":
            for part in value.split(b";"):
                if part.strip().startswith(_COOKIE_PREFIX):
                    cookie_token = _token(part.strip()[len(_COOKIE_PREFIX) :])
    return cookie_token, bearer_token


def _token(value: bytes) -> str | None:
    return value.decode("latin-1") if 0 < len(value) <= MAX_TOKEN_LENGTH else None
