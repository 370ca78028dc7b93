"""The platform's catalogue: categories, and games whose paytable yields what they declare."""

from typing import Any

from litestar import Request, Router, get, post, put
from litestar.di import NamedDependency
from litestar.params import JSONBody
from sqlalchemy.ext.asyncio import AsyncSession

from api.back_office import BackOffice, Categories, Games, change, page_by_id, record
from api.pagination import DEFAULT_LIMIT, Cursor, Limit, Page
from api.problems import Problem
from api.schemas.fields import GameNumber
from api.schemas.games import AdminGame, Category, CategoryForm, GameForm
from ledger.models import Game, GameCategory
from ledger.outcomes import check_game


@get("/categories")
async def list_categories(
    back_office: NamedDependency[BackOffice], limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> Page[Category]:
    """Categories by number."""
    async with back_office.begin() as session:
        repository = Categories(session)
        return await page_by_id(repository, GameCategory.category_id, _category, limit, cursor)


@post("/categories")
async def create_category(
    data: JSONBody[CategoryForm], request: Request, back_office: NamedDependency[BackOffice]
) -> Category:
    """A new category."""
    async with back_office.begin() as session:
        row = await Categories(session).add(
            GameCategory(
                slug=data.slug,
                name=data.name,
                bonus_contribution_bps=data.bonus_contribution_bps,
            )
        )
        await record(session, request, "category.created", target=str(row.category_id))
    return _category(row)


@get("/games")
async def list_games(
    back_office: NamedDependency[BackOffice], limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> Page[AdminGame]:
    """Every game by number, the inactive ones too."""
    async with back_office.begin() as session:
        repository = Games(session)
        return await page_by_id(repository, Game.game_id, AdminGame.of, limit, cursor)


@post("/games")
async def create_game(
    data: JSONBody[GameForm], request: Request, back_office: NamedDependency[BackOffice]
) -> AdminGame:
    """A new game. Refused unless the paytable yields exactly the declared RTP."""
    values = _values(data)
    async with back_office.begin() as session:
        await _require_category(session, data.category_id)
        row = await Games(session).add(Game(**values))
        await record(
            session, request, "game.created", target=str(row.game_id), detail={"slug": row.slug}
        )
        await session.flush()
        await session.refresh(row)
    return AdminGame.of(row)


@put("/games/{game_id:int}")
async def change_game(
    game_id: GameNumber,
    data: JSONBody[GameForm],
    request: Request,
    back_office: NamedDependency[BackOffice],
) -> AdminGame:
    """Replace what is declared of a game; it applies from the next bet batch on."""
    values = _values(data)
    async with back_office.begin() as session:
        row = None
        if game_id < 2**31:
            row = await Games(session).get_one_or_none(Game.game_id == game_id)
        if row is None:
            raise Problem("game_not_found", "There is no such game.")
        await _require_category(session, data.category_id)
        await session.refresh(row, with_for_update={"of": Game})
        changed = change(row, values)
        if changed:
            await record(session, request, "game.changed", target=str(game_id), detail=changed)
        await session.flush()
        await session.refresh(row)
    return AdminGame.of(row)


def _values(data: GameForm) -> dict[str, Any]:
    """The columns of a declared game. Raises ``Refusal`` for a paytable that does not fit."""
    facts = check_game(data.paytable, data.rtp_bps, data.wager_step, faulty=data.faulty)
    fits = data.min_wager % data.wager_step == data.max_wager % data.wager_step == 0
    if not fits or data.min_wager > data.max_wager:
        raise Problem(
            "wager_limits_invalid",
            "min_wager and max_wager must be multiples of wager_step, the lower one first.",
        )
    values = {name: getattr(data, name) for name in GameForm.__struct_fields__}
    paytable = [list(pair) for pair in data.paytable]
    return {
        **values,
        "paytable": paytable,
        "sigma_e6": facts.sigma_e6,
        "volatility": facts.volatility,
    }


async def _require_category(session: AsyncSession, category_id: int) -> None:
    if not await Categories(session).exists(GameCategory.category_id == category_id):
        raise Problem("category_not_found", "There is no such category.")


def _category(row: GameCategory) -> Category:
    return Category(row.category_id, row.slug, row.name, row.bonus_contribution_bps)


router = Router(
    "/",
    route_handlers=[list_categories, create_category, list_games, create_game, change_game],
)
