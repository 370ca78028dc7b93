"""The platform's rewards: bonus policies, VIP levels, jackpot pools; and rollbacks of bets."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import asyncpg
import msgspec
from litestar import Request, Router, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, PathParameter

from api.audit import audit_request
from api.live import Live
from api.problems import Problem
from api.schemas.fields import OperatorNumber
from api.schemas.rewards import (
    JackpotForm,
    JackpotsView,
    JackpotView,
    KeyRollbackForm,
    PolicyForm,
    RollbackForm,
    VipLevelForm,
    jackpot_view,
)
from api.tenancy import Pools, principal_of, tenant_transaction
from ledger.bonus import BonusPolicy
from ledger.commands import MoneyDesk
from ledger.database import Role
from ledger.jackpots import PoolForm, open_pool, read_pools
from ledger.named_sql import named_queries
from ledger.policies import declare_policy, read_policy
from ledger.rollback import RolledBack, roll_back_bet, roll_back_key
from ledger.vip import VipLevel

LevelNumber = Annotated[int, PathParameter(ge=1, le=100, description="A VIP level")]
SQL = named_queries("rewards.sql", Path(__file__).parents[1] / "sql")


@get("/operators/{number:int}/bonus-policy")
async def get_policy(number: OperatorNumber, pools: Pools) -> BonusPolicy:
    """The operator's current bonus policy."""
    async with tenant_transaction(pools[Role.APP], number) as connection:
        return await read_policy(connection, number)


@put("/operators/{number:int}/bonus-policy")
async def put_policy(
    number: OperatorNumber, data: JSONBody[PolicyForm], request: Request, pools: Pools
) -> BonusPolicy:
    """Declare the operator's bonus policy; open bonuses stay under the version they are under."""
    policy = BonusPolicy(**msgspec.structs.asdict(data))
    async with tenant_transaction(pools[Role.APP], number) as connection:
        declared = await declare_policy(connection, number, policy)
        await audit_request(
            connection,
            request,
            "bonus_policy.declared",
            operator_id=number,
            target=str(number),
            detail=msgspec.to_builtins(declared),
        )
    return declared


@get("/vip-levels")
async def list_levels(pools: Pools) -> list[VipLevel]:
    """The VIP levels, lowest first."""
    async with pools[Role.APP].acquire() as connection:
        return [VipLevel(**row) for row in await connection.fetch(SQL["vip_levels"])]


@put("/vip-levels/{level:int}")
async def put_level(
    level: LevelNumber, data: JSONBody[VipLevelForm], request: Request, pools: Pools
) -> VipLevel:
    """Set a VIP level; thresholds must rise with the level, and level 1 begins at 0."""
    async with pools[Role.APP].acquire() as connection, connection.transaction():
        try:
            await connection.fetchrow(SQL["put_vip_level"], level, *msgspec.structs.astuple(data))
        except (asyncpg.CheckViolationError, asyncpg.UniqueViolationError) as error:
            raise Problem("vip_level_invalid", "Levels rise from 0 points at level 1.") from error
        levels = [VipLevel(**row) for row in await connection.fetch(SQL["vip_levels"])]
        thresholds = [item.xp_from for item in levels]
        if thresholds != sorted(thresholds):
            raise Problem("vip_level_invalid", "A higher level must need more points.")
        await audit_request(
            connection,
            request,
            "vip_level.set",
            target=str(level),
            detail=msgspec.to_builtins(data),
        )
    return next(item for item in levels if item.level == level)


@get("/jackpots")
async def list_pools(pools: Pools) -> JackpotsView:
    """Every jackpot pool."""
    async with pools[Role.APP].acquire() as connection:
        return JackpotsView([jackpot_view(row) for row in await read_pools(connection, None)])


@post("/jackpots")
async def create_pool(
    data: JSONBody[JackpotForm], request: Request, desk: NamedDependency[MoneyDesk], pools: Pools
) -> JackpotView:
    """Open a jackpot pool; the platform funds its seed."""
    pool_id = await open_pool(desk.pool, desk.hits, PoolForm(**msgspec.structs.asdict(data)))
    async with pools[Role.APP].acquire() as connection:
        await audit_request(
            connection,
            request,
            "jackpot.opened",
            target=str(pool_id),
            detail=msgspec.to_builtins(data),
        )
        rows: list[Mapping[str, Any]] = await read_pools(connection, data.currency)
    return next(jackpot_view(row) for row in rows if row["pool_id"] == pool_id)


@post("/bets/{bet_id:uuid}/rollback", status_code=200)
async def roll_back(
    bet_id: FromPath[UUID],
    data: JSONBody[RollbackForm],
    request: Request,
    desk: NamedDependency[MoneyDesk],
    pools: Pools,
    live: NamedDependency[Live],
) -> RolledBack:
    """Reverse everything a bet moved, once."""
    actor = str(principal_of(request).subject_id)
    done = await roll_back_bet(desk, bet_id, data.reason, actor)
    await _tell(done, data.reason, request, pools, live)
    return done


@post("/bets/rollback", status_code=200)
async def roll_back_by_key(
    data: JSONBody[KeyRollbackForm],
    request: Request,
    desk: NamedDependency[MoneyDesk],
    pools: Pools,
    live: NamedDependency[Live],
) -> RolledBack:
    """Reverse the bet under a player's key, or refuse it in advance if it has not arrived."""
    actor = str(principal_of(request).subject_id)
    done = await roll_back_key(desk, data.user_id, data.idempotency_key, data.reason, actor)
    await _tell(done, data.reason, request, pools, live)
    return done


async def _tell(done: RolledBack, reason: str, request: Request, pools: Pools, live: Live) -> None:
    async with pools[Role.APP].acquire() as connection:
        await audit_request(
            connection,
            request,
            f"bet.{done.status}",
            operator_id=done.operator_id,
            target=str(done.bet_id or done.user_id),
            detail={"reason": reason, "debt": done.debt},
        )
    if done.bet_id is not None:
        balances = {"real": done.real_balance, "bonus": done.bonus_balance}
        message = {"type": "rollback", "bet_id": str(done.bet_id), "balances": balances}
        live.notify_players([(done.user_id, message)])


router = Router(
    "/",
    route_handlers=[
        get_policy,
        put_policy,
        list_levels,
        put_level,
        list_pools,
        create_pool,
        roll_back,
        roll_back_by_key,
    ],
)
