"""Games and their categories, as players and the platform see them."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

import msgspec

from api.schemas.fields import BasisPoints, Name, Slug, rfc3339
from ledger.models import Game as StoredGame
from ledger.outcomes import MAX_WAGER

Multiplier = Annotated[int, msgspec.Meta(ge=0, le=10**9, description="Hundredths of the wager")]
Weight = Annotated[int, msgspec.Meta(ge=1, le=2**40)]
Paytable = Annotated[
    list[tuple[Multiplier, Weight]],
    msgspec.Meta(
        min_length=1,
        max_length=1000,
        description="Pairs of a multiplier in hundredths and its weight",
        examples=[[[0, 358], [100, 500], [200, 120], [1000, 22]]],
    ),
]
Volatility = Literal["low", "medium", "high"]


class GameFields(msgspec.Struct, frozen=True, kw_only=True):
    """What players and the platform see alike.

    ``rtp`` is ``rtp_bps`` as a fraction; σ is per unit staked; limits are minor units.
    """

    game_id: int
    slug: str
    name: str
    provider: str
    category: str
    category_id: int
    rtp_bps: int
    rtp: float
    sigma: float
    volatility: Volatility
    min_wager: int
    max_wager: int
    wager_step: int
    paytable: list[tuple[int, int]]
    bonus_eligible: bool
    jackpot_eligible: bool
    active: bool


class Game(GameFields, frozen=True, kw_only=True):
    """A game; ``min_wager`` and ``max_wager`` are the operator's where it has narrower ones."""

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        """From a row of the catalogue, whose paytable is JSON text."""
        values = {name: row[name] for name in cls.__struct_fields__ if name not in _COMPUTED}
        return cls(
            **values,
            paytable=msgspec.json.decode(row["paytable"]),
            rtp=row["rtp_bps"] / 10_000,
            sigma=row["sigma_e6"] / 1_000_000,
        )


Wager = Annotated[int, msgspec.Meta(ge=1, le=MAX_WAGER, description="Minor units")]
_COMPUTED = frozenset(("rtp", "sigma", "paytable"))


class GameForm(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A game as the platform declares it; volatility is computed, never declared.

    Every wager is a multiple of ``wager_step``, which must make every win whole.
    """

    slug: Slug
    name: Name
    provider: Name
    category_id: Annotated[int, msgspec.Meta(ge=1, le=32767)]
    rtp_bps: Annotated[int, msgspec.Meta(ge=1, le=10_000)]
    paytable: Paytable
    wager_step: Wager
    min_wager: Wager
    max_wager: Wager
    xp_multiplier_tenths: Annotated[int, msgspec.Meta(ge=0, le=1000)] = 10
    bonus_eligible: bool = True
    jackpot_eligible: bool = True
    active: bool = True
    faulty: bool = False


class AdminGame(GameFields, frozen=True, kw_only=True):
    """A game with what only the platform sees; limits are the game's own."""

    xp_multiplier_tenths: int
    faulty: bool
    version: int
    created_at: str

    @classmethod
    def of(cls, row: StoredGame) -> Self:
        """From the stored row with its category."""
        values = {name: getattr(row, name) for name in cls.__struct_fields__ if name in _STORED}
        return cls(
            **values,
            category=row.category.slug,
            rtp=row.rtp_bps / 10_000,
            sigma=row.sigma_e6 / 1_000_000,
            created_at=rfc3339(row.created_at),
        )


_STORED = frozenset(AdminGame.__struct_fields__) - {"category", "rtp", "sigma", "created_at"}


class CategoryForm(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """``bonus_contribution_bps``: how much of a wager counts towards bonus wagering."""

    slug: Slug
    name: Name
    bonus_contribution_bps: BasisPoints = 10_000


class Category(msgspec.Struct, frozen=True):
    """A game category."""

    category_id: int
    slug: str
    name: str
    bonus_contribution_bps: int
