"""Paytables and draws: what a game may pay, and the provably fair number that decides a bet.

Source: RULES §4. The draw is HMAC-SHA256 keyed by the server seed over
``client_seed:nonce:cursor``. Its first 64 bits are taken as a big-endian integer; values past the
largest multiple of the paytable's total weight are rejected and the next cursor tried, so every
weight unit is equally likely.
"""

import hmac
from bisect import bisect_right
from collections.abc import Sequence
from fractions import Fraction
from itertools import accumulate
from math import isqrt, sqrt

import msgspec

from ledger.errors import Refusal

DRAW_SPACE = 1 << 64
LOW_VOLATILITY_BELOW_E6 = 2_000_000
MEDIUM_VOLATILITY_BELOW_E6 = 6_000_000

MAX_MULTIPLIER_HUNDREDTHS = 10_000_000  # 100,000 times the wager
MAX_WAGER = 10**12  # times the highest multiplier and VIP limit, a win still fits in 64 bits

PaytableRows = Sequence[tuple[int, int]]


class Paytable(msgspec.Struct, frozen=True):
    """A paytable prepared for drawing.

    ``multipliers`` are in hundredths of the wager; ``cumulative`` are running sums of the weights;
    ``limit`` is the first 64-bit value that is rejected.
    """

    multipliers: tuple[int, ...]
    cumulative: tuple[int, ...]
    total: int
    limit: int

    @classmethod
    def of(cls, rows: PaytableRows) -> "Paytable":
        """Prepare ``(multiplier in hundredths, weight)`` rows, kept in their order."""
        cumulative = tuple(accumulate(weight for _, weight in rows))
        total = cumulative[-1]
        return cls(
            multipliers=tuple(multiplier for multiplier, _ in rows),
            cumulative=cumulative,
            total=total,
            limit=DRAW_SPACE - DRAW_SPACE % total,
        )

    def multiplier_at(self, drawn: int) -> int:
        """The multiplier, in hundredths, that the number ``0 <= drawn < total`` selects."""
        return self.multipliers[bisect_right(self.cumulative, drawn)]


class GameFacts(msgspec.Struct, frozen=True):
    """What a paytable implies: σ of the win per unit staked in millionths, and its class."""

    sigma_e6: int
    volatility: str


def draw(server_seed: bytes, client_seed: str, nonce: int, paytable: Paytable) -> int:
    """The number in ``[0, paytable.total)`` for this seed pair and nonce; no modulo bias."""
    cursor = 0
    while True:
        message = f"{client_seed}:{nonce}:{cursor}".encode()
        digest = hmac.digest(server_seed, message, "sha256")
        value = int.from_bytes(digest[:8], "big")
        if value < paytable.limit:
            return value % paytable.total
        cursor += 1


def theoretical_rtp(rows: PaytableRows) -> Fraction:
    """Exact return per unit staked: Σ multiplier × weight ÷ (100 × Σ weight)."""
    total = sum(weight for _, weight in rows)
    return Fraction(sum(multiplier * weight for multiplier, weight in rows), 100 * total)


def check_game(
    paytable: PaytableRows, rtp_bps: int, wager_step: int, *, faulty: bool = False
) -> GameFacts:
    """Check a game's paytable and compute its volatility.

    Raises :class:`Refusal` ``paytable_invalid`` for a malformed table, ``paytable_rtp_mismatch``
    unless its return equals ``rtp_bps`` to the basis point (a declared ``faulty`` demonstration
    game is exempt), and ``wager_step_invalid`` if some win would not be a whole minor unit.
    """
    if not paytable or any(multiplier < 0 or weight <= 0 for multiplier, weight in paytable):
        raise Refusal("paytable_invalid", "Multipliers must be >= 0 and weights > 0.")
    if len({multiplier for multiplier, _ in paytable}) != len(paytable):
        raise Refusal("paytable_invalid", "Every multiplier may stand once.")
    if any(multiplier > MAX_MULTIPLIER_HUNDREDTHS for multiplier, _ in paytable):
        raise Refusal("paytable_invalid", "A multiplier is at most 100,000 times the wager.")
    if sum(weight for _, weight in paytable) > 1 << 40:
        raise Refusal("paytable_invalid", "The weights add up to more than 2^40.")
    if wager_step <= 0 or any(wager_step * multiplier % 100 for multiplier, _ in paytable):
        raise Refusal(
            "wager_step_invalid", "wager_step times every multiplier must be whole minor units."
        )
    rtp = theoretical_rtp(paytable)
    actual_bps = int(rtp * 10_000 + Fraction(1, 2))
    if actual_bps != rtp_bps and not faulty:
        raise Refusal(
            "paytable_rtp_mismatch",
            f"The paytable returns {actual_bps} basis points, declared are {rtp_bps}.",
            paytable_rtp_bps=actual_bps,
        )
    return game_facts(paytable)


def game_facts(paytable: PaytableRows) -> GameFacts:
    """σ = √(Σ p·m² − RTP²) per unit staked, floored to millionths, and the volatility class."""
    total = sum(weight for _, weight in paytable)
    second_moment = Fraction(sum(m * m * weight for m, weight in paytable), 10_000 * total)
    variance = second_moment - theoretical_rtp(paytable) ** 2
    sigma_e6 = isqrt(variance.numerator * 10**12 // variance.denominator)
    if sigma_e6 < LOW_VOLATILITY_BELOW_E6:
        return GameFacts(sigma_e6, "low")
    if sigma_e6 < MEDIUM_VOLATILITY_BELOW_E6:
        return GameFacts(sigma_e6, "medium")
    return GameFacts(sigma_e6, "high")


def standard_outcomes(rows: PaytableRows) -> tuple[tuple[float, float], ...]:
    """``((m − RTP) ÷ σ, probability)`` of each multiplier m: the win per unit staked, brought to
    mean 0 and variance 1. Empty if it never varies.

    >>> [(round(y, 4), p) for y, p in standard_outcomes([(0, 3), (400, 1)])]  # σ = √3
    [(-0.5774, 0.75), (1.7321, 0.25)]
    """
    total, mean = sum(weight for _, weight in rows), theoretical_rtp(rows)
    deviations = [(Fraction(multiplier, 100) - mean, weight) for multiplier, weight in rows]
    sigma = sqrt(sum(weight * deviation**2 for deviation, weight in deviations) / total)
    if not sigma:
        return ()
    return tuple((float(deviation) / sigma, weight / total) for deviation, weight in deviations)
