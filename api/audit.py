"""The audit trail: who did what, to what, from where; append-only, one row an event."""

from typing import Any

import msgspec
from litestar.connection import ASGIConnection

from api.connection import client_address, request_id_of
from ledger.database import Connection

INSERT = """
INSERT INTO audit_log
(operator_id, actor_kind, actor_id, action, target, detail, remote_address, request_id)
VALUES ($1, $2, $3, $4, $5, $6::jsonb, $7, $8)
"""


async def audit(
    connection: Connection,
    *,
    action: str,
    operator_id: int | None = None,
    actor_kind: str = "system",
    actor_id: str | None = None,
    target: str | None = None,
    detail: dict[str, Any] | None = None,
    remote_address: str | None = None,
    request_id: str | None = None,
) -> None:
    """Record an event in the caller's transaction, so that it stands exactly if the act does.

    ``action`` is ``<thing>.<past participle>``. ``detail`` must hold no secrets. ``operator_id``
    is the operator that may see the entry; None keeps it to the platform.
    """
    await connection.execute(
        INSERT,
        operator_id,
        actor_kind,
        actor_id,
        action,
        target,
        msgspec.json.encode(detail or {}).decode(),
        remote_address,
        request_id,
    )


async def audit_request(
    connection: Connection,
    request: ASGIConnection[Any, Any, Any, Any],
    action: str,
    *,
    operator_id: int | None = None,
    target: str | None = None,
    detail: dict[str, Any] | None = None,
) -> None:
    """``audit`` with the actor, address and request id of the request that did it."""
    await audit(
        connection,
        action=action,
        operator_id=operator_id,
        target=target,
        detail=detail,
        **actor_of(request),
    )


def actor_of(request: ASGIConnection[Any, Any, Any, Any]) -> dict[str, Any]:
    """The audit fields that say who is asking: actor, address, request id."""
    principal = request.scope.get("user")
    return {
        "actor_kind": principal.kind if principal else "anonymous",
        "actor_id": str(principal.subject_id) if principal else None,
        "remote_address": client_address(request.scope),
        "request_id": request_id_of(request.scope),
    }
