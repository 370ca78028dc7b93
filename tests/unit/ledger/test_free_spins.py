"""Free spins: they cost nothing, and all wins of a grant become one bonus."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from ledger.bonus import MIXED, STRICT, Requirements
from ledger.errors import Refusal
from ledger.free_spins import settle_free_spin
from ledger.stored_rows import task_rows
from ledger.writes import LoadedPlayer
from tests.support.rules import NOW, A, around, game, grant, operator, player, task

PAYS_DOUBLE, PAYS_NOTHING = game((200, 1)), game((0, 1))


def test_a_free_spin_moves_only_its_win_into_a_bonus_of_its_own() -> None:
    before = player(500, grants=(grant(2),), deposit_wagering_required=900)
    decision = settle_free_spin(before, operator(), PAYS_DOUBLE, 0, around())
    after = decision.after
    (bonus,) = after.bonus.tasks
    assert (decision.bet_type, decision.wager, decision.win, decision.ggr) == ("FREE_SPIN", 0, 0, 0)
    assert (decision.free_spin_stake, decision.free_spin_win) == (100, 200)
    assert (bonus.kind, bonus.balance, bonus.required) == ("FREE_SPINS", 200, 2_000)
    assert [(leg.account, leg.amount) for leg in decision.legs] == [
        ("player_bonus", 200),
        ("operator_bonus", -200),
    ]
    assert after.real_balance == 500
    assert after.vip_experience == 0
    assert after.deposit_wagering_progress_e4 == 0
    assert decision.contributions == ()
    assert after.grants[0].used == 1
    assert after.grants[0].task_id == bonus.task_id


def test_all_wins_of_a_grant_go_to_one_bonus() -> None:
    state = player(grants=(grant(3),))
    for _ in range(3):
        state = settle_free_spin(state, operator(), PAYS_DOUBLE, 0, around()).after
    (bonus,) = state.bonus.tasks
    assert (bonus.balance, bonus.required, bonus.spins_left) == (600, 6_000, 0)
    with pytest.raises(Refusal) as refused:
        settle_free_spin(state, operator(), PAYS_DOUBLE, 0, around())
    assert refused.value.code == "no_free_spins"


def test_dust_is_forfeited_only_after_the_last_spin() -> None:
    policy = replace(STRICT, min_bet=300)
    state = player(grants=(grant(3, stake=50),))
    for pays in (PAYS_DOUBLE, PAYS_NOTHING):
        decision = settle_free_spin(state, operator(policy), pays, 0, around())
        assert decision.closed == ()
        state = decision.after
    last = settle_free_spin(state, operator(policy), PAYS_NOTHING, 0, around())
    assert [(c.ending, c.task.balance) for c in last.closed] == [("FORFEITED", 100)]
    assert last.after.bonus.tasks == ()
    assert [(leg.account, leg.amount) for leg in last.legs] == [
        ("player_bonus", -100),
        ("operator_bonus", 100),
    ]


def test_spins_that_win_nothing_open_no_bonus() -> None:
    state = player(grants=(grant(2),))
    for _ in range(2):
        decision = settle_free_spin(state, operator(), PAYS_NOTHING, 0, around())
        state = decision.after
        assert state.bonus.tasks == ()
        assert (decision.closed, decision.credits) == ((), ())
    assert state.grants[0].task_id is None


@pytest.mark.parametrize("policy", [STRICT, MIXED])
def test_after_its_bonus_was_waived_a_spin_without_a_win_opens_no_empty_one(policy) -> None:
    state = player(grants=(grant(3, used=1, task_id=A),))
    for _ in range(2):
        decision = settle_free_spin(state, operator(policy), PAYS_NOTHING, 0, around())
        state = decision.after
        assert state.bonus.tasks == ()
        assert decision.closed == ()
        assert not state.bonus.outstanding


def test_after_its_bonus_was_waived_the_next_win_opens_a_new_one() -> None:
    state = player(grants=(grant(3, used=1, task_id=A),))
    after = settle_free_spin(state, operator(), PAYS_DOUBLE, 0, around()).after
    (bonus,) = after.bonus.tasks
    assert bonus.task_id != A
    assert after.grants[0].task_id == bonus.task_id


def test_a_spin_without_a_win_tells_nothing_new_of_its_bonus() -> None:
    open_bonus = task(A, 200, spins_left=2, grant_id=grant(3).grant_id)
    before = player(grants=(grant(3, used=1, task_id=A),), tasks=(open_bonus,))
    after = settle_free_spin(before, operator(), PAYS_NOTHING, 0, around()).after
    assert after.bonus.tasks == (replace(open_bonus, spins_left=1),)


def test_an_expired_bonus_takes_no_more_wins() -> None:
    expired = task(A, 200, expires_at=NOW - timedelta(seconds=1), spins_left=2)
    before = player(grants=(grant(3, used=1, task_id=A),), tasks=(expired,))
    decision = settle_free_spin(before, operator(), PAYS_DOUBLE, 0, around())
    assert [(c.task.task_id, c.ending, c.task.balance) for c in decision.closed] == [
        (A, "EXPIRED", 200)
    ]
    assert [(t.task_id == A, t.balance) for t in decision.after.bonus.tasks] == [(False, 200)]


def test_mixed_a_free_spin_win_adds_its_requirement_to_the_pool() -> None:
    before = player(bonus=Requirements((), 5_000, 20_000_000), grants=(grant(1),))
    before = replace(before, bonus_policy_version=1)
    after = settle_free_spin(before, operator(MIXED), PAYS_DOUBLE, 0, around()).after
    assert after.bonus.pooled_required - after.bonus.pooled_progress_e4 // 10_000 == 3_000 + 6_000


def test_expired_and_other_games_spins_are_not_played() -> None:
    gone = grant(1, expires_at=NOW)
    elsewhere = grant(1, game_id=2)
    with pytest.raises(Refusal):
        settle_free_spin(player(grants=(gone, elsewhere)), operator(), PAYS_DOUBLE, 0, around())


def test_a_bonus_that_starts_and_ends_with_one_spin_is_stored_once() -> None:
    """One win below the smallest bet: granted and forfeited by the same bet, in one row."""
    policy = replace(STRICT, min_bet=300)
    before = player(grants=(grant(1),))
    decision = settle_free_spin(before, operator(policy), PAYS_DOUBLE, 0, around())
    loaded = LoadedPlayer(decision.after, b"", b"", closed=list(decision.closed))
    (row,) = task_rows(loaded, NOW)
    assert (row[4], row[6], row[7]) == ("FORFEITED", 200, 0)
