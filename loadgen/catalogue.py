"""The static seeds as declared data: operators, games with exact paytables, jackpots, offers.

The data stand in ``data/*.toml``. Nothing derived is written there: return, σ and hit frequency are
computed here from the paytable, exactly, so that the tests can hold the data to what they declare.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from fractions import Fraction
from functools import cached_property
from math import sqrt
from pathlib import Path
from typing import Any

_DATA = Path(__file__).parent / "data"

# The classes of RULES §4: below these values of σ per unit staked a game is low, or medium.
LOW_VOLATILITY_BELOW = 2
MEDIUM_VOLATILITY_BELOW = 6


@dataclass(frozen=True, kw_only=True)
class Operator:
    """A brand: what ``POST /admin/operators`` takes."""

    slug: str
    name: str
    currency: str
    time_zone: str
    jurisdiction: str
    bonus_policy: str


@dataclass(frozen=True, kw_only=True)
class Category:
    """A game category: what ``POST /admin/categories`` takes."""

    slug: str
    name: str
    bonus_contribution_bps: int


@dataclass(frozen=True, kw_only=True)
class Jackpot:
    """A pool in every currency: what ``POST /admin/jackpots`` takes besides the currency."""

    name: str
    seed: int
    cap: int
    rate_bps: int


@dataclass(frozen=True, kw_only=True)
class Offer:
    """A deposit offer of every operator; its game by slug."""

    name: str
    min_amount: int
    first_deposit_only: bool = False
    match_bps: int = 0
    max_bonus: int = 0
    free_spins: int = 0
    free_spin_game: str | None = None
    free_spin_stake: int | None = None

    def as_json(self, game_ids: Mapping[str, int]) -> dict[str, Any]:
        """An item of ``PUT /operator/offers``; ``game_ids`` by slug."""
        body = asdict(self)
        slug = body.pop("free_spin_game")
        return body | {"free_spin_game_id": game_ids[slug] if slug else None}


@dataclass(frozen=True, kw_only=True)
class Affiliate:
    """An affiliate of every operator: what ``POST /admin/operators/{id}/affiliates`` takes."""

    code: str
    name: str
    rate_bps: int
    carries_negative: bool


@dataclass(frozen=True, kw_only=True)
class Game:
    """A game of the platform's catalogue; wagers in minor units, multipliers in hundredths."""

    slug: str
    name: str
    provider: str
    category: str
    rtp_bps: int
    wager_step: int
    min_wager: int
    max_wager: int
    paytable: tuple[tuple[int, int], ...]
    active: bool = True
    faulty: bool = False

    @cached_property
    def total_weight(self) -> int:
        """Σ weight."""
        return sum(weight for _, weight in self.paytable)

    @cached_property
    def rtp(self) -> Fraction:
        """Exact return per unit staked: Σ multiplier × weight ÷ (100 × Σ weight)."""
        paid = sum(multiplier * weight for multiplier, weight in self.paytable)
        return Fraction(paid, 100 * self.total_weight)

    @cached_property
    def sigma(self) -> float:
        """Standard deviation of the win per unit staked."""
        squares = sum(multiplier**2 * weight for multiplier, weight in self.paytable)
        return sqrt(Fraction(squares, 10_000 * self.total_weight) - self.rtp**2)

    @property
    def volatility(self) -> str:
        """``low``, ``medium`` or ``high``, by σ."""
        if self.sigma < LOW_VOLATILITY_BELOW:
            return "low"
        return "medium" if self.sigma < MEDIUM_VOLATILITY_BELOW else "high"

    @cached_property
    def hit_frequency(self) -> Fraction:
        """Share of bets that pay anything."""
        hits = sum(weight for multiplier, weight in self.paytable if multiplier > 0)
        return Fraction(hits, self.total_weight)

    def as_json(self, category_id: int) -> dict[str, Any]:
        """The body of ``POST /admin/games``."""
        body = asdict(self) | {"category_id": category_id}
        body["paytable"] = [list(row) for row in self.paytable]
        del body["category"]
        return body


def _rows(file: str, table: str) -> list[dict[str, Any]]:
    with (_DATA / file).open("rb") as source:
        return tomllib.load(source)[table]


def operators() -> list[Operator]:
    """The operators of a fresh installation, in the order in which they are created."""
    return [Operator(**row) for row in _rows("operators.toml", "operator")]


def categories() -> list[Category]:
    """The game categories."""
    return [Category(**row) for row in _rows("operators.toml", "category")]


def jackpots() -> list[Jackpot]:
    """The jackpot pools of each currency, smallest first."""
    return [Jackpot(**row) for row in _rows("rewards.toml", "jackpot")]


def jackpot_games() -> list[Game]:
    """The games that feed the pools: the slots, whose house share leaves enough for it."""
    return [game for game in games() if game.category == "slots" and not game.faulty]


def offers() -> list[Offer]:
    """The deposit offers of each operator."""
    return [Offer(**row) for row in _rows("rewards.toml", "offer")]


def affiliates() -> list[Affiliate]:
    """The affiliates of each operator."""
    return [Affiliate(**row) for row in _rows("rewards.toml", "affiliate")]


def games() -> list[Game]:
    """Every game, the deliberately faulty one included."""
    rows = _rows("games.toml", "game")
    for row in rows:
        row["paytable"] = tuple((multiplier, weight) for multiplier, weight in row["paytable"])
    return [Game(**row) for row in rows]
