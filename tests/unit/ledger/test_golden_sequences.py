"""The worked ledgers are right by independent arithmetic, and their bet sequences add up."""

from fractions import Fraction
from math import floor
from random import Random

import pytest

from tests.support.golden import names, rows, session_bets

N = 30
CENT = Fraction(1, 100)


@pytest.mark.parametrize("name", names())
def test_each_row_follows_from_the_one_before_by_exact_arithmetic(name: str) -> None:
    """In dollars as fractions, from the columns of what happened alone."""
    real = bonus = deposit_left = bonus_left = Fraction(0)
    for row in rows(name):
        dollars = {f: Fraction(getattr(row, f), 100) for f in row.__struct_fields__[2:9]}
        granted = dollars["bonus"] + dollars["free_spin_win"]
        real += dollars["deposit"]
        deposit_left += dollars["deposit"]
        bonus += granted
        bonus_left += N * granted
        if row.action == "session":
            wagered_real, wagered_bonus = dollars["wagered_real"], dollars["wagered_bonus"]
            real += dollars["result_real"]
            bonus += dollars["result_bonus"]
            deposit_left = max(Fraction(0), deposit_left - wagered_real)
            outstanding = bonus_left > 0
            bonus_left = max(Fraction(0), bonus_left - wagered_real - wagered_bonus)
            if outstanding and bonus_left == 0:
                real, bonus = real + bonus, Fraction(0)
            elif bonus < CENT:
                bonus = Fraction(0)
        state = tuple(amount * 100 for amount in (real, bonus, deposit_left, bonus_left))
        assert state == row.state, f"step {row.step}"


def test_the_fractional_split_is_shared_as_the_rules_say() -> None:
    (row,) = (
        row
        for row in rows("wagering_bonus_wins_and_conversion")
        if row.wagered_real and row.wagered_bonus
    )
    wager = row.wagered_real + row.wagered_bonus
    win = wager + row.result_real + row.result_bonus
    assert Fraction(win, wager) == Fraction(3, 2)
    exact_real, exact_bonus = (
        Fraction(win * part, wager) for part in (row.wagered_real, row.wagered_bonus)
    )
    assert (exact_real, exact_bonus) == (Fraction("151.5"), Fraction("298.5"))
    remainder = win - floor(exact_real) - floor(exact_bonus)
    assert row.result_real == floor(exact_real) + remainder - row.wagered_real
    assert row.result_bonus == floor(exact_bonus) - row.wagered_bonus


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("seed", range(20))
def test_a_sequence_has_its_rows_totals_and_never_overdraws(name: str, seed: int) -> None:
    real = bonus = 0
    for row in rows(name):
        if row.action == "session":
            bets = session_bets(row, real, bonus, 500, Random(f"{name}/{row.step}/{seed}"))  # noqa: S311
            wins = [stake * pays // 100 for pays, stake in bets]
            wagered = row.wagered_real + row.wagered_bonus
            assert sum(stake for _, stake in bets) == wagered
            assert sum(wins) - wagered == row.result_real + row.result_bonus
            assert all(1 <= stake <= 500 for _, stake in bets)
            balance = real * bool(row.wagered_real) + bonus * bool(row.wagered_bonus)
            for (_, stake), win in zip(bets, wins, strict=True):
                assert stake <= balance
                balance += win - stake
        real, bonus = row.real_balance, row.bonus_balance
