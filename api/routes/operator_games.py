"""Which games an operator offers, and within which wagers."""

from pathlib import Path
from typing import Any

import asyncpg
from litestar import Request, Router, get, put
from litestar.di import NamedDependency
from litestar.params import JSONBody

from api.audit import audit_request
from api.problems import Problem
from api.schemas.operator_games import OfferedGame, OfferedGames, OfferedGamesForm, OfferForm
from api.tenancy import Pools, requires_operator, tenant_transaction
from ledger.database import Connection, Role
from ledger.named_sql import named_queries

SQL = named_queries("operator_games.sql", Path(__file__).parents[1] / "sql")


@get("/")
async def list_offered(operator_id: NamedDependency[int], pools: Pools) -> OfferedGames:
    """Every game of the platform, as this operator offers it."""
    async with tenant_transaction(pools[Role.APP], operator_id) as connection:
        return await _read(connection, operator_id)


@put("/")
async def set_offered(
    data: JSONBody[OfferedGamesForm],
    operator_id: NamedDependency[int],
    request: Request,
    pools: Pools,
) -> OfferedGames:
    """Switch games on or off and set their wagers; games that are not named stay as they are."""
    async with tenant_transaction(pools[Role.APP], operator_id) as connection:
        for form in data.items:
            game = await connection.fetchrow(SQL["find_game"], form.game_id)
            _check(form, game)
            await connection.execute(
                SQL["put_offer"],
                operator_id,
                form.game_id,
                form.enabled,
                form.min_wager,
                form.max_wager,
            )
            await audit_request(
                connection,
                request,
                "operator_game.set",
                operator_id=operator_id,
                target=str(form.game_id),
                detail={
                    "enabled": form.enabled,
                    "min_wager": form.min_wager,
                    "max_wager": form.max_wager,
                },
            )
        return await _read(connection, operator_id)


def _check(form: OfferForm, game: asyncpg.Record | None) -> None:
    """Own limits tighten the game's and never widen them, in whole steps."""
    if game is None:
        raise Problem("game_not_found", "There is no such game.", game_id=form.game_id)
    lowest = game["min_wager"] if form.min_wager is None else form.min_wager
    highest = game["max_wager"] if form.max_wager is None else form.max_wager
    within = game["min_wager"] <= lowest <= highest <= game["max_wager"]
    if not within or lowest % game["wager_step"] or highest % game["wager_step"]:
        raise Problem(
            "wager_limits_invalid",
            "Limits lie within the game's own and are multiples of its wager step.",
            game_id=form.game_id,
            min_wager=game["min_wager"],
            max_wager=game["max_wager"],
            wager_step=game["wager_step"],
        )


async def _read(connection: Connection, operator_id: int) -> OfferedGames:
    rows: list[Any] = await connection.fetch(SQL["list_offers"], operator_id)
    names = OfferedGame.__struct_fields__
    return OfferedGames([OfferedGame(**{name: row[name] for name in names}) for row in rows])


router = Router(
    "/operator/games",
    route_handlers=[list_offered, set_offered],
    guards=[requires_operator],
    tags=["operator"],
)
