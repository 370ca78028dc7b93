"""The filters of every report, read in one way; a report refuses those it cannot answer."""

from typing import Annotated
from uuid import UUID

from litestar import Request
from litestar.params import FromQuery, QueryParameter

from api.problems import Problem
from warehouse.filters import BetType, Filters
from warehouse.transaction_pages import BET_TYPES, TRANSACTION_TYPES

IncludeBots = Annotated[bool, QueryParameter(description="Whether flagged demo traffic counts")]
GameId = Annotated[int | None, QueryParameter(ge=1, lt=2**31)]
Name = Annotated[str | None, QueryParameter(min_length=1, max_length=100)]

LIMITS = ("game_id", "category", "provider", "player_id", "bet_type")


def provide_filters(
    include_bots: IncludeBots = True,
    game_id: GameId = None,
    category: Name = None,
    provider: Name = None,
    player_id: FromQuery[UUID | None] = None,
    bet_type: FromQuery[BetType | None] = None,
) -> Filters:
    """Dependency ``filters``."""
    return Filters(
        include_bots=include_bots,
        game_id=game_id,
        category=category,
        provider=provider,
        player_id=player_id,
        bet_type=bet_type,
    )


def refuse_filters(request: Request, *but: str, known: tuple[str, ...] = LIMITS) -> None:
    """Refuse every filter of a report except ``but``.

    Raises ``Problem`` ``filter_not_supported``: an answer that ignored one would be another's.
    """
    for name in known:
        if name not in but and name in request.query_params:
            raise Problem("filter_not_supported", f"This report cannot be limited by {name}.")


def check_type(type: str | None, filters: Filters) -> None:
    """Refuse a type of transactions that there is not, or that the filters leave no sense.

    Raises ``Problem`` ``validation_failed`` or ``filter_not_supported``.
    """
    if type is None:
        return
    if type not in TRANSACTION_TYPES:
        raise Problem("validation_failed", f"type must be one of {', '.join(TRANSACTION_TYPES)}.")
    if filters.of_bets and type not in BET_TYPES:
        raise Problem("filter_not_supported", f"A {type} has no game and no bet type.")
