"""What identifies a request in answers, logs and the audit trail: its id and its address."""

import re
from typing import Any

from uuid_utils import uuid7

_SANE_ID = re.compile(rb"[A-Za-z0-9._-]{8,64}")
_ID_KEY = "pitboss.request_id"


def request_id_of(scope: Any) -> str:
    """The request's id: the client's own ``X-Request-ID`` if it is sane, else a new UUIDv7."""
    known = scope.get(_ID_KEY)
    if known is None:
        sent = header(scope, b"x-request-id") or b""
        known = sent.decode() if _SANE_ID.fullmatch(sent) else str(uuid7())
        scope[_ID_KEY] = known
    return known


def client_address(scope: Any) -> str:
    """The client's address; ``X-Forwarded-For`` counts only when a trusted proxy sent it."""
    client = scope.get("client")
    address = client[0] if client else "unknown"
    trusted: frozenset[str] = scope["litestar_app"].state.get("trusted_proxies", frozenset())
    if address in trusted and (forwarded := header(scope, b"x-forwarded-for")):
        for hop in reversed(forwarded.decode("latin-1").split(",")):
            if hop.strip() not in trusted:
                return hop.strip()[:64]
    return address


def header(scope: Any, name: bytes) -> bytes | None:
    """The first value of a header, by its lower-case name; None when it was not sent."""
    return next((value for known, value in scope["headers"] if known == name), None)
