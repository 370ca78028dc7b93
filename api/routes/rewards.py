"""What play earns: bonuses, free spins, VIP standing, jackpots."""

from pathlib import Path
from typing import Annotated
from uuid import UUID

from litestar import Request, Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter

from api.audit import audit_request
from api.live import Live
from api.problems import Problem
from api.schemas.rewards import (
    BonusesView,
    JackpotsView,
    VipStatus,
    WaivedView,
    bonus_view,
    free_spin_view,
    jackpot_view,
    vip_status,
)
from api.tenancy import Pools, Principal, player_of, requires_player, tenant_transaction
from ledger.commands import MoneyDesk
from ledger.database import Role
from ledger.grants import waive_bonuses
from ledger.jackpots import read_pools
from ledger.named_sql import named_queries
from ledger.vip import VipLevel

GRANTS = named_queries("grants.sql")
SQL = named_queries("rewards.sql", Path(__file__).parents[1] / "sql")


@get("/bonuses", guards=[requires_player])
async def list_bonuses(
    principal: NamedDependency[Principal], pools: Pools, include_closed: FromQuery[bool] = True
) -> BonusesView:
    """The player's bonuses and free spins, newest first, at most 200 of each."""
    key = player_of(principal)
    async with tenant_transaction(pools[Role.APP], key[0]) as connection:
        tasks = await connection.fetch(GRANTS["player_bonuses"], *key, include_closed)
        spins = await connection.fetch(GRANTS["player_free_spins"], *key, include_closed)
    return BonusesView([bonus_view(row) for row in tasks], [free_spin_view(row) for row in spins])


@post("/bonuses/{bonus_id:uuid}/waive", guards=[requires_player], status_code=200)
async def waive(
    bonus_id: FromPath[UUID],
    principal: NamedDependency[Principal],
    request: Request,
    desk: NamedDependency[MoneyDesk],
    pools: Pools,
    live: NamedDependency[Live],
) -> WaivedView:
    """Give up all open bonus, so that real money may be withdrawn."""
    operator_id, user_id = player_of(principal)
    waived = await waive_bonuses(desk, operator_id, user_id, bonus_id)
    async with tenant_transaction(pools[Role.APP], operator_id) as connection:
        await audit_request(
            connection, request, "bonus.waived", operator_id=operator_id, target=str(bonus_id)
        )
    live.notify_players([(user_id, {"type": "bonus", "status": "WAIVED", "bonuses": waived})])
    return WaivedView(waived)


@get("/vip/status", guards=[requires_player])
async def get_vip_status(principal: NamedDependency[Principal], pools: Pools) -> VipStatus:
    """The player's VIP level, experience, and what the level gives."""
    operator_id, user_id = player_of(principal)
    async with tenant_transaction(pools[Role.APP], operator_id) as connection:
        player = await connection.fetchrow(SQL["vip_of_player"], operator_id, user_id)
        levels = tuple(VipLevel(**row) for row in await connection.fetch(SQL["vip_levels"]))
    if player is None:
        raise Problem("player_not_found", "There is no such player.")
    return vip_status(levels, player["vip_level"], player["vip_experience"])


@get("/jackpots")
async def list_jackpots(
    pools: Pools,
    currency: Annotated[
        str | None, QueryParameter(pattern=r"^[A-Z]{3}\Z", description="ISO 4217")
    ] = None,
) -> JackpotsView:
    """The jackpot pools, of one currency or of all, with what proves the last win."""
    async with pools[Role.APP].acquire() as connection:
        return JackpotsView([jackpot_view(row) for row in await read_pools(connection, currency)])


router = Router(
    "/", route_handlers=[list_bonuses, waive, get_vip_status, list_jackpots], tags=["rewards"]
)
