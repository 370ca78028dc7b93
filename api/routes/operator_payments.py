"""What an operator declares about payments, and where its money stands."""

import msgspec
from litestar import Request, Router, get, put
from litestar.di import NamedDependency
from litestar.params import JSONBody

from api.audit import audit_request
from api.schemas.payment_terms import (
    BalanceView,
    LimitsForm,
    MethodsForm,
    MethodsView,
    OffersForm,
    OffersView,
)
from api.tenancy import Pools, requires_operator, tenant_transaction
from ledger.database import Connection, Role
from ledger.declared_terms import (
    declare_limits,
    declare_methods,
    declare_offers,
    read_balance,
    read_limits,
    read_methods,
    read_offers,
)
from ledger.offers import Offer
from ledger.payment_terms import PaymentMethod, VelocityLimits


@get("/offers")
async def get_offers(operator_id: NamedDependency[int], pools: Pools) -> OffersView:
    """The deposit offers, the withdrawn ones too."""
    async with tenant_transaction(pools[Role.APP], operator_id) as connection:
        return OffersView(await read_offers(connection, operator_id))


@put("/offers")
async def put_offers(
    data: JSONBody[OffersForm], operator_id: NamedDependency[int], request: Request, pools: Pools
) -> OffersView:
    """Declare the deposit offers; one that is not listed is withdrawn."""
    offers = [Offer(offer_id=0, **msgspec.structs.asdict(form)) for form in data.items]
    async with tenant_transaction(pools[Role.APP], operator_id) as connection:
        declared = await declare_offers(connection, operator_id, offers)
        await _declared(connection, request, "offers.declared", operator_id, data)
    return OffersView(declared)


@get("/payment-methods")
async def get_methods(operator_id: NamedDependency[int], pools: Pools) -> MethodsView:
    """The payment methods in force."""
    async with tenant_transaction(pools[Role.APP], operator_id) as connection:
        return MethodsView(list(await read_methods(connection, operator_id)))


@put("/payment-methods")
async def put_methods(
    data: JSONBody[MethodsForm], operator_id: NamedDependency[int], request: Request, pools: Pools
) -> MethodsView:
    """Declare the payment methods; one that is not listed is switched off."""
    methods = [PaymentMethod(**msgspec.structs.asdict(form)) for form in data.items]
    async with tenant_transaction(pools[Role.APP], operator_id) as connection:
        declared = await declare_methods(connection, operator_id, methods)
        await _declared(connection, request, "payment_methods.declared", operator_id, data)
    return MethodsView(list(declared))


@get("/limits")
async def get_limits(operator_id: NamedDependency[int], pools: Pools) -> VelocityLimits:
    """How much a player may pay in and out within any hour and any day."""
    async with tenant_transaction(pools[Role.APP], operator_id) as connection:
        return await read_limits(connection, operator_id)


@put("/limits")
async def put_limits(
    data: JSONBody[LimitsForm], operator_id: NamedDependency[int], request: Request, pools: Pools
) -> VelocityLimits:
    """Declare the velocity limits; payments of the last day count against them at once."""
    limits = VelocityLimits(**msgspec.structs.asdict(data))
    async with tenant_transaction(pools[Role.APP], operator_id) as connection:
        declared = await declare_limits(connection, operator_id, limits)
        await _declared(connection, request, "payment_limits.declared", operator_id, data)
    return declared


@get("/balance")
async def get_balance(operator_id: NamedDependency[int], pools: Pools) -> BalanceView:
    """The settlement balance: cash at the providers, and what of it is owed to players."""
    async with tenant_transaction(pools[Role.APP], operator_id) as connection:
        balance = await read_balance(connection, operator_id)
    owed = balance.real_balance + balance.held_balance
    return BalanceView(
        operator_id=operator_id,
        currency=balance.currency,
        cash_held=balance.cash_held,
        received=balance.received,
        returned=balance.returned,
        owed_to_players=owed,
        held_for_withdrawals=balance.held_balance,
        bonus_balances=balance.bonus_balance,
        players_debt=balance.debt,
        own_funds=balance.cash_held - owed,
        fees=balance.fees,
    )


async def _declared(
    connection: Connection, request: Request, action: str, operator_id: int, form: msgspec.Struct
) -> None:
    await audit_request(
        connection,
        request,
        action,
        operator_id=operator_id,
        target=str(operator_id),
        detail=msgspec.to_builtins(form),
    )


router = Router(
    "/operator",
    route_handlers=[
        get_offers,
        put_offers,
        get_methods,
        put_methods,
        get_limits,
        put_limits,
        get_balance,
    ],
    guards=[requires_operator],
    tags=["operator"],
)
