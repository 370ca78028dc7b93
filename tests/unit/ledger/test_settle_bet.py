"""One bet, decided: the worked examples of the rules in the order in which they apply."""

from collections import Counter
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from ledger.bonus import E4, MIXED, STRICT, Requirements
from ledger.decision import Decision
from ledger.errors import Refusal
from ledger.jackpot import Pool
from ledger.settle_bet import level_up, settle_bet, validate_bet
from ledger.vip import DEFAULT_LEVELS
from tests.support.rules import NOW, A, B, around, game, operator, player, task

LOSES, RETURNS, DOUBLES, HALF_MORE = game((0, 1)), game((100, 1)), game((200, 1)), game((150, 1))


def booked(decision: Decision) -> dict[str, int]:
    """The journal's sum by account; it balances."""
    sums = Counter()
    for leg in decision.legs:
        sums[leg.account] += leg.amount
    assert sum(sums.values()) == 0
    return {account: amount for account, amount in sums.items() if amount}


def bet(before, wager: int, plays=LOSES, policy=STRICT, **changes) -> Decision:
    brand = operator(policy, plays, **changes)
    return settle_bet(before, brand, plays, wager, 0, around())


def test_a_real_bet_moves_real_money_and_only_the_deposit_requirement() -> None:
    before = player(1_000, (task(A, 500),), deposit_wagering_required=800)
    decision = bet(before, 300, DOUBLES)
    after = decision.after
    assert (decision.bet_type, decision.win_real, decision.win_bonus) == ("REAL", 600, 0)
    assert (after.real_balance, after.bonus) == (1_300, before.bonus)
    assert after.deposit_wagering_progress_e4 == 300 * E4
    assert decision.ggr == -300
    assert decision.theoretical_ggr_e4 == 300 * 400
    assert booked(decision) == {"player_real": 300, "operator_gaming": -300}


def test_the_deposit_requirement_never_goes_below_zero() -> None:
    before = player(1_000, deposit_wagering_required=200)
    assert bet(before, 300).after.deposit_wagering_progress_e4 == 200 * E4


def test_a_bonus_bet_leaves_real_money_and_the_deposit_requirement_alone() -> None:
    before = player(99, (task(A, 500),), deposit_wagering_required=800)
    decision = bet(before, 100, DOUBLES)
    after = decision.after
    assert (decision.bet_type, decision.win_bonus, after.real_balance) == ("BONUS", 200, 99)
    assert after.bonus.tasks[0].balance == 600
    assert after.bonus.tasks[0].progress_e4 == 100 * E4
    assert after.deposit_wagering_progress_e4 == 0


def test_a_mixed_bet_shares_its_win_and_counts_whole_for_the_pool() -> None:
    before = replace(
        player(101, (task(A, 2_599, 0),), deposit_wagering_required=101),
        bonus=Requirements((task(A, 2_599, 0),), 27_000, 0),
    )
    decision = bet(before, 300, HALF_MORE, MIXED)
    after = decision.after
    assert (decision.bet_type, decision.wager_real, decision.wager_bonus) == ("MIXED", 101, 199)
    assert (decision.win, decision.win_real, decision.win_bonus) == (450, 152, 298)
    assert (after.real_balance, after.bonus_balance) == (152, 2_698)
    assert after.bonus.pooled_progress_e4 == 300 * E4
    assert after.deposit_wagering_progress_e4 == 101 * E4


def test_a_completed_bonus_becomes_real_money_after_the_win() -> None:
    before = player(0, (task(A, 100, 1_000, progress_e4=900 * E4),))
    decision = bet(before, 100, HALF_MORE)
    assert (decision.after.real_balance, decision.after.bonus.tasks) == (150, ())
    assert [c.ending for c in decision.closed] == ["COMPLETED"]
    assert booked(decision) == {"player_real": 150, "player_bonus": -100, "operator_gaming": -50}


def test_a_win_saves_a_bonus_from_bust_and_dust_goes_to_the_operator() -> None:
    before = player(0, (task(A, 105, 10_000),))
    assert bet(before, 100, RETURNS).closed == ()
    decision = bet(before, 100, LOSES)
    assert [(c.ending, c.task.balance) for c in decision.closed] == [("FORFEITED", 5)]
    assert booked(decision) == {
        "player_bonus": -105,
        "operator_gaming": 100,
        "operator_bonus": 5,
    }


def test_a_real_win_repays_debt_first() -> None:
    decision = bet(player(100, debt=150), 100, DOUBLES)
    assert (decision.after.real_balance, decision.after.debt) == (50, 0)
    assert booked(decision)["player_debt"] == 150


