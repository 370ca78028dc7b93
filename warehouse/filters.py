"""What a report may be limited to, in one form for every query."""

from typing import Any, Literal
from uuid import UUID

import msgspec

BetType = Literal["REAL", "BONUS", "MIXED", "FREE_SPIN"]


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

    def parameters(self) -> dict[str, Any]:
        """The query parameters, without the player, whose queries are others; '' and 0 are off."""
        return {
            "include_bots": self.include_bots,
            "game_id": self.game_id or 0,
            "category": self.category or "",
            "provider": self.provider or "",
            "bet_type": self.bet_type or "",
        }
