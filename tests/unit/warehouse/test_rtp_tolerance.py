"""z from a paytable: a bound on what chance alone does, for every honest game and any stakes."""

import doctest
from math import log, sqrt

import pytest

from loadgen.catalogue import Game, games
from tests.support.rtp_runs import exact_tails, scatter_of
from warehouse import rtp_monitor, rtp_tolerance
from warehouse.rtp_monitor import share_of
from warehouse.rtp_tolerance import normal_z, z_below_and_above

ALL = games()
HONEST = [game for game in ALL if not game.faulty]
SHARE = share_of(len(ALL))
COIN = ((-1.0, 0.5), (1.0, 0.5))
EQUAL = {1: 1.0}
UNEQUAL = {1: 0.9, 3: 0.1}
"""Shares of the bets by stake."""


def concentration(stakes: dict[int, int]) -> float:
    """The largest stake over the root of the sum of squares."""
    return max(stakes) / sqrt(sum(n * stake**2 for stake, n in stakes.items()))


def counts(mix: dict[int, float], n_eff: int) -> dict[int, int]:
    """So many bets of each stake that they scatter as much as ``n_eff`` equal ones."""
    mean, square = (sum(part * stake**power for stake, part in mix.items()) for power in (1, 2))
    return {stake: round(n_eff * part * square / mean**2) for stake, part in mix.items()}


@pytest.mark.parametrize("game", HONEST, ids=lambda game: game.slug)
def test_no_honest_game_exceeds_its_share_on_either_side(game: Game) -> None:
    """Exact probabilities, from the first bets that are judged to where z is nearly normal."""
    scatter = scatter_of(game)
    for times, mix in ((1, EQUAL), (10, UNEQUAL), (100, EQUAL)):
        stakes = counts(mix, times * scatter.n_eff_min)
        z = z_below_and_above(scatter.outcomes, concentration(stakes), SHARE)
        below, above = exact_tails(game, stakes, *z)
        assert below <= SHARE / 2
        assert above <= SHARE / 2


@pytest.mark.parametrize("slug", ["thunder-foundry", "jacks-or-better", "orchard-lane"])
def test_the_bound_is_no_wider_than_it_must_be(slug: str) -> None:
    """Of what each side may have, chance uses a thirtieth at least: a normal tail's own loss."""
    game = next(game for game in HONEST if game.slug == slug)
    scatter = scatter_of(game)
    for n in (10 * scatter.n_eff_min, 1_000_000):
        z = z_below_and_above(scatter.outcomes, n**-0.5, SHARE)
        _, above = exact_tails(game, {1: n}, *z)
        assert above > SHARE / 2 / 30


def test_the_exact_tail_is_that_of_counting() -> None:
    """Two bets on a coin: three of the four outcomes are known by hand."""
    coin = next(game for game in HONEST if game.slug == "dice-duel")
    both = (4925 / 10_000) ** 2  # the score of two wins is (4 - 1.97) / (sigma * sqrt 2) = 1.436
    neither = (5075 / 10_000) ** 2  # and of none 1.393
    assert exact_tails(coin, {1: 2}, 1.3, 1.3) == pytest.approx((neither, both))
    assert exact_tails(coin, {1: 2}, 1.41, 1.41) == pytest.approx((0, both))
    assert exact_tails(coin, {3: 1}, 0.9, 0.9) == pytest.approx((0.5075, 0.4925))


def test_many_bets_come_to_the_normal_bound() -> None:
    """sqrt(2 ln(2 / share)); the share of 5 % on both sides: sqrt(2 ln 40) = 2.716."""
    assert normal_z(0.05) == pytest.approx(2.7162, abs=1e-4)
    for outcomes in (COIN, *(scatter_of(game).outcomes for game in HONEST)):
        assert z_below_and_above(outcomes, 1e-6, SHARE) == pytest.approx(
            [normal_z(SHARE)] * 2, rel=1e-3
        )


def test_one_win_alone_is_as_unlikely_as_it_is() -> None:
    """One bet that wins with probability p: Poisson's bound is e^(1 - p) * p, for what p is exact.
    With p = 0.001 it is 0.00272, so a share a little above twice that lets one win alarm."""
    p = 0.001
    sigma = sqrt(p * (1 - p))
    lottery = ((-p / sigma, 1 - p), ((1 - p) / sigma, p))
    won = (1 - p) / sigma
    _, strict = z_below_and_above(lottery, 1.0, 2 * 0.0025)
    _, loose = z_below_and_above(lottery, 1.0, 2 * 0.0030)
    assert loose < won < strict


def test_a_larger_stake_among_small_ones_needs_more_of_a_deviation() -> None:
    outcomes = scatter_of(HONEST[0]).outcomes
    values = [z_below_and_above(outcomes, c, SHARE)[1] for c in (0.001, 0.01, 0.03, 0.1)]
    assert values == sorted(values)
    assert values[0] < 1.05 * normal_z(SHARE) < values[-1]


def test_wins_that_are_mostly_large_are_skewed_downward() -> None:
    """The two sides change places with the sign of the outcomes."""
    outcomes = scatter_of(HONEST[0]).outcomes
    mirrored = tuple((-deviation, chance) for deviation, chance in outcomes)
    below, above = z_below_and_above(outcomes, 0.05, SHARE)
    assert z_below_and_above(mirrored, 0.05, SHARE) == (above, below)
    assert log(above / below) > 0.01


def test_the_examples_of_the_rule_are_right() -> None:
    assert doctest.testmod(rtp_tolerance).failed == 0
    assert doctest.testmod(rtp_monitor).failed == 0
