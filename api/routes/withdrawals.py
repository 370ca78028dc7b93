"""Withdrawals: asked for by the player, decided by the operator, paid by the provider."""

from uuid import UUID

from litestar import Response, Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from api.idempotency import IdempotencyKey, fingerprint, required_key
from api.live import Live
from api.pagination import DEFAULT_LIMIT, Cursor, Limit, Page
from api.problems import Problem
from api.routes.wallet import transaction_page
from api.schemas.payments import TransactionView, WithdrawalBody, payment_notice, transaction_view
from api.tenancy import Pools, Principal, player_of, requires_player, tenant_transaction
from ledger.commands import MoneyDesk
from ledger.database import Role
from ledger.transactions import PaymentRequest
from ledger.wallets import read_transactions
from ledger.withdrawals import request_withdrawal


@post("/", status_code=201)
async def open_withdrawal(
    data: JSONBody[WithdrawalBody],
    principal: NamedDependency[Principal],
    desk: NamedDependency[MoneyDesk],
    live: NamedDependency[Live],
    idempotency_key: IdempotencyKey = None,
) -> Response[TransactionView]:
    """Ask for money; it is held at once and PENDING until the operator decides."""
    operator_id, user_id = player_of(principal)
    asked = await request_withdrawal(
        desk,
        PaymentRequest(
            operator_id=operator_id,
            user_id=user_id,
            amount=data.amount,
            method=data.method,
            idempotency_key=required_key(idempotency_key),
            fingerprint=fingerprint(data),
        ),
    )
    if not asked.replayed:
        live.notify_players([payment_notice(asked)])
    # A repeat gets the first answer, whatever has become of the withdrawal since.
    opened = {**asked.row, "status": "PENDING", "updated_at": asked.row["created_at"]}
    return Response(
        transaction_view(opened),
        headers={"Idempotent-Replayed": "true"} if asked.replayed else None,
    )


@get("/")
async def list_withdrawals(
    principal: NamedDependency[Principal],
    pools: Pools,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[TransactionView]:
    """The player's withdrawals, newest first."""
    return await transaction_page(principal, pools, "WITHDRAWAL", limit, cursor)


@get("/{transaction_id:uuid}")
async def get_withdrawal(
    transaction_id: FromPath[UUID], principal: NamedDependency[Principal], pools: Pools
) -> TransactionView:
    """One of the player's withdrawals; ``reason`` if it was rejected or failed."""
    operator_id, user_id = player_of(principal)
    async with tenant_transaction(pools[Role.APP], operator_id) as connection:
        rows = await read_transactions(
            connection,
            operator_id,
            user_id,
            kind="WITHDRAWAL",
            transaction_id=transaction_id,
            limit=1,
        )
    if not rows:
        raise Problem("withdrawal_not_found", "You have no such withdrawal.")
    return transaction_view(rows[0])


router = Router(
    "/withdrawals",
    route_handlers=[open_withdrawal, list_withdrawals, get_withdrawal],
    guards=[requires_player],
    tags=["payments"],
)
