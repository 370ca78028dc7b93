"""What a report may be limited to, in one form for every query."""

from typing import Any, Literal, Protocol
from uuid import UUID

import msgspec

BetType = Literal["REAL", "BONUS", "MIXED", "FREE_SPIN"]


class CatalogueGame(Protocol):
    """What of a game limits are about."""

    @property
    def game_id(self) -> int: ...
    @property
    def category(self) -> str: ...
    @property
    def provider(self) -> str: ...


class Filters(msgspec.Struct, frozen=True, kw_only=True):
    """Limits on bets; None is no limit. ``category`` is a slug, as the catalogue has it now."""

    include_bots: bool = True
    game_id: int | None = None
    category: str | None = None
    provider: str | None = None
    player_id: UUID | None = None
    bet_type: BetType | None = None

    @property
    def games(self) -> bool:
        """Whether only some games are asked for."""
        return bool(self.game_id or self.category or self.provider)

    @property
    def of_bets(self) -> bool:
        """Whether the limits make sense of bets alone: a deposit has no game and no bet type."""
        return self.games or self.bet_type is not None

    def of_every_game(self) -> dict[str, Any]:
        """The query parameters without games and the player; '' is off."""
        return {"include_bots": self.include_bots, "bet_type": self.bet_type or ""}

    def shows(self, game: CatalogueGame) -> bool:
        """Whether the limits let a game through."""
        return (
            self.game_id in (None, game.game_id)
            and self.category in (None, game.category)
            and self.provider in (None, game.provider)
        )
