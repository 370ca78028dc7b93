"""Bonus rules with the worked examples of their text: funding, shares, progress, endings."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from ledger.bonus import (
    MIXED,
    STRICT,
    BonusPolicy,
    Requirements,
    Share,
    add_bonus,
    apply_bet,
    check_policy,
    convert_and_bust,
    end_tasks,
    fund,
    share_win,
)
from ledger.errors import Refusal
from tests.support.rules import NO_BONUS, A, B, C, task

FULL, TENTH = 10_000, 1_000


def funded(policy: BonusPolicy, real: int, tasks, wager: int, **game) -> list[tuple]:
    terms = {"game_id": 1, "game_takes_bonus": True} | game
    return [(share.task_id, share.wager) for share in fund(policy, real, tasks, wager, **terms)]


# --- funding -----------------------------------------------------------------------------------


def test_strict_takes_real_money_whenever_it_covers_the_wager() -> None:
    assert funded(STRICT, 100, [task(A, 500)], 100) == [(None, 100)]


def test_strict_takes_the_oldest_single_bonus_that_covers_the_wager() -> None:
    bonuses = [task(A, 50), task(B, 100), task(C, 500)]
    assert funded(STRICT, 99, bonuses, 100) == [(B, 100)]
    assert funded(STRICT, 0, bonuses, 50) == [(A, 50)]


def test_strict_takes_bonuses_together_oldest_first_if_no_single_one_covers_the_wager() -> None:
    assert funded(STRICT, 99, [task(A, 60), task(B, 70), task(C, 10)], 100) == [(A, 60), (B, 40)]


def test_strict_never_adds_real_money_to_a_bonus_bet() -> None:
    with pytest.raises(Refusal) as refused:
        funded(STRICT, 99, [task(A, 50), task(B, 49)], 100)
    assert refused.value.code == "insufficient_funds"


def test_mixed_takes_what_real_money_there_is_and_the_rest_from_bonuses_oldest_first() -> None:
    bonuses = [task(A, 50), task(B, 100)]
    assert funded(MIXED, 30, bonuses, 100) == [(None, 30), (A, 50), (B, 20)]
    assert funded(MIXED, 0, bonuses, 60) == [(A, 50), (B, 10)]
    assert funded(MIXED, 100, bonuses, 100) == [(None, 100)]
    with pytest.raises(Refusal):
        funded(MIXED, 30, bonuses, 181)


@pytest.mark.parametrize("policy", [STRICT, MIXED])
def test_a_bonus_pays_only_on_games_that_take_bonus_and_on_its_own_game(policy) -> None:
    with pytest.raises(Refusal):
        funded(policy, 0, [task(A, 500)], 100, game_takes_bonus=False)
    restricted = [task(A, 500, game_id=2), task(B, 500)]
    assert funded(policy, 0, restricted, 100) == [(B, 100)]
    assert funded(policy, 0, restricted, 100, game_id=2) == [(A, 100)]


wallets = st.tuples(st.integers(0, 300), st.lists(st.integers(0, 200), max_size=4))


@given(st.sampled_from([STRICT, MIXED]), wallets, st.integers(1, 1_000))
def test_shares_make_up_the_wager_and_overdraw_nobody(policy, wallet, wager) -> None:
    real, balances = wallet
    tasks = [task(UUID(int=n), balance) for n, balance in enumerate(balances)]
    try:
        shares = fund(policy, real, tasks, wager, game_id=1, game_takes_bonus=True)
    except Refusal:
        bonus = sum(balances)
        assert wager > (max(real, bonus) if policy is STRICT else real + bonus)
        return
    has = {None: real} | {bonus.task_id: bonus.balance for bonus in tasks}
    assert sum(share.wager for share in shares) == wager
    assert all(0 < share.wager <= has[share.task_id] for share in shares)
    assert len({share.task_id for share in shares}) == len(shares)
    if policy is STRICT:
        assert len({share.task_id is None for share in shares}) == 1


# --- wins --------------------------------------------------------------------------------------


def test_each_share_of_a_win_is_rounded_down_and_the_remainder_goes_to_real() -> None:
    shares = [Share(None, 101), Share(A, 199)]
    # 450 x 101 / 300 = 151.5 and 450 x 199 / 300 = 298.5
    assert [share.win for share in share_win(shares, 450)] == [152, 298]


def test_without_real_money_the_remainder_goes_to_the_oldest_bonus() -> None:
    shares = [Share(A, 1), Share(B, 1), Share(C, 1)]
    assert [share.win for share in share_win(shares, 200)] == [68, 66, 66]


@given(st.lists(st.integers(1, 500), min_size=1, max_size=5), st.integers(0, 10**6))
def test_shares_of_a_win_add_up_and_stay_within_a_remainder_of_their_part(wagers, win) -> None:
    shares = share_win([Share(UUID(int=n), wager) for n, wager in enumerate(wagers)], win)
    total = sum(wagers)
    assert sum(share.win for share in shares) == win
    assert all(share.win == win * share.wager // total for share in shares[1:])
    assert 0 <= shares[0].win - win * shares[0].wager // total < len(shares)


# --- progress ----------------------------------------------------------------------------------


def test_strict_real_bets_advance_no_bonus() -> None:
    before = Requirements((task(A, 500),), 0, 0)
    assert apply_bet(STRICT, before, [Share(None, 100, 0)], FULL) == before


def test_strict_bonus_bets_advance_each_bonus_by_what_it_paid() -> None:
    before = Requirements((task(A, 60), task(B, 70)), 0, 0)
    after = apply_bet(STRICT, before, [Share(A, 60, 12), Share(B, 40, 8)], FULL)
    assert [(t.balance, t.progress_e4) for t in after.tasks] == [(12, 600_000), (38, 400_000)]


@pytest.mark.parametrize("policy", [STRICT, MIXED])
def test_a_wager_counts_by_the_contribution_of_its_category(policy) -> None:
    required = 0 if policy is MIXED else 1_000
    before = Requirements((task(A, 500, required),), 1_000 - required, 0)
    after = apply_bet(policy, before, [Share(A, 33, 0)], TENTH)
    assert after.tasks[0].progress_e4 + after.pooled_progress_e4 == 33_000  # 3.3 minor units


def test_mixed_every_bet_advances_the_one_pool_by_the_whole_wager() -> None:
    before = Requirements((task(A, 500, 0),), 15_000, 0)
    after = apply_bet(MIXED, before, [Share(None, 101, 152), Share(A, 199, 298)], FULL)
    assert after.pooled_progress_e4 == 300 * FULL
    assert after.tasks[0].balance == 599
    assert after.tasks[0].progress_e4 == 0
    real_only = apply_bet(MIXED, before, [Share(None, 250, 0)], FULL)
    assert real_only.pooled_progress_e4 == 250 * FULL


@pytest.mark.parametrize("policy", [STRICT, MIXED])
def test_progress_never_passes_the_requirement(policy) -> None:
    before = Requirements((task(A, 500, 0 if policy is MIXED else 150),), 150, 0)
    after = apply_bet(policy, before, [Share(A, 400, 0)], FULL)
    assert max(after.tasks[0].progress_e4, after.pooled_progress_e4) == 150 * FULL


# --- requirement -------------------------------------------------------------------------------


def test_ten_dollars_at_twenty_times_need_two_hundred() -> None:
    policy = replace(STRICT, multiplier=20)
    after = add_bonus(policy, NO_BONUS, task(A, 0, 0, granted=0), 1_000)
    assert (after.tasks[0].balance, after.tasks[0].required) == (1_000, 20_000)
    assert after.pooled_required == 0


def test_mixed_a_new_bonus_adds_to_what_remains() -> None:
    before = Requirements((task(A, 1_000, 0),), 30_000, 5_000 * FULL)
    after = add_bonus(MIXED, before, task(B, 0, 0, granted=0), 500)
    assert after.pooled_required - after.pooled_progress_e4 // FULL == 25_000 + 15_000
    assert [t.required for t in after.tasks] == [0, 0]
    assert after.balance == 1_500


def test_a_second_win_of_the_same_free_spins_grows_the_one_task() -> None:
    policy = replace(STRICT, multiplier=20)
    first = add_bonus(policy, NO_BONUS, task(A, 0, 0, granted=0, event_no=0), 300)
    second = add_bonus(policy, first, first.tasks[0], 200)
    (only,) = second.tasks
    assert (only.balance, only.granted, only.required, only.event_no) == (500, 500, 10_000, 2)


# --- conversion and bust -----------------------------------------------------------------------


def endings(policy: BonusPolicy, before: Requirements) -> tuple[Requirements, list[tuple]]:
    after, closed = convert_and_bust(policy, before)
    return after, [(c.task.task_id, c.ending, c.task.balance) for c in closed]


def test_strict_a_met_requirement_converts_its_own_bonus_only() -> None:
    met, open_task = task(A, 70, 100, progress_e4=100 * FULL), task(B, 80, 100)
    after, closed = endings(STRICT, Requirements((met, open_task), 0, 0))
    assert closed == [(A, "COMPLETED", 70)]
    assert after.tasks == (open_task,)


def test_strict_each_bonus_is_tested_for_bust_by_itself() -> None:
    dust, alive = task(A, STRICT.min_bet - 1), task(B, STRICT.min_bet)
    after, closed = endings(STRICT, Requirements((dust, alive), 0, 0))
    assert closed == [(A, "FORFEITED", STRICT.min_bet - 1)]
    assert after.tasks == (alive,)


def test_a_met_requirement_converts_even_dust() -> None:
    _, closed = endings(STRICT, Requirements((task(A, 1, 100, progress_e4=100 * FULL),), 0, 0))
    assert closed == [(A, "COMPLETED", 1)]


def test_mixed_all_bonus_converts_when_the_pool_reaches_zero_and_not_before() -> None:
    tasks = (task(A, 70, 0), task(B, 80, 0))
    almost = Requirements(tasks, 100, 100 * FULL - 1)
    assert endings(MIXED, almost) == (almost, [])
    after, closed = endings(MIXED, Requirements(tasks, 100, 100 * FULL))
    assert closed == [(A, "COMPLETED", 70), (B, "COMPLETED", 80)]
    assert after == NO_BONUS


def test_mixed_bust_tests_the_total_and_keeps_the_requirement() -> None:
    policy = replace(MIXED, min_bet=10)
    alive = Requirements((task(A, 4, 0), task(B, 6, 0)), 100, 30 * FULL)
    assert endings(policy, alive) == (alive, [])
    after, closed = endings(policy, Requirements((task(A, 4, 0), task(B, 5, 0)), 100, 30 * FULL))
    assert closed == [(A, "FORFEITED", 4), (B, "FORFEITED", 5)]
    assert after == Requirements((), 100, 30 * FULL)
    assert after.outstanding


def test_a_pooled_bust_that_clears_leaves_no_requirement() -> None:
    policy = replace(MIXED, bust="clears_requirement", min_bet=10)
    after, closed = endings(policy, Requirements((task(A, 9, 0),), 100, 30 * FULL))
    assert closed == [(A, "FORFEITED", 9)]
    assert after == NO_BONUS


@pytest.mark.parametrize("policy", [STRICT, replace(MIXED, min_bet=10)])
def test_a_free_spin_bonus_is_tested_only_once_its_spins_are_gone(policy) -> None:
    pending = Requirements((task(A, 3, 0 if policy is not STRICT else 90, spins_left=1),), 90, 0)
    assert endings(policy, pending) == (pending, [])
    used = Requirements((replace(pending.tasks[0], spins_left=0),), 90, 0)
    assert endings(policy, used)[1] == [(A, "FORFEITED", 3)]


# --- waive and expiry --------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["EXPIRED", "WAIVED"])
def test_the_last_bonus_expired_or_waived_clears_the_pool_and_an_earlier_one_does_not(
    ending,
) -> None:
    before = Requirements((task(A, 70, 0), task(B, 80, 0)), 100, 30 * FULL)
    one_left, closed = end_tasks(MIXED, before, [A], ending)
    assert [(c.task.task_id, c.ending) for c in closed] == [(A, ending)]
    assert one_left == Requirements((task(B, 80, 0),), 100, 30 * FULL)
    none_left, _ = end_tasks(MIXED, one_left, [B], ending)
    assert none_left == NO_BONUS
    assert not none_left.outstanding


def test_waiving_nothing_keeps_what_a_bust_has_left_of_the_pool() -> None:
    kept = Requirements((), 100, 30 * FULL)
    assert end_tasks(MIXED, kept, [], "WAIVED") == (kept, ())


def test_strict_ends_leave_the_other_bonus_as_it_is() -> None:
    before = Requirements((task(A, 70), task(B, 80)), 0, 0)
    after, closed = end_tasks(STRICT, before, [B], "EXPIRED")
    assert after.tasks == (task(A, 70),)
    assert closed[0].task.balance == 80


# --- policies ----------------------------------------------------------------------------------


def test_a_policy_above_its_jurisdictions_cap_is_refused() -> None:
    check_policy(replace(STRICT, multiplier=10), "GB", 10)
    with pytest.raises(Refusal) as refused:
        check_policy(replace(STRICT, multiplier=11), "GB", 10)
    assert refused.value.code == "policy_above_cap"
    assert refused.value.facts == {"jurisdiction": "GB", "multiplier_cap": 10}
    check_policy(MIXED, "MT", None)


@pytest.mark.parametrize(
    "changes",
    [
        {"multiplier": 0},
        {"min_bet": 501},
        {"min_bet": 0},
        {"expiry_days": 0},
        {"bonus_xp_rate_bps": 10_001},
        {"bust": "keeps_requirement"},
    ],
)
def test_a_policy_that_contradicts_itself_is_refused(changes) -> None:
    with pytest.raises(Refusal) as refused:
        check_policy(replace(STRICT, **changes), "MT", None)
    assert refused.value.code == "policy_invalid"
