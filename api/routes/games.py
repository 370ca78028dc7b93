"""The public catalogue: active games that an operator offers."""

from pathlib import Path
from typing import Annotated

import asyncpg
import msgspec
from litestar import Request, Router, get
from litestar.params import QueryParameter

from api.connection import header
from api.pagination import DEFAULT_LIMIT, Cursor, Limit, Page, decode_cursor, make_page
from api.problems import Problem
from api.schemas.fields import GameNumber
from api.schemas.games import Game
from api.sessions import SQL as SESSION_SQL
from api.tenancy import Pools, tenant_transaction
from ledger.database import Role
from ledger.named_sql import named_queries

SQL = named_queries("games.sql", Path(__file__).parents[1] / "sql")

OperatorSlug = Annotated[
    str | None,
    QueryParameter(
        max_length=32,
        description="Slug of the operator; by default the session's, or the one of the host",
    ),
]
Filter = Annotated[str | None, QueryParameter(max_length=100)]
NumberInKey = Annotated[int, msgspec.Meta(ge=1, lt=2**31)]


@get("/")
async def list_games(
    request: Request,
    pools: Pools,
    operator: OperatorSlug = None,
    category: Filter = None,
    provider: Filter = None,
    q: Filter = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[Game]:
    """Games by name. ``category`` is a slug, ``q`` a part of the name or slug."""
    after = decode_cursor(cursor, str, NumberInKey) or (None, None)
    operator_id = await _operator_shown(request, pools[Role.AUTH], operator)
    async with tenant_transaction(pools[Role.APP], operator_id) as connection:
        rows = await connection.fetch(
            SQL["list_games"], operator_id, None, category, provider, q, *after, limit + 1
        )
    return make_page(rows, limit, key=lambda row: (row["name"], row["game_id"]), item=Game.of)


@get("/{game_id:int}")
async def find_game(
    request: Request,
    pools: Pools,
    game_id: GameNumber,
    operator: OperatorSlug = None,
) -> Game:
    """One game, if this operator offers it."""
    operator_id = await _operator_shown(request, pools[Role.AUTH], operator)
    if game_id < 2**31:
        async with tenant_transaction(pools[Role.APP], operator_id) as connection:
            row = await connection.fetchrow(
                SQL["list_games"], operator_id, game_id, None, None, None, None, None, 1
            )
        if row is not None:
            return Game.of(row)
    raise Problem("game_not_found", "There is no such game here.")


async def _operator_shown(request: Request, pool: asyncpg.Pool, slug: str | None) -> int:
    """Whose games to show: a logged-in person's own operator, else the one named, else the host's.

    Nothing here depends on who asks but the catalogue itself, which is public.
    """
    principal = request.scope.get("user")
    if principal is not None and principal.operator_id is not None:
        return principal.operator_id
    host = (header(request.scope, b"host") or b"").decode("latin-1").partition(":")[0].lower()
    row = await pool.fetchrow(SESSION_SQL["find_operator"], slug, None if slug else host)
    if row is None or not row["active"]:
        if slug:
            raise Problem("operator_not_found", "There is no such operator.")
        raise Problem("operator_required", "Name the operator with ?operator=.")
    return row["operator_id"]


router = Router(path="/games", route_handlers=[list_games, find_game], tags=["games"])