def test_an_expired_bonus_pays_no_bet() -> None:
    expired = task(A, 500, expires_at=NOW - timedelta(seconds=1))
    with pytest.raises(Refusal):
        bet(player(0, (expired,)), 100)
    assert bet(player(0, (expired, task(B, 500))), 100).shares[0].task_id == B


def test_mixed_an_expired_bonus_is_not_turned_into_money_by_a_later_bet() -> None:
    """Its time was over before the requirement was met, whenever the sweep comes around."""
    expired = task(A, 500, 0, expires_at=NOW - timedelta(seconds=1))
    before = replace(
        player(1_000, (expired,)), bonus=Requirements((expired,), 100, 0), bonus_policy_version=1
    )
    decision = bet(before, 100, LOSES, MIXED)
    assert decision.after.real_balance == 900
    assert [c.ending for c in decision.closed] == ["EXPIRED"]
    assert not decision.after.bonus.outstanding
    assert booked(decision) == {
        "player_real": -100,
        "operator_gaming": 100,
        "player_bonus": -500,
        "operator_bonus": 500,
    }


def test_an_expired_bonus_no_longer_limits_the_wager() -> None:
    expired = task(A, 500, expires_at=NOW - timedelta(seconds=1))
    brand = operator(STRICT, LOSES)
    validate_bet(player(9_000, (expired,)), brand, DEFAULT_LEVELS[0], 1, 5_000, NOW)


def test_a_game_without_contribution_takes_real_money_only() -> None:
    excluded = game((0, 1), contribution_bps=0)
    with pytest.raises(Refusal):
        bet(player(0, (task(A, 500),)), 100, excluded)
    after = bet(player(100, deposit_wagering_required=100), 100, excluded).after
    assert after.deposit_wagering_progress_e4 == 0


# --- validation --------------------------------------------------------------------------------


def refused(before, wager, plays=LOSES, level=1, **changes) -> str:
    brand = operator(STRICT, plays, **changes)
    with pytest.raises(Refusal) as refusal:
        validate_bet(before, brand, DEFAULT_LEVELS[level - 1], 1, wager, NOW)
    return refusal.value.code


def test_who_may_not_play_is_refused_with_the_reason() -> None:
    assert refused(player(100, status="BLOCKED"), 10) == "account_blocked"
    assert refused(player(100, excluded_until=NOW + timedelta(1)), 10) == "self_excluded"
    assert refused(player(100), 10, active=False) == "operator_inactive"
    assert refused(player(100), 10, game((0, 1), offered=False)) == "game_not_found"
    assert refused(player(100), 15, game((0, 1), wager_step=10)) == "wager_step_mismatch"
    assert refused(player(100), 0) == "limit_exceeded"


def test_a_level_widens_the_limit_and_an_open_bonus_narrows_it() -> None:
    narrow = game((0, 1), max_wager=1_000)
    assert refused(player(9_000), 1_001, narrow, level=2) == "limit_exceeded"
    brand = operator(STRICT, narrow)
    validate_bet(player(9_000), brand, DEFAULT_LEVELS[4], 1, 5_000, NOW)
    assert refused(player(9_000), 5_001, narrow, level=5) == "limit_exceeded"
    with_bonus = player(9_000, (task(A, 1),))
    validate_bet(with_bonus, brand, DEFAULT_LEVELS[0], 1, STRICT.max_bet, NOW)
    assert refused(with_bonus, STRICT.max_bet + 1, narrow) == "limit_exceeded"


# --- experience and levels ---------------------------------------------------------------------


def test_experience_counts_at_the_level_held_before_the_bet() -> None:
    before = player(10**6, vip_experience=999 * E4)
    decision = bet(before, 1_000)
    assert decision.after.vip_experience - before.vip_experience == 10 * E4
    assert decision.after.vip_level == 2
    again = bet(replace(decision.after, real_balance=10**6), 1_000)
    assert again.after.vip_experience - decision.after.vip_experience == 12 * E4


def test_a_bonus_wager_earns_half() -> None:
    decision = bet(player(0, (task(A, 500),)), 500)
    assert decision.after.vip_experience == 25_000  # 5.00 x 0.5 = 2.5 points


def test_several_levels_at_once_grant_the_spins_of_each() -> None:
    spins = game((0, 1), game_id=7, min_wager=20)
    brand = operator(STRICT, LOSES, spins, vip_spin_game_id=7)
    level, grants = level_up(player(), brand, 20_000 * E4, around())
    assert level == 4
    assert [(g.source_key, g.count, g.game_id, g.stake) for g in grants] == [
        ("2", 10, 7, 20),
        ("3", 25, 7, 20),
        ("4", 50, 7, 20),
    ]
    assert len({g.grant_id for g in grants}) == 3
    assert level_up(player(vip_level=4), brand, 20_000 * E4, around()) == (4, ())


