"""What every response gets on its way out: its request id, security headers, a line in the log."""

from time import perf_counter
from typing import Any

import structlog
from litestar.types import Message, Scope

from api.connection import client_address, request_id_of
from api.settings import Settings

log = structlog.get_logger("api.access")

ALWAYS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
]
# What a response may say itself: pages their policy, files how long they keep.
UNLESS_SET = [
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cache-control", b"no-store"),
]
HTTPS_ONLY = (b"strict-transport-security", b"max-age=31536000; includeSubDomains")


class ResponseFinisher:
    """Litestar's ``before_send`` hook; it also sees the answers to unknown paths.

    Not a middleware: it costs one call a message on the path of every bet.
    """

    def __init__(self, settings: Settings) -> None:
        https = settings.public_url.startswith("https:")
        self._always = [*ALWAYS, HTTPS_ONLY] if https else ALWAYS

    async def __call__(self, message: Message, scope: Scope) -> None:
        """Add the headers and log the request when its response starts."""
        if message["type"] != "http.response.start":
            return
        headers: list[tuple[bytes, bytes]] = message["headers"]  # type: ignore[assignment]
        present = {name for name, _ in headers}
        message["headers"] = [
            *headers,
            *(pair for pair in UNLESS_SET if pair[0] not in present),
            *self._always,
            (b"x-request-id", request_id_of(scope).encode()),
        ]
        status = message["status"]
        if status == 413:  # the rest of the body will not be read: the connection ends here
            message["headers"].append((b"connection", b"close"))
        if status >= 500 or not _is_quiet(scope):
            _log(scope, status)


def _is_quiet(scope: Any) -> bool:
    """Probes, files and spins: as many as all else together, and counted elsewhere."""
    handler = scope.get("route_handler")
    return handler is not None and bool(handler.opt.get("quiet"))


def _log(scope: Any, status: int) -> None:
    started = scope.get("pitboss.started")
    principal = scope.get("user")
    log.info(
        "request",
        request_id=request_id_of(scope),
        method=scope["method"],
        path=scope["path"],
        status=status,
        ms=round((perf_counter() - started) * 1000, 1) if started else None,
        address=client_address(scope),
        subject=str(principal.subject_id) if principal else None,
    )
