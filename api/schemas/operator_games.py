"""JSON of the games an operator offers; wagers are minor units of its currency."""

from typing import Annotated

import msgspec

from api.schemas.fields import Amount


class OfferForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How to offer one game; a limit of null is the game's own."""

    game_id: Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]
    enabled: bool
    min_wager: Amount | None = None
    max_wager: Amount | None = None


class OfferedGamesForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The games to change."""

    items: Annotated[list[OfferForm], msgspec.Meta(min_length=1, max_length=500)]


class OfferedGame(msgspec.Struct, frozen=True, kw_only=True):
    """A game as this operator offers it.

    ``active`` is the platform's switch, ``enabled`` the operator's; players see the game if both
    are on. ``game_min_wager`` and ``game_max_wager`` are the game's own limits.
    """

    game_id: int
    slug: str
    name: str
    provider: str
    category: str
    active: bool
    enabled: bool
    min_wager: int | None
    max_wager: int | None
    game_min_wager: int
    game_max_wager: int
    wager_step: int


class OfferedGames(msgspec.Struct, frozen=True):
    """The games, by id."""

    items: list[OfferedGame]
