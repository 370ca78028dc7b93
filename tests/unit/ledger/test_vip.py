"""Experience, levels, cashback and the sharing of what benefits cost."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from ledger.vip import (
    DEFAULT_LEVELS,
    bet_xp,
    cashback,
    deposit_xp,
    level_at,
    levels_gained,
    share_benefit_cost,
)

POINT = 10_000


def xp(real: int = 0, bonus: int = 0, level: int = 1, game: int = 10, per_point: int = 100) -> int:
    return bet_xp(
        wager_real=real,
        wager_bonus=bonus,
        level=DEFAULT_LEVELS[level - 1],
        game_multiplier_tenths=game,
        bonus_xp_rate_bps=5_000,
        minor_units_per_point=per_point,
    )


def test_a_point_for_each_unit_wagered_times_level_and_game() -> None:
    assert xp(real=100) == POINT
    assert xp(real=1_000, level=2) == 12 * POINT
    assert xp(real=1_000, level=5) == 25 * POINT
    assert xp(real=1_000, level=3, game=20) == 30 * POINT
    assert xp(real=1_000, per_point=1_000) == POINT


def test_bonus_wagers_count_half() -> None:
    assert xp(bonus=1_000) == 5 * POINT
    assert xp(real=101, bonus=199) == 10_100 + 9_950


@given(
    st.integers(0, 10**6), st.integers(0, 10**6), st.integers(1, 5), st.integers(0, 50),
    st.integers(1, 10_000),
)  # fmt: skip
def test_experience_is_the_exact_product_rounded_down_once(real, bonus, level, game, per) -> None:
    held = DEFAULT_LEVELS[level - 1]
    exact = (
        (Fraction(real) + Fraction(bonus, 2))
        / per
        * Fraction(held.xp_multiplier_tenths, 10)
        * Fraction(game, 10)
    )
    assert xp(real, bonus, level, game, per) == int(exact * POINT)


def test_a_deposit_earns_a_point_a_unit_or_the_declared_share() -> None:
    assert deposit_xp(10_000, 100) == 100 * POINT
    assert deposit_xp(10_000, 100, 5_000) == 50 * POINT
    assert deposit_xp(10_000, 100, 0) == 0


def test_levels_begin_at_their_thresholds() -> None:
    thresholds = {1: 0, 2: 1_000, 3: 5_000, 4: 20_000, 5: 100_000}
    for level, points in thresholds.items():
        assert level_at(DEFAULT_LEVELS, points * POINT).level == level
        if points:
            assert level_at(DEFAULT_LEVELS, points * POINT - 1).level == level - 1


def test_a_jump_passes_every_level_between_once() -> None:
    gained = levels_gained(DEFAULT_LEVELS, 1, 20_000 * POINT)
    assert [(level.level, level.free_spins) for level in gained] == [(2, 10), (3, 25), (4, 50)]
    assert levels_gained(DEFAULT_LEVELS, 4, 20_000 * POINT) == ()


def test_cashback_is_a_share_of_a_loss_rounded_down() -> None:
    silver, gold = DEFAULT_LEVELS[1], DEFAULT_LEVELS[2]
    assert cashback(silver, 10_000, 4_000) == 300
    assert cashback(gold, 10_000, 4_321) == 567  # 10 % of 56.79
    assert cashback(gold, 10_000, 10_000) == 0
    assert cashback(gold, 10_000, 30_000) == 0
    assert cashback(DEFAULT_LEVELS[0], 10_000, 0) == 0


def test_one_operator_bears_eighty_percent() -> None:
    assert share_benefit_cost(1_000, {7: 5}) == (200, {7: 800})


def test_several_operators_share_by_their_wagers() -> None:
    assert share_benefit_cost(1_000, {1: 300, 2: 100}) == (200, {1: 600, 2: 200})
    # 81 by thirds is 27 each; 82 leaves one cent, for the lowest id among equal remainders.
    assert share_benefit_cost(101, {1: 1, 2: 1, 3: 1}) == (20, {1: 27, 2: 27, 3: 27})
    assert share_benefit_cost(102, {3: 1, 1: 1, 2: 1}) == (20, {1: 28, 2: 27, 3: 27})


@given(
    st.integers(0, 10**9),
    st.dictionaries(st.integers(1, 500), st.integers(0, 10**12), max_size=40),
)
def test_shares_make_exactly_the_cost_and_each_is_within_a_unit_of_its_part(cost, wagers) -> None:
    platform, shares = share_benefit_cost(cost, wagers)
    assert platform + sum(shares.values()) == cost
    total = sum(wagers.values())
    if not total:
        assert platform == cost
        return
    assert platform == cost * 20 // 100
    for operator, wager in wagers.items():
        exact = Fraction((cost - platform) * wager, total)
        assert exact - 1 < shares[operator] < exact + 1
