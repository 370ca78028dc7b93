"""The player's wallet and what has moved in it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from litestar import Router, get
from litestar.di import NamedDependency

from api.pagination import DEFAULT_LIMIT, Cursor, Limit, Page, decode_cursor, make_page
from api.schemas.payments import TransactionView, transaction_view
from api.tenancy import Pools, Principal, player_of, requires_player, tenant_transaction
from ledger.database import Role
from ledger.wallets import WalletView, read_transactions, read_wallet


@get("/wallet", guards=[requires_player])
async def get_wallet(principal: NamedDependency[Principal], pools: Pools) -> WalletView:
    """Balances, what may be withdrawn and, if nothing, why."""
    operator_id, user_id = player_of(principal)
    async with tenant_transaction(pools[Role.APP], operator_id) as connection:
        return await read_wallet(connection, operator_id, user_id)


@get("/wallet/transactions", guards=[requires_player])
async def list_transactions(
    principal: NamedDependency[Principal],
    pools: Pools,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[TransactionView]:
    """The player's deposits, withdrawals and bonuses, newest first."""
    return await transaction_page(principal, pools, None, limit, cursor)


async def transaction_page(
    principal: Principal,
    pools: Pools,
    kind: str | None,
    limit: int,
    cursor: str | None,
) -> Page[TransactionView]:
    """A page of the player's transactions of one kind, or of all."""
    operator_id, user_id = player_of(principal)
    after: Any = decode_cursor(cursor, datetime, UUID)
    async with tenant_transaction(pools[Role.APP], operator_id) as connection:
        rows = await read_transactions(
            connection, operator_id, user_id, kind=kind, after=after, limit=limit + 1
        )
    return make_page(
        rows,
        limit,
        key=lambda row: (row["created_at"], row["transaction_id"]),
        item=transaction_view,
    )


router = Router("/", route_handlers=[get_wallet, list_transactions], tags=["wallet"])
