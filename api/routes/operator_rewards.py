"""What operator staff may do for or to a player: give bonus and free spins, block, unblock."""

from pathlib import Path
from uuid import UUID

from litestar import Request, Router, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from uuid_utils.compat import uuid7

from api.audit import audit_request
from api.live import Live
from api.problems import Problem
from api.schemas.rewards import (
    BonusGrantForm,
    BonusView,
    FreeSpinView,
    SpinGrantForm,
    StatusForm,
    StatusView,
    bonus_view,
    free_spin_view,
)
from api.sessions import Sessions
from api.tenancy import Pools, requires_operator, tenant_transaction
from ledger.commands import MoneyDesk, player_command
from ledger.database import Role
from ledger.grants import give_bonus, give_free_spins
from ledger.named_sql import named_queries

GRANTS = named_queries("grants.sql")
SQL = named_queries("rewards.sql", Path(__file__).parents[1] / "sql")


@post("/{player_id:uuid}/bonuses")
async def grant_bonus(
    player_id: FromPath[UUID],
    data: JSONBody[BonusGrantForm],
    operator_id: NamedDependency[int],
    request: Request,
    desk: NamedDependency[MoneyDesk],
    pools: Pools,
    live: NamedDependency[Live],
) -> BonusView:
    """Give a player a bonus under the operator's policy."""
    async with player_command(desk, operator_id, player_id) as command:
        if data.game_id is not None and data.game_id not in command.operator.games:
            raise Problem("game_not_found", "This operator offers no such game.")
        task_id = give_bonus(
            command, amount=data.amount, kind="GRANT", source_id=uuid7(), game_id=data.game_id
        )
    async with tenant_transaction(pools[Role.APP], operator_id) as connection:
        rows = await connection.fetch(GRANTS["player_bonuses"], operator_id, player_id, True)
        detail = {"bonus_id": str(task_id), "amount": data.amount, "reason": data.reason}
        await audit_request(
            connection,
            request,
            "bonus.granted",
            operator_id=operator_id,
            target=str(player_id),
            detail=detail,
        )
    live.notify_players([(player_id, {"type": "bonus", "status": "GRANTED", **detail})])
    return next(bonus_view(row) for row in rows if row["task_id"] == task_id)


@post("/{player_id:uuid}/free-spins")
async def grant_free_spins(
    player_id: FromPath[UUID],
    data: JSONBody[SpinGrantForm],
    operator_id: NamedDependency[int],
    request: Request,
    desk: NamedDependency[MoneyDesk],
    pools: Pools,
    live: NamedDependency[Live],
) -> FreeSpinView:
    """Give a player free spins on one game at a fixed stake."""
    async with player_command(desk, operator_id, player_id) as command:
        grant = give_free_spins(
            command,
            game_id=data.game_id,
            stake=data.stake,
            count=data.count,
            source="operator",
            source_key=str(uuid7()),
        )
    async with tenant_transaction(pools[Role.APP], operator_id) as connection:
        rows = await connection.fetch(GRANTS["player_free_spins"], operator_id, player_id, True)
        detail = {"grant_id": str(grant.grant_id), "count": data.count, "reason": data.reason}
        await audit_request(
            connection,
            request,
            "free_spins.granted",
            operator_id=operator_id,
            target=str(player_id),
            detail=detail,
        )
    live.notify_players([(player_id, {"type": "free_spins", "status": "GRANTED", **detail})])
    return next(free_spin_view(row) for row in rows if row["grant_id"] == grant.grant_id)


@post("/{player_id:uuid}/status", status_code=200)
async def set_status(
    player_id: FromPath[UUID],
    data: JSONBody[StatusForm],
    operator_id: NamedDependency[int],
    request: Request,
    pools: Pools,
    sessions: NamedDependency[Sessions],
) -> StatusView:
    """Block or unblock a player; a blocked player's sessions end at once."""
    async with tenant_transaction(pools[Role.APP], operator_id) as connection:
        known = await connection.fetchval(SQL["set_status"], operator_id, player_id, data.status)
        if known is None:
            raise Problem("player_not_found", "There is no such player.")
        await audit_request(
            connection,
            request,
            f"player.{'blocked' if data.status == 'BLOCKED' else 'unblocked'}",
            operator_id=operator_id,
            target=str(player_id),
            detail={"reason": data.reason},
        )
    if data.status == "BLOCKED":
        async with pools[Role.AUTH].acquire() as connection, connection.transaction():
            ended = await sessions.end_all(connection, player_id)
        await sessions.forget(ended)
    return StatusView(player_id, data.status)


router = Router(
    "/operator/player",
    route_handlers=[grant_bonus, grant_free_spins, set_status],
    guards=[requires_operator],
    tags=["operator"],
)
