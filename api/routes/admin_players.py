"""Players registered by the platform: bots, and players of demonstrations."""

from litestar import Request, Router, post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from api.audit import audit_request
from api.passwords import Passwords
from api.problems import Problem
from api.schemas.admin import BulkPlayersForm, BulkPlayersView, NewPlayer, PlayerForm, PlayerView
from api.schemas.fields import rfc3339
from api.sessions import SQL
from api.tenancy import Pools
from ledger.database import Connection, Role
from ledger.fairness import SeedVault
from ledger.players import RegisteredPlayer, register_player


@post("/")
async def create_player(
    data: JSONBody[PlayerForm],
    request: Request,
    pools: Pools,
    passwords: NamedDependency[Passwords],
    vault: NamedDependency[SeedVault],
) -> PlayerView:
    """A new player of any operator."""
    password_hash = await passwords.hash(data.password)
    async with pools[Role.AUTH].acquire() as connection, connection.transaction():
        await _require_operator(connection, data.operator_id)
        player = await register_player(
            connection,
            operator_id=data.operator_id,
            username=data.username,
            email=data.email,
            password_hash=password_hash,
            is_bot=data.is_bot,
            affiliate_code=data.affiliate_code,
            vault=vault,
        )
        await audit_request(
            connection,
            request,
            "player.registered",
            operator_id=data.operator_id,
            target=str(player.user_id),
        )
    return _view(player)


@post("/bulk")
async def create_players(
    data: JSONBody[BulkPlayersForm],
    request: Request,
    pools: Pools,
    passwords: NamedDependency[Passwords],
    vault: NamedDependency[SeedVault],
) -> BulkPlayersView:
    """All that are not there yet, or, when one is refused, none. Usernames known are skipped."""
    password_hash = await passwords.hash(data.password)
    async with pools[Role.AUTH].acquire() as connection, connection.transaction():
        await _require_operator(connection, data.operator_id)
        existing = await _known(connection, data.operator_id, data.players)
        created = [
            await register_player(
                connection,
                operator_id=data.operator_id,
                username=player.username,
                email=player.email,
                password_hash=password_hash,
                is_bot=data.is_bot,
                affiliate_code=player.affiliate_code,
                vault=vault,
            )
            for player in data.players
            if player.username.lower() not in existing
        ]
        await audit_request(
            connection,
            request,
            "players.registered",
            operator_id=data.operator_id,
            detail={"created": len(created), "existing": len(existing)},
        )
    return BulkPlayersView([_view(player) for player in created], sorted(existing))


async def _require_operator(connection: Connection, operator_id: int) -> None:
    known = await connection.fetchval(
        "SELECT true FROM operator WHERE operator_id = $1", operator_id
    )
    if not known:
        raise Problem("operator_not_found", "There is no such operator.")


async def _known(connection: Connection, operator_id: int, players: list[NewPlayer]) -> set[str]:
    logins = [player.username.lower() for player in players]
    rows = await connection.fetch(SQL["find_known_players"], operator_id, logins)
    return {row["login"] for row in rows}


def _view(player: RegisteredPlayer) -> PlayerView:
    return PlayerView(
        user_id=player.user_id,
        operator_id=player.operator_id,
        username=player.username,
        email=player.email,
        is_bot=player.is_bot,
        affiliate_id=player.affiliate_id,
        created_at=rfc3339(player.created_at),
    )


router = Router("/players", route_handlers=[create_player, create_players])