def test_a_levels_spins_have_a_stake_whose_wins_are_whole() -> None:
    """An operator's own smallest wager need not be a multiple of the game's step."""
    spins = game((0, 1), (35, 1), game_id=7, min_wager=25, wager_step=20)
    brand = operator(STRICT, spins, vip_spin_game_id=7)
    _, grants = level_up(player(), brand, 1_000 * E4, around())
    assert [g.stake for g in grants] == [40]


def test_a_level_once_reached_is_kept() -> None:
    assert level_up(player(vip_level=3), operator(), 0, around()) == (3, ())


# --- jackpots ----------------------------------------------------------------------------------


def pool(amount_e4: int, hit_e4: int, pool_id: int = 1) -> Pool:
    return Pool(
        pool_id=pool_id,
        name="mini",
        currency="EUR",
        seed=1_000,
        cap=2_000,
        largest_contribution_e4=100 * E4,
        amount_e4=amount_e4,
        cycle_no=4,
        hit_e4=hit_e4,
        nonce=bytes(32),
    )


def test_only_the_real_part_of_a_wager_feeds_a_pool() -> None:
    feeds = replace(HALF_MORE, feeds=((1, 50),))
    before = replace(
        player(101, (task(A, 500, 0),)), bonus=Requirements((task(A, 500, 0),), 9_000, 0)
    )
    around_pool = around({1: pool(1_000 * E4, 1 << 50)})
    decision = settle_bet(before, operator(MIXED, feeds), feeds, 300, 0, around_pool)
    assert decision.contributions == ((1, 101 * 50),)  # 1.01 x 0.5 % = 0.505 cents
    assert booked(decision)["operator_gaming"] == 300 - 450
    bonus_only = replace(before, real_balance=0)
    decision = settle_bet(bonus_only, operator(MIXED, feeds), feeds, 300, 0, around_pool)
    assert (decision.contributions, decision.pools) == ((), ())


def test_a_hit_pays_whole_units_in_real_money_beside_the_win() -> None:
    feeds = replace(DOUBLES, feeds=((1, 100),))
    around_pool = around({1: pool(15_004_999, 15_010_000)}, hit_e4=19_000_000)
    decision = settle_bet(player(100), operator(STRICT, feeds), feeds, 100, 0, around_pool)
    # 1,500.4999 + 1.0000 = 1,501.4999: 1,501 is paid, 0.4999 opens the next cycle on its seed.
    (hit,) = decision.hits
    (after,) = decision.pools
    assert (hit.amount, hit.carried_e4, hit.cycle_no) == (1_501, 4_999, 4)
    assert (after.amount_e4, after.cycle_no, after.hit_e4) == (10_004_999, 5, 19_000_000)
    assert (decision.win, decision.jackpot, decision.ggr) == (200, 1_501, -100)
    assert decision.after.real_balance == 100 - 100 + 200 + 1_501
    assert decision.fed_cycles == (4,)
    assert booked(decision) == {
        "player_real": 1_601,
        "operator_gaming": -100,
        "operator_jackpot": -1,
        "jackpot_pool:1": 1 - 1_501,
    }


@given(st.lists(st.integers(1, 500), min_size=1, max_size=60), st.integers(1, 999))
def test_a_pool_conserves_every_sub_unit_over_any_wagers(wagers, rate_bps) -> None:
    feeds = replace(LOSES, feeds=((1, rate_bps),))
    pools = {1: pool(1_000 * E4, 1_000 * E4 + 1)}
    hits, posted, fed = [], 0, 0
    for wager in wagers:
        # A new cycle hits a little above its seed, so that many cycles end.
        surroundings = around(pools, hit_e4=1_000 * E4 + 70_000)
        decision = settle_bet(player(wager), operator(STRICT, feeds), feeds, wager, 0, surroundings)
        pools = {1: decision.pools[0]}
        hits += decision.hits
        fed += wager * rate_bps
        posted += sum(leg.amount for leg in decision.legs if leg.account == "jackpot_pool:1")
    seeds = (1 + len(hits)) * 1_000
    paid = sum(hit.amount for hit in hits)
    assert seeds * E4 + fed - paid * E4 == pools[1].amount_e4
    assert seeds + posted == pools[1].amount_e4 // E4  # the books have the whole units
