"""Paytables are exact and draws are even."""

from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import Refusal
from ledger.outcomes import (
    Paytable,
    check_game,
    draw,
    game_facts,
    standard_outcomes,
    theoretical_rtp,
)

COIN = [(0, 505), (200, 495)]
rows = st.lists(
    st.tuples(st.integers(0, 100_000), st.integers(1, 10_000)),
    min_size=1,
    max_size=12,
    unique_by=lambda row: row[0],
)


@given(rows)
def test_every_number_selects_its_row_as_often_as_its_weight(paytable) -> None:
    prepared = Paytable.of(paytable)
    start = 0
    for multiplier, weight in paytable:
        assert prepared.multiplier_at(start) == multiplier
        assert prepared.multiplier_at(start + weight - 1) == multiplier
        start += weight
    assert start == prepared.total


@given(rows, st.binary(min_size=32, max_size=32), st.integers(0, 10**9))
def test_a_draw_is_repeatable_and_in_range(paytable, seed, nonce) -> None:
    prepared = Paytable.of(paytable)
    drawn = draw(seed, "client", nonce, prepared)
    assert 0 <= drawn < prepared.total
    assert draw(seed, "client", nonce, prepared) == drawn


def test_the_draw_is_the_documented_hmac() -> None:
    import hashlib
    import hmac

    digest = hmac.new(b"s" * 32, b"lucky:7:0", hashlib.sha256).digest()
    expected = int.from_bytes(digest[:8], "big") % 1000
    assert draw(b"s" * 32, "lucky", 7, Paytable.of(COIN)) == expected


def test_a_value_past_the_last_whole_multiple_is_drawn_again() -> None:
    # With this total more than a third of the 64-bit values are rejected.
    total = (1 << 64) * 2 // 3
    prepared = Paytable(multipliers=(0,), cumulative=(total,), total=total, limit=total)
    values = [draw(b"x" * 32, "c", nonce, prepared) for nonce in range(400)]
    halves = Counter(value < total // 2 for value in values)
    assert abs(halves[True] - halves[False]) < 100  # biased by modulo it would be 2 to 1


def test_return_and_volatility_come_from_the_paytable() -> None:
    assert theoretical_rtp(COIN) == Fraction(99, 100)
    facts = game_facts(COIN)
    # σ² = 0.495 × 2² − 0.99² = 0.9999
    assert facts.sigma_e6 == 999_949
    assert facts.volatility == "low"
    assert game_facts([(0, 99), (10_000, 1)]).volatility == "high"


def test_standard_outcomes_have_mean_0_and_variance_1() -> None:
    """Multipliers 0 and 4 at odds of 3 to 1: mean 1, σ √3."""
    outcomes = standard_outcomes([(0, 3), (400, 1)])
    assert outcomes == (pytest.approx((-(3**-0.5), 0.75)), pytest.approx((3**0.5, 0.25)))
    for power, moment in ((1, 0), (2, 1), (3, 2 / 3**0.5)):
        assert sum(p * y**power for y, p in outcomes) == pytest.approx(moment)
    assert standard_outcomes([(100, 7)]) == ()


@pytest.mark.parametrize(
    ("paytable", "rtp_bps", "wager_step", "code"),
    [
        (COIN, 9_899, 1, "paytable_rtp_mismatch"),
        ([], 9_900, 1, "paytable_invalid"),
        ([(0, 0), (200, 495)], 9_900, 1, "paytable_invalid"),
        ([(-100, 1), (200, 495)], 9_900, 1, "paytable_invalid"),
        ([(200, 1), (200, 1)], 20_000, 1, "paytable_invalid"),
        ([(0, 1), (150, 1)], 7_500, 1, "wager_step_invalid"),
        ([(0, 1), (10_000_100, 1)], 9_900, 100, "paytable_invalid"),
        (COIN, 9_900, 0, "wager_step_invalid"),
    ],
)
def test_a_wrong_game_is_refused_with_its_code(paytable, rtp_bps, wager_step, code) -> None:
    with pytest.raises(Refusal) as refused:
        check_game(paytable, rtp_bps, wager_step)
    assert refused.value.code == code


def test_a_faulty_demonstration_game_may_pay_more_than_it_declares() -> None:
    assert check_game([(0, 1), (200, 1)], 9_600, 1, faulty=True).sigma_e6 == 1_000_000
