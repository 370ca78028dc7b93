"""How a bot plays: what it stakes, how long it thinks, when it deposits. Pure decisions, no IO."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Literal

Verdict = Literal["ok", "refused", "retry", "failed"]

# Answers after which a bot changes its behaviour; none of them is a fault of the platform.
REFUSALS = frozenset(
    {
        "insufficient_funds",
        "limit_exceeded",
        "wager_step_mismatch",
        "no_free_spins",
        "withdrawal_not_allowed",
        "withdrawal_not_pending",
        "withdrawal_not_found",
        "bonus_not_found",
        "game_not_found",
        "payment_method_not_found",
        "operator_inactive",
        "account_blocked",
        "account_closed",
        "self_excluded",
        "not_authenticated",
    }
)
RETRY_STATUSES = frozenset({0, 408, 429, 500, 502, 503, 504})


@dataclass(frozen=True)
class Persona:
    """A way of playing. Amounts in minor units, times in seconds."""

    name: str
    think_seconds: tuple[float, float]
    """Between two spins of a run: the shortest, and the mean of what comes on top."""
    usual_wager: int
    wager_spread: float
    """σ of the logarithm of the wager around ``usual_wager``."""
    deposit: tuple[int, ...]
    """What it deposits, one of these."""
    spins_per_game: int
    """Mean number of spins before it moves to another game."""


PERSONAS = {
    persona.name: persona
    for persona in (
        Persona("casual", (1.5, 3.0), 40, 0.5, (1_000, 2_000, 3_000), 25),
        Persona("regular", (1.0, 2.0), 150, 0.7, (5_000, 10_000), 60),
        Persona("high_roller", (0.7, 1.3), 1_500, 0.8, (50_000, 80_000), 90),
    )
}


@dataclass
class Funds:
    """What a player can stake, in minor units; ``max_bet`` is the limit while a bonus is open, once
    the platform has told it."""

    real: int = 0
    bonus: int = 0
    max_bet: int | None = None

    def stakeable(self, lowest: int) -> int:
        """What one wager of at least ``lowest`` can be paid from: real money first, else bonus."""
        return self.real if self.real >= lowest else self.bonus

    @property
    def highest(self) -> int | None:
        """The limit of a wager that an open bonus sets."""
        return self.max_bet if self.bonus else None


def think_seconds(persona: Persona, rng: Random) -> float:
    """How long it looks at the reels before the next spin; the tail is exponential, cut at 30 s."""
    shortest, mean = persona.think_seconds
    return min(shortest + rng.expovariate(1 / mean), 30.0)


def choose_game(games: Sequence[Mapping[str, Any]], rng: Random) -> Mapping[str, Any]:
    """A game to move to; those at the top of the lobby are played more, none is left out."""
    return rng.choices(games, weights=[1 / (rank + 3) for rank in range(len(games))])[0]


def moves_on(persona: Persona, rng: Random) -> bool:
    """Whether it leaves its game after this spin."""
    return rng.random() < 1 / persona.spins_per_game


def choose_wager(
    persona: Persona, game: Mapping[str, Any], funds: Funds, rng: Random
) -> int | None:
    """A wager that the game takes and the funds cover; None when broke.

    A multiple of ``wager_step`` within the game's limits, around the persona's usual stake, and
    never more than a tenth of the funds while that leaves a choice.
    """
    step, low = game["wager_step"], game["min_wager"]
    balance = funds.stakeable(low)
    high = min(game["max_wager"], balance, funds.highest or balance)
    if high < low:
        return None
    wish = persona.usual_wager * rng.lognormvariate(0, persona.wager_spread)
    wish = min(wish, max(balance / 10, low), high)
    return max(low, int(wish) // step * step)


def choose_deposit(persona: Persona, rng: Random) -> int:
    """How much it pays in."""
    return rng.choice(persona.deposit)


def choose_withdrawal(persona: Persona, withdrawable: int, rng: Random) -> int | None:
    """How much it takes out, in whole units; None while it has too little to bother."""
    least = min(persona.deposit) // 2
    if withdrawable < least or rng.random() < 0.3:
        return None
    return max(least, int(withdrawable * rng.uniform(0.3, 1.0)) // 100 * 100)


def waives(persona: Persona, wallet: Mapping[str, Any], rng: Random) -> bool:
    """Whether it gives up a bonus that keeps it from taking its real money out."""
    tempted = wallet["real_balance"] > min(persona.deposit)
    in_the_way = wallet["withdrawable_reason"] == "bonus_wagering_open" and wallet["bonuses"]
    return bool(tempted and in_the_way and rng.random() < 0.2)


def approves(rng: Random) -> bool:
    """Whether an operator's desk approves a withdrawal; one in fifteen it does not."""
    return rng.random() >= 1 / 15


def judge(status: int, code: str | None) -> Verdict:
    """What an answer means: status 0 is no answer at all (timeout, connection lost)."""
    if 200 <= status < 300:
        return "ok"
    if status in RETRY_STATUSES:
        return "retry"
    return "refused" if code in REFUSALS else "failed"


def retry_seconds(attempt: int, retry_after: str, rng: Random) -> float:
    """Pause before attempt number ``attempt`` + 1: what the server asked for, else back-off."""
    if retry_after.isdigit():
        return min(float(retry_after), 60.0) + rng.random()
    return min(0.2 * 2**attempt, 10.0) * (0.5 + rng.random())
