"""Withdrawals, as operator staff see and decide them."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from litestar import Request, Response, Router, get, post
from litestar.background_tasks import BackgroundTask
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody

from api.audit import audit_request
from api.live import Live
from api.pagination import DEFAULT_LIMIT, Cursor, Limit, Page, decode_cursor, make_page
from api.payouts import PayoutSender
from api.problems import Problem
from api.schemas.payments import (
    OperatorWithdrawal,
    RejectBody,
    operator_withdrawal,
    payment_notice,
)
from api.tenancy import Pools, Principal, requires_operator, tenant_transaction
from ledger.commands import MoneyDesk
from ledger.database import Connection, Role
from ledger.transactions import Witness
from ledger.withdrawals import approve_withdrawal, read_withdrawals, reject_withdrawal

Status = Literal["PENDING", "APPROVED", "COMPLETED", "FAILED", "REJECTED"]


@get("/")
async def list_withdrawals(
    operator_id: NamedDependency[int],
    pools: Pools,
    status: FromQuery[Status | None] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[OperatorWithdrawal]:
    """Withdrawals of the operator's players, newest first."""
    after: Any = decode_cursor(cursor, datetime, UUID)
    async with tenant_transaction(pools[Role.APP], operator_id) as connection:
        rows = await read_withdrawals(
            connection, operator_id, status=status, after=after, limit=limit + 1
        )
    return make_page(
        rows,
        limit,
        key=lambda row: (row["created_at"], row["transaction_id"]),
        item=operator_withdrawal,
    )


@get("/{transaction_id:uuid}")
async def get_withdrawal(
    transaction_id: FromPath[UUID], operator_id: NamedDependency[int], pools: Pools
) -> OperatorWithdrawal:
    """One withdrawal."""
    return await _withdrawal(pools, operator_id, transaction_id)


@post("/{transaction_id:uuid}/approve", status_code=200)
async def approve(
    transaction_id: FromPath[UUID],
    operator_id: NamedDependency[int],
    request: Request,
    principal: NamedDependency[Principal],
    desk: NamedDependency[MoneyDesk],
    pools: Pools,
    payouts: NamedDependency[PayoutSender],
    live: NamedDependency[Live],
) -> Response[OperatorWithdrawal]:
    """Approve a pending withdrawal; the provider is told to pay once that is committed."""
    step = await approve_withdrawal(
        desk,
        operator_id,
        transaction_id,
        actor=_actor(principal),
        witness=_witness(request, "withdrawal.approved", operator_id, transaction_id),
    )
    live.notify_players([payment_notice(step)])
    return Response(
        await _withdrawal(pools, operator_id, transaction_id),
        background=BackgroundTask(payouts.send, step.row),
    )


@post("/{transaction_id:uuid}/reject", status_code=200)
async def reject(
    transaction_id: FromPath[UUID],
    data: JSONBody[RejectBody],
    operator_id: NamedDependency[int],
    request: Request,
    principal: NamedDependency[Principal],
    desk: NamedDependency[MoneyDesk],
    pools: Pools,
    live: NamedDependency[Live],
) -> OperatorWithdrawal:
    """Reject a pending withdrawal; the money returns to the player."""
    step = await reject_withdrawal(
        desk,
        operator_id,
        transaction_id,
        reason=data.reason,
        actor=_actor(principal),
        witness=_witness(
            request, "withdrawal.rejected", operator_id, transaction_id, reason=data.reason
        ),
    )
    live.notify_players([payment_notice(step)])
    return await _withdrawal(pools, operator_id, transaction_id)


async def _withdrawal(pools: Pools, operator_id: int, transaction_id: UUID) -> OperatorWithdrawal:
    async with tenant_transaction(pools[Role.APP], operator_id) as connection:
        rows = await read_withdrawals(
            connection, operator_id, transaction_id=transaction_id, limit=1
        )
    if not rows:
        raise Problem("withdrawal_not_found", "There is no such withdrawal.")
    return operator_withdrawal(rows[0])


def _actor(principal: Principal) -> str:
    return f"{principal.kind}:{principal.subject_id}"


def _witness(
    request: Request, action: str, operator_id: int, transaction_id: UUID, **detail: Any
) -> Witness:
    """Records the decision in the audit trail, inside the transaction that makes it."""

    async def record(connection: Connection) -> None:
        await audit_request(
            connection,
            request,
            action,
            operator_id=operator_id,
            target=str(transaction_id),
            detail=detail,
        )

    return record


router = Router(
    "/operator/withdrawals",
    route_handlers=[list_withdrawals, get_withdrawal, approve, reject],
    guards=[requires_operator],
    tags=["operator"],
)
