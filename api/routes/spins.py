"""Play: one spin, and the player's own bets with what verifies them."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Request, Response, Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from api.idempotency import IdempotencyKey, fingerprint, required_key
from api.pagination import DEFAULT_LIMIT, Cursor, Limit, Page, decode_cursor, make_page
from api.problems import Problem
from api.tenancy import (
    Pools,
    Principal,
    player_of,
    require_player,
    requires_player,
    tenant_transaction,
)
from ledger.batch import BetBatcher
from ledger.bet_record import SpinRequest, SpinResult
from ledger.database import Role
from ledger.fairness import SeedVault
from ledger.wallets import BetView, read_bets

Wager = Annotated[int, msgspec.Meta(ge=1, le=2**53, description="Minor units")]
ClientSeed = Annotated[
    str, msgspec.Meta(min_length=1, max_length=64, pattern=r"^[\x21-\x39\x3b-\x7e]+\Z")
]


class SpinBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A spin; ``client_seed`` goes into the draw and defaults to the player's id.

    A free spin is played at the stake it was granted for and needs no wager.
    """

    game_id: Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]
    wager: Wager | None = None
    client_seed: ClientSeed | None = None
    free_spin: bool = False


# The one hot path. A guard costs a copy of the handler, and dependencies cost a task each, so it
# takes the player and the batcher from where those would; the bet batch counts its bets (quiet).
@post("/game/spin", status_code=200, opt={"quiet": True, "player": True})
async def spin(
    data: JSONBody[SpinBody], request: Request, idempotency_key: IdempotencyKey = None
) -> Response[SpinResult]:
    """Settle one bet. Answers after its transaction has committed."""
    principal = require_player(request)
    bets: BetBatcher = request.app.state.bets
    if data.wager is None and not data.free_spin:
        raise Problem("validation_failed", "A spin needs a wager.", pointer="/wager")
    operator_id, user_id = player_of(principal)
    settled = await bets.submit(
        SpinRequest(
            operator_id=operator_id,
            user_id=user_id,
            game_id=data.game_id,
            wager=data.wager or 0,
            client_seed=data.client_seed or str(user_id),
            idempotency_key=required_key(idempotency_key),
            fingerprint=fingerprint(data),
            free_spin=data.free_spin,
        )
    )
    headers = {"Idempotent-Replayed": "true"} if settled.replayed else None
    return Response(settled.result, headers=headers)


@get("/game/bets", guards=[requires_player])
async def list_bets(
    principal: NamedDependency[Principal],
    pools: Pools,
    vault: NamedDependency[SeedVault],
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[BetView]:
    """The player's bets, newest first."""
    after: Any = decode_cursor(cursor, datetime, UUID)
    bets = await _read(principal, pools, vault, after=after, limit=limit + 1)
    return make_page(
        bets, limit, key=lambda bet: (bet.created_at, bet.bet_id), item=lambda bet: bet
    )


@get("/game/bets/{bet_id:uuid}", guards=[requires_player])
async def get_bet(
    bet_id: FromPath[UUID],
    principal: NamedDependency[Principal],
    pools: Pools,
    vault: NamedDependency[SeedVault],
) -> BetView:
    """One of the player's bets; its ``server_seed`` appears once the seed is rotated out."""
    bets = await _read(principal, pools, vault, bet_id=bet_id, limit=1)
    if not bets:
        raise Problem("bet_not_found", "You have no such bet.")
    return bets[0]


async def _read(
    principal: Principal, pools: Pools, vault: SeedVault, **query: Any
) -> list[BetView]:
    operator_id, user_id = player_of(principal)
    async with tenant_transaction(pools[Role.APP], operator_id) as connection:
        return await read_bets(connection, vault, operator_id, user_id, **query)


router = Router("/", route_handlers=[spin, list_bets, get_bet], tags=["play"])
