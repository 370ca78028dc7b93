"""Affiliates: declared by the platform, read with their weekly statements by their operator."""

from datetime import date
from typing import Any

import msgspec
from litestar import Request, Router, get, post, put
from litestar.di import NamedDependency
from litestar.params import JSONBody

from api.audit import audit_request
from api.pagination import DEFAULT_LIMIT, Cursor, Limit, Page, decode_cursor, make_page
from api.problems import Problem
from api.routes.operator import SQL
from api.schemas.affiliates import (
    AffiliateForm,
    AffiliateView,
    StatementView,
    affiliate_view,
    statement_view,
)
from api.schemas.fields import AffiliateNumber, OperatorNumber
from api.tenancy import Pools, requires_operator, tenant_transaction
from ledger.affiliates import (
    AffiliateTerms,
    change_affiliate,
    create_affiliate,
    read_affiliates,
    read_statements,
)
from ledger.database import Connection, Role


@get("/operators/{number:int}/affiliates")
async def list_of_operator(number: OperatorNumber, pools: Pools) -> Page[AffiliateView]:
    """An operator's affiliates."""
    _check_number(number)
    async with tenant_transaction(pools[Role.APP], number) as connection:
        return await _affiliates(connection, number)


@post("/operators/{number:int}/affiliates")
async def declare(
    number: OperatorNumber, data: JSONBody[AffiliateForm], request: Request, pools: Pools
) -> AffiliateView:
    """A new affiliate of an operator; its code is unique there."""
    _check_number(number)
    async with tenant_transaction(pools[Role.APP], number) as connection:
        affiliate_id = await create_affiliate(connection, number, _terms(data))
        await _audit(connection, request, "affiliate.created", number, affiliate_id, data)
        (row,) = await read_affiliates(connection, number, affiliate_id)
    return affiliate_view(number, row)


@put("/operators/{number:int}/affiliates/{affiliate_id:int}")
async def redeclare(
    number: OperatorNumber,
    affiliate_id: AffiliateNumber,
    data: JSONBody[AffiliateForm],
    request: Request,
    pools: Pools,
) -> AffiliateView:
    """Replace an affiliate's terms; they hold from its next statement on."""
    _check_number(number)
    _check_id(affiliate_id)
    async with tenant_transaction(pools[Role.APP], number) as connection:
        await change_affiliate(connection, number, affiliate_id, _terms(data))
        await _audit(connection, request, "affiliate.changed", number, affiliate_id, data)
        (row,) = await read_affiliates(connection, number, affiliate_id)
    return affiliate_view(number, row)


@get("/")
async def list_affiliates(operator_id: NamedDependency[int], pools: Pools) -> Page[AffiliateView]:
    """The operator's affiliates with how many players each has brought."""
    async with tenant_transaction(pools[Role.APP], operator_id) as connection:
        return await _affiliates(connection, operator_id)


@get("/{affiliate_id:int}/statements")
async def list_statements(
    affiliate_id: AffiliateNumber,
    operator_id: NamedDependency[int],
    pools: Pools,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[StatementView]:
    """An affiliate's weekly statements, newest first."""
    _check_id(affiliate_id)
    after: Any = decode_cursor(cursor, date)
    async with tenant_transaction(pools[Role.APP], operator_id) as connection:
        await read_affiliates(connection, operator_id, affiliate_id)
        currency: Any = await connection.fetchval(SQL["currency"], operator_id)
        rows = await read_statements(
            connection,
            operator_id,
            affiliate_id,
            before=after[0] if after else None,
            limit=limit + 1,
        )
    return make_page(
        rows,
        limit,
        key=lambda row: (row["week"],),
        item=lambda row: statement_view(row, currency),
    )


async def _affiliates(connection: Connection, operator_id: int) -> Page[AffiliateView]:
    rows = await read_affiliates(connection, operator_id)
    return Page([affiliate_view(operator_id, row) for row in rows])


async def _audit(
    connection: Connection,
    request: Request,
    action: str,
    operator_id: int,
    affiliate_id: int,
    form: AffiliateForm,
) -> None:
    await audit_request(
        connection,
        request,
        action,
        operator_id=operator_id,
        target=str(affiliate_id),
        detail=msgspec.to_builtins(form),
    )


def _terms(form: AffiliateForm) -> AffiliateTerms:
    return AffiliateTerms(**msgspec.structs.asdict(form))


def _check_number(number: int) -> None:
    if number > 32767:
        raise Problem("operator_not_found", "There is no such operator.")


def _check_id(affiliate_id: int) -> None:
    if affiliate_id >= 2**31:
        raise Problem("affiliate_not_found", "There is no such affiliate.")


admin_router = Router("/", route_handlers=[list_of_operator, declare, redeclare])
"""Under ``/admin``: for platform admins."""

router = Router(
    "/operator/affiliates",
    route_handlers=[list_affiliates, list_statements],
    guards=[requires_operator],
    tags=["operator"],
)
