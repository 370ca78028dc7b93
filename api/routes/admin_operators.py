"""The platform's operators and their admins.

In these paths the operator's id is ``number``: the name ``operator_id`` belongs to the dependency
of ``api.tenancy``, and the framework refuses a second source for it.
"""

from zoneinfo import available_timezones

from litestar import Request, Router, get, post, put
from litestar.di import NamedDependency
from litestar.params import JSONBody
from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from api.audit import audit_request
from api.back_office import BackOffice, Operators, change, page_by_id, record
from api.pagination import DEFAULT_LIMIT, Cursor, Limit, Page
from api.passwords import Passwords
from api.problems import Problem
from api.schemas.admin import OperatorForm, OperatorView, StaffForm, StaffView
from api.schemas.fields import OperatorNumber, rfc3339
from api.sessions import SQL
from api.tenancy import Pools
from ledger.database import Role
from ledger.models import Operator
from ledger.players import claim_login_names

FORM_FIELDS = OperatorForm.__struct_fields__


@get("/")
async def list_operators(
    back_office: NamedDependency[BackOffice], limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> Page[OperatorView]:
    """Operators by number."""
    async with back_office.begin() as session:
        return await page_by_id(
            Operators(session), Operator.operator_id, OperatorView.of, limit, cursor
        )


@post("/")
async def create_operator(
    data: JSONBody[OperatorForm], request: Request, back_office: NamedDependency[BackOffice]
) -> OperatorView:
    """A new operator, without players, games' limits or staff."""
    _check(data)
    _check_named(data)
    async with back_office.begin() as session:
        row = await Operators(session).add(
            Operator(**{name: getattr(data, name) for name in FORM_FIELDS})
        )
        await record(
            session,
            request,
            "operator.created",
            operator_id=row.operator_id,
            target=str(row.operator_id),
            detail={"slug": row.slug},
        )
        await session.flush()
        await session.refresh(row)
    return OperatorView.of(row)


@get("/{number:int}")
async def find_operator(
    number: OperatorNumber, back_office: NamedDependency[BackOffice]
) -> OperatorView:
    """One operator."""
    async with back_office.begin() as session:
        return OperatorView.of(await _operator(session, number))


@put("/{number:int}")
async def change_operator(
    number: OperatorNumber,
    data: JSONBody[OperatorForm],
    request: Request,
    back_office: NamedDependency[BackOffice],
) -> OperatorView:
    """Replace what is declared of an operator; bets made from now on carry the new policy."""
    _check(data)
    async with back_office.begin() as session:
        row = await _operator(session, number, for_update=True)
        if data.currency != row.currency:
            raise Problem("currency_fixed", "An operator's currency cannot be changed.")
        policy_changed = data.bonus_policy != row.bonus_policy
        if policy_changed:
            _check_named(data)
        changed = change(row, {name: getattr(data, name) for name in FORM_FIELDS})
        if policy_changed:
            row.bonus_policy_version += 1
        if changed:
            await record(
                session,
                request,
                "operator.changed",
                operator_id=number,
                target=str(number),
                detail=changed,
            )
        await session.flush()
        await session.refresh(row)
    return OperatorView.of(row)


@post("/{number:int}/admins")
async def create_operator_admin(
    number: OperatorNumber,
    data: JSONBody[StaffForm],
    request: Request,
    back_office: NamedDependency[BackOffice],
    pools: Pools,
    passwords: NamedDependency[Passwords],
) -> StaffView:
    """A new admin of an operator, who logs in with the operator's slug."""
    async with back_office.begin() as session:
        await _operator(session, number)
    password_hash = await passwords.hash(data.password)
    staff_id, email = uuid7(), data.email.lower()
    async with pools[Role.AUTH].acquire() as connection, connection.transaction():
        await claim_login_names(
            connection, number, [data.username, email], "operator_admin", staff_id
        )
        created_at = await connection.fetchval(
            SQL["insert_staff"], staff_id, number, data.username, email, password_hash
        )
        await audit_request(
            connection,
            request,
            "operator_admin.created",
            operator_id=number,
            target=str(staff_id),
            detail={"username": data.username},
        )
    return StaffView(
        staff_id=staff_id,
        operator_id=number,
        username=data.username,
        email=email,
        created_at=rfc3339(created_at),
    )


def _check_named(data: OperatorForm) -> None:
    if data.bonus_policy == "custom":
        raise Problem("policy_invalid", "A policy of one's own is declared at …/bonus-policy.")


def _check(data: OperatorForm) -> None:
    if data.time_zone not in available_timezones():
        raise Problem("time_zone_unknown", "There is no time zone of this name.")


async def _operator(
    session: AsyncSession, operator_id: int, *, for_update: bool = False
) -> Operator:
    row = None
    if operator_id <= 32767:
        row = await Operators(session).get_one_or_none(
            Operator.operator_id == operator_id, with_for_update=for_update or None
        )
    if row is None:
        raise Problem("operator_not_found", "There is no such operator.")
    return row


router = Router(
    "/operators",
    route_handlers=[
        list_operators,
        create_operator,
        find_operator,
        change_operator,
        create_operator_admin,
    ],
)
