"""Provably fair play: the active seed's hash, and rotation, which reveals the seed."""

from litestar import Router, get, post
from litestar.di import NamedDependency

from api.tenancy import Pools, Principal, player_of, requires_player, tenant_transaction
from ledger.database import Role
from ledger.fairness import SeedVault
from ledger.wallets import FairnessView, Rotation, read_fairness, rotate_seed


@get("/me/fairness", guards=[requires_player])
async def get_fairness(principal: NamedDependency[Principal], pools: Pools) -> FairnessView:
    """The hash of the server seed that the next bets are drawn from, and the next nonce."""
    operator_id, user_id = player_of(principal)
    async with tenant_transaction(pools[Role.APP], operator_id) as connection:
        return await read_fairness(connection, operator_id, user_id)


@post("/me/fairness/rotate", guards=[requires_player], status_code=200)
async def rotate(
    principal: NamedDependency[Principal],
    pools: Pools,
    vault: NamedDependency[SeedVault],
) -> Rotation:
    """Reveal the active server seed and start another, with the nonce at 0."""
    return await rotate_seed(pools[Role.BATCH], vault, *player_of(principal))


router = Router("/", route_handlers=[get_fairness, rotate], tags=["fairness"])
