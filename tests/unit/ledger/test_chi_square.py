"""A million draws for every seeded game, against what its paytable promises.

One stream of 64-bit values is drawn once, as :func:`ledger.outcomes.draw` draws them, and mapped to
each game's numbers by the game's own rejection and remainder; that this is what ``draw`` does is
checked bet by bet on a part of the stream. The stream is fixed, so the test gives the same answer
every time: a p-value below one in a million is a fault in the draw, not bad luck.

The faulty demonstration game is tested against its own paytable too: its fault is what it declares,
not how it draws.
"""

import hmac
from math import exp, lgamma, log

import numpy as np
import pytest

from ledger.outcomes import DRAW_SPACE, Paytable, draw
from loadgen.catalogue import Game, games

DRAWS = 1_000_000
COMPARED = 2_000
SMALLEST_P = 1e-6
SERVER_SEED = bytes(range(32))
CLIENT_SEED = "chi-square"
GAMES = games()


def value_of(nonce: int) -> int:
    """The first 64 bits of a bet's first HMAC."""
    message = f"{CLIENT_SEED}:{nonce}:0".encode()
    return int.from_bytes(hmac.digest(SERVER_SEED, message, "sha256")[:8], "big")


@pytest.fixture(scope="module")
def stream() -> np.ndarray:
    """The values of nonces 0 to a million."""
    return np.fromiter(map(value_of, range(DRAWS)), dtype=np.uint64, count=DRAWS)


def upper_tail(chi_square: float, degrees: int) -> float:
    """P(X ≥ chi_square) for X of that many degrees of freedom: Q(degrees/2, chi_square/2).

    Series below the mean, Lentz's continued fraction above it (Numerical Recipes, 6.2).
    """
    a, x = degrees / 2, chi_square / 2
    if x <= 0:
        return 1.0
    scale = exp(a * log(x) - x - lgamma(a))
    if x < a + 1:
        term = total = 1 / a
        n = a
        while term > total * 1e-15:
            n += 1
            term *= x / n
            total += term
        return 1 - total * scale
    b = x + 1 - a
    c, d = 1e300, 1 / b
    fraction = d
    for i in range(1, 10_000):
        an = -i * (i - a)
        b += 2
        d = 1 / (an * d + b)
        c = b + an / c
        step = c * d
        fraction *= step
        if abs(step - 1) < 1e-15:
            break
    return fraction * scale


@pytest.mark.parametrize(
    ("chi_square", "degrees", "p"),
    # Published critical values of the distribution.
    [
        (3.841, 1, 0.05),
        (18.307, 10, 0.05),
        (23.209, 10, 0.01),
        (29.588, 10, 0.001),
        (4.865, 10, 0.9),
    ],
)
def test_the_tail_agrees_with_published_tables(chi_square, degrees, p) -> None:
    assert upper_tail(chi_square, degrees) == pytest.approx(p, rel=1e-3)


def goodness(observed: np.ndarray, expected: np.ndarray) -> float:
    """The p-value of these counts; the rarest outcomes are put together until they count."""
    order = np.argsort(expected)
    observed, expected = observed[order], expected[order]
    together = int(np.searchsorted(np.cumsum(expected), 10)) + 1
    observed = np.append(observed[:together].sum(), observed[together:])
    expected = np.append(expected[:together].sum(), expected[together:])
    chi_square = float(((observed - expected) ** 2 / expected).sum())
    return upper_tail(chi_square, len(expected) - 1)


def drawn_from(stream: np.ndarray, table: Paytable) -> np.ndarray:
    """The numbers a game takes from the stream: those not rejected, by remainder."""
    accepted = stream if table.limit == DRAW_SPACE else stream[stream < np.uint64(table.limit)]
    return accepted % np.uint64(table.total)


@pytest.mark.parametrize("game", GAMES, ids=lambda game: game.slug)
def test_every_game_pays_as_its_paytable_says(game: Game, stream: np.ndarray) -> None:
    table = Paytable.of(game.paytable)
    drawn = drawn_from(stream, table)
    assert len(drawn) >= DRAWS - 1  # a rejection has odds of 1 in 10^13
    compared = [draw(SERVER_SEED, CLIENT_SEED, nonce, table) for nonce in range(COMPARED)]
    assert compared == [int(number) for number in drawn[:COMPARED]]

    rows = np.searchsorted(np.array(table.cumulative, dtype=np.uint64), drawn, side="right")
    observed = np.bincount(rows, minlength=len(table.multipliers)).astype(float)
    weights = np.array([weight for _, weight in game.paytable], dtype=float)
    p = goodness(observed, weights / table.total * len(drawn))
    assert p >= SMALLEST_P, f"{game.slug}: p = {p}"


@pytest.mark.parametrize("parts", [2, 97, 1_000])
def test_numbers_are_even_over_the_whole_range(stream: np.ndarray, parts: int) -> None:
    """Not only the paytable's rows: any equal parts of the range come up equally often."""
    table = Paytable.of([(0, parts)])
    observed = np.bincount(drawn_from(stream, table).astype(np.int64), minlength=parts)
    assert goodness(observed.astype(float), np.full(parts, DRAWS / parts)) >= SMALLEST_P


def test_the_test_would_notice_a_bias_of_one_percent(stream: np.ndarray) -> None:
    numbers = (stream % np.uint64(1_000)).astype(np.int64)
    numbers[: DRAWS // 100][numbers[: DRAWS // 100] < 500] += 500
    observed = np.bincount(numbers // 500, minlength=2).astype(float)
    assert goodness(observed, np.full(2, DRAWS / 2)) < SMALLEST_P


def test_every_seeded_game_is_here() -> None:
    assert len(GAMES) >= 25
    assert sum(game.faulty for game in GAMES) == 1
