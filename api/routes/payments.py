"""Deposits: opened by the player, paid at the provider, completed by its webhook."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from litestar import Response, Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from api.idempotency import IdempotencyKey, fingerprint, required_key
from api.mock_provider import payment_link
from api.pagination import DEFAULT_LIMIT, Cursor, Limit, Page
from api.problems import Problem
from api.routes.wallet import transaction_page
from api.schemas.payments import (
    DepositBody,
    DepositView,
    MethodView,
    TransactionView,
    deposit_view,
)
from api.settings import Settings
from api.tenancy import Pools, Principal, player_of, requires_player, tenant_transaction
from ledger.commands import MoneyDesk
from ledger.database import Role
from ledger.declared_terms import read_methods
from ledger.deposits import create_deposit
from ledger.transactions import PaymentRequest
from ledger.wallets import read_transactions


@post("/deposits", guards=[requires_player], status_code=201)
async def open_deposit(
    data: JSONBody[DepositBody],
    principal: NamedDependency[Principal],
    desk: NamedDependency[MoneyDesk],
    settings: NamedDependency[Settings],
    idempotency_key: IdempotencyKey = None,
) -> Response[DepositView]:
    """Open a deposit; it is PENDING until the payment provider says what became of it."""
    operator_id, user_id = player_of(principal)
    row, replayed = await create_deposit(
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
    # A repeat gets the first answer, whatever has become of the deposit since.
    opened = {**row, "status": "PENDING", "updated_at": row["created_at"]}
    return Response(
        deposit_view(opened, _pay_url(settings, opened)),
        headers={"Idempotent-Replayed": "true"} if replayed else None,
    )


@get("/deposits", guards=[requires_player])
async def list_deposits(
    principal: NamedDependency[Principal],
    pools: Pools,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[TransactionView]:
    """The player's deposits, newest first."""
    return await transaction_page(principal, pools, "DEPOSIT", limit, cursor)


@get("/deposits/{transaction_id:uuid}", guards=[requires_player])
async def get_deposit(
    transaction_id: FromPath[UUID],
    principal: NamedDependency[Principal],
    pools: Pools,
    settings: NamedDependency[Settings],
) -> DepositView:
    """One of the player's deposits."""
    operator_id, user_id = player_of(principal)
    async with tenant_transaction(pools[Role.APP], operator_id) as connection:
        rows = await read_transactions(
            connection,
            operator_id,
            user_id,
            kind="DEPOSIT",
            transaction_id=transaction_id,
            limit=1,
        )
    if not rows:
        raise Problem("deposit_not_found", "You have no such deposit.")
    pending = rows[0]["status"] == "PENDING"
    return deposit_view(rows[0], _pay_url(settings, rows[0]) if pending else None)


@get("/payment-methods", guards=[requires_player])
async def list_methods(principal: NamedDependency[Principal], pools: Pools) -> list[MethodView]:
    """How the player may pay in and out."""
    operator_id, _ = player_of(principal)
    async with tenant_transaction(pools[Role.APP], operator_id) as connection:
        methods = await read_methods(connection, operator_id)
    return [
        MethodView(method.method, method.min_amount, method.max_amount)
        for method in methods
        if method.enabled
    ]


def _pay_url(settings: Settings, row: Mapping[str, Any]) -> str | None:
    if not settings.mock_provider:
        return None
    return payment_link(
        settings.public_url,
        settings.webhook_secret_mock,
        transaction_id=str(row["transaction_id"]),
        amount=row["amount"],
        currency=row["currency"],
    )


router = Router(
    "/",
    route_handlers=[open_deposit, list_deposits, get_deposit, list_methods],
    tags=["payments"],
)
