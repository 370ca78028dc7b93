"""How far a game's return may be from its RTP by chance: z from its paytable. Pure, no IO.

Wins are skewed: a sum that is normal near its middle has a far heavier tail at z = 6, and has it
for millions of bets if one in 333,333 wins 10,000 times its stake. So z is no normal quantile. It
is a bound that holds for any number of bets. Let Y = (m − RTP) ÷ σ be the deviation of a bet's
multiplier m, φ(x) = (eˣ − 1 − x) ÷ x², and c = largest stake ÷ √Σs². For independent draws, and
stakes that do not follow from them, the score Σs·Y ÷ √Σs² has for every u > 0

    P(score ≥ L ÷ u + u·g(u·c)) ≤ e^−L,     g(v) = max(½, E[Y²·φ(v·Y)])

and z is the least of these values. Below the RTP it is the same with −Y for Y.

Proof: P(score ≥ z) ≤ e^(−u·z)·Π E[e^(t·Y)] with t = u·s ÷ √Σs² for a bet of stake s (Chernoff). As
E[Y] = 0, E[e^(t·Y)] = 1 + t²·E[Y²·φ(t·Y)] ≤ exp(t²·E[Y²·φ(t·Y)]) (Bennett 1962, with the paytable
in the place of his worst case; Boucheron, Lugosi, Massart, Concentration Inequalities, 2013, §2.2
and §2.7). φ is convex, so E[Y²·φ(v·Y)] is convex in v and for v from 0 to u·c at most g(u·c), the
greater of its ends, as E[Y²] = 1. Σt² = u², hence P(score ≥ z) ≤ exp(u²·g(u·c) − u·z).

As bets grow in number c goes to 0, and z falls to √(2L). For the share of 32 games, 4·10⁻⁸, that
is 5.96 where the normal quantile is 5.49.
"""

from collections.abc import Callable
from math import exp, expm1, inf, log, sqrt

Outcomes = tuple[tuple[float, float], ...]
"""Deviation Y and probability of each multiplier; mean 0, variance 1. None if wins never vary."""

SEARCHED, SECTIONS = 9.0, 14
"""The least value is sought over this width of ln u, in so many steps: z to 1/10,000 of itself."""
GOLDEN = (3 - sqrt(5)) / 2
SERIES_BELOW, INFINITE_FROM = 1e-3, 700.0
"""Of x: where φ is taken by its series, and where eˣ is about to leave the range of numbers."""


def normal_z(share: float) -> float:
    """√(2L), what both z come to for very many bets; neither is ever less.

    ``share`` is the probability that a score may have to be beyond z on either side.
    """
    return sqrt(2 * log(2 / share))


def z_below_and_above(
    outcomes: Outcomes, concentration: float, share: float
) -> tuple[float, float]:
    """z on either side of the RTP, in standard errors.

    ``concentration`` is c > 0. ``share`` is the probability that an honest game's score may have to
    be beyond either; each side has half of it.

    >>> coin = ((-1.0, 0.5), (1.0, 0.5))
    >>> [round(z, 3) for z in z_below_and_above(coin, 1 / 200**0.5, 0.05)]  # 200 equal bets
    [2.72, 2.72]
    """
    level, highest = log(2 / share), log(normal_z(share))

    def z_at(side: int, log_u: float) -> float:
        u = exp(log_u)
        return level / u + u * _growth(outcomes, side * u * concentration)

    # g ≥ ½ puts the least value at u ≤ √(2L). What is found is a bound, the least or not.
    below, above = (
        _least(lambda log_u, side=side: z_at(side, log_u), highest - SEARCHED, highest)
        for side in (-1, 1)
    )
    return below, above


def _growth(outcomes: Outcomes, v: float) -> float:
    """g(v): how much faster than a normal one a bet's moments grow; ½ for a normal one."""
    return max(0.5, sum(chance * y * y * _phi(v * y) for y, chance in outcomes))


def _phi(x: float) -> float:
    """(eˣ − 1 − x) ÷ x², by its series where the difference would lose digits."""
    if abs(x) < SERIES_BELOW:
        return 0.5 + x / 6 + x * x / 24
    return (expm1(x) - x) / (x * x) if x < INFINITE_FROM else inf


def _least(f: Callable[[float], float], low: float, high: float) -> float:
    """About the least value of a function that falls, then rises: by golden sections."""
    left, right = low + GOLDEN * (high - low), high - GOLDEN * (high - low)
    at_left, at_right, at_end = f(left), f(right), f(high)
    for _ in range(SECTIONS):
        if at_left <= at_right:
            high, right, at_right = right, left, at_left
            left = low + GOLDEN * (high - low)
            at_left = f(left)
        else:
            low, left, at_left = left, right, at_right
            right = high - GOLDEN * (high - low)
            at_right = f(right)
    return min(at_left, at_right, at_end)
