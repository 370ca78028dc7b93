"""A deposit credited and charged back, on the player's state alone."""

from uuid import UUID

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from ledger.bonus import MIXED, STRICT
from ledger.deposit_rules import credit_deposit, reverse_deposit
from ledger.offers import Offer
from tests.support.rules import around, game, grant, operator, player, task

DEPOSIT = UUID(int=0xD)
GAME = game(game_id=7)
MATCH = Offer(offer_id=1, name="match", min_amount=1_000, match_bps=5_000, max_bonus=5_000)
SPINS = Offer(
    offer_id=2,
    name="spins",
    min_amount=10_000,
    free_spins=10,
    free_spin_game_id=7,
    free_spin_stake=20,
)


def credit(state, amount, offers=(), terms=None, first=False):
    return credit_deposit(
        state,
        terms or operator(STRICT, GAME),
        amount,
        DEPOSIT,
        offers,
        around(),
        first_deposit=first,
    )


def reverse(state, amount, detail, terms=None):
    return reverse_deposit(state, terms or operator(STRICT, GAME), amount, DEPOSIT, detail)


def balanced(book) -> bool:
    return sum(leg.amount for leg in book.legs) == 0


def test_a_deposit_of_100_00_gives_money_a_requirement_and_100_points() -> None:
    done = credit(player(500), 10_000)
    assert done.after.real_balance == 10_500
    assert done.after.deposit_wagering_required == 10_000
    assert done.after.vip_experience == 1_000_000  # 100 points: one a unit
    assert [(leg.account, leg.amount) for leg in done.book.legs] == [
        ("player_real", 10_000),
        ("operator_settlement", -10_000),
    ]


def test_debt_is_repaid_first_and_all_of_the_deposit_must_be_wagered() -> None:
    done = credit(player(0, debt=3_000), 10_000)
    assert (done.after.real_balance, done.after.debt) == (7_000, 0)
    assert done.after.deposit_wagering_required == 10_000
    partly = credit(player(0, debt=30_000), 10_000)
    assert (partly.after.real_balance, partly.after.debt) == (0, 20_000)


def test_a_deposit_of_1_000_00_reaches_level_2_and_its_ten_free_spins() -> None:
    done = credit(player(), 100_000, terms=operator(STRICT, GAME, vip_spin_game_id=7))
    assert done.after.vip_level == 2
    assert [(g.source, g.source_key, g.count) for g in done.new_grants] == [("vip_level", "2", 10)]
    assert done.detail.grants == [done.new_grants[0].grant_id]


def test_offers_grant_a_bonus_under_the_policy_and_free_spins() -> None:
    done = credit(player(), 10_000, [MATCH, SPINS])
    (bonus,) = done.after.bonus.tasks
    assert (bonus.kind, bonus.balance, bonus.required) == ("DEPOSIT", 5_000, 50_000)
    assert bonus.source_id == DEPOSIT
    (spins,) = done.after.grants
    assert (spins.source, spins.source_key) == ("deposit_offer", f"{DEPOSIT}:2")
    assert (spins.count, spins.stake, spins.game_id) == (10, 20, 7)
    assert done.detail.offers == ["match", "spins"]
    assert balanced(done.book)


def test_under_mixed_the_bonus_joins_the_pooled_requirement() -> None:
    done = credit(player(), 10_000, [MATCH], operator(MIXED, GAME))
    assert done.after.bonus.pooled_required == 5_000 * 30
    assert done.after.bonus.tasks[0].required == 0


def test_a_blocked_player_gets_the_money_and_no_offers() -> None:
    done = credit(player(status="BLOCKED"), 10_000, [MATCH, SPINS])
    assert done.after.real_balance == 10_000
    assert (done.credits, done.new_grants) == ((), ())


def test_free_spins_on_a_game_no_longer_offered_are_not_granted() -> None:
    done = credit(player(), 10_000, [SPINS], operator(STRICT, game(game_id=7, offered=False)))
    assert done.new_grants == ()


def test_a_chargeback_takes_real_money_first_and_the_rest_is_debt() -> None:
    credited = credit(player(), 10_000)
    spent = msgspec.structs.replace(credited.after, real_balance=4_000)
    back = reverse(spent, 10_000, credited.detail)
    assert (back.after.real_balance, back.after.debt, back.owed) == (0, 6_000, 6_000)
    assert [(leg.account, leg.amount, leg.balance_after) for leg in back.book.legs] == [
        ("player_real", -4_000, 0),
        ("operator_settlement", 4_000, None),
        ("player_debt", -6_000, -6_000),
        ("operator_settlement", 6_000, None),
    ]
    assert back.after.vip_experience == 0


def test_a_chargeback_forfeits_what_the_deposit_brought_and_nothing_else() -> None:
    other = task(UUID(int=0xE), 700)
    credited = credit(player(0, (other,)), 10_000, [MATCH, SPINS])
    spins = credited.new_grants[0]
    won = task(UUID(int=0x10), 60, kind="FREE_SPINS", grant_id=spins.grant_id)
    state = msgspec.structs.replace(
        credited.after,
        bonus=msgspec.structs.replace(
            credited.after.bonus, tasks=(*credited.after.bonus.tasks, won)
        ),
        grants=(*credited.after.grants, grant(5)),
    )
    back = reverse(state, 10_000, credited.detail)
    assert back.after.bonus.tasks == (other,)
    assert {(c.task.kind, c.ending) for c in back.closed} == {
        ("DEPOSIT", "FORFEITED"),
        ("FREE_SPINS", "FORFEITED"),
    }
    assert back.revoked == (spins,)
    assert back.after.grants == (grant(5),)
    assert balanced(back.book)


def test_held_money_is_left_to_the_staffs_decision() -> None:
    credited = credit(player(), 10_000)
    held = msgspec.structs.replace(credited.after, real_balance=0, held_balance=10_000)
    back = reverse(held, 10_000, credited.detail)
    assert (back.after.held_balance, back.after.debt) == (10_000, 10_000)


@given(
    real=st.integers(0, 10**9),
    debt=st.integers(0, 10**9),
    amount=st.integers(1, 10**9),
    spent=st.integers(0, 10**9),
    policy=st.sampled_from([STRICT, MIXED]),
)
def test_credit_and_chargeback_balance_and_conserve(real, debt, amount, spent, policy) -> None:
    terms = operator(policy, GAME)
    before = player(real, debt=debt)
    credited = credit(before, amount, [MATCH, SPINS], terms)
    assert balanced(credited.book)
    worth = credited.after.real_balance - credited.after.debt
    assert worth == real - debt + amount
    left = max(0, credited.after.real_balance - spent)
    played = msgspec.structs.replace(credited.after, real_balance=left)
    back = reverse(played, amount, credited.detail, terms)
    assert balanced(back.book)
    assert back.after.real_balance >= 0
    assert (back.after.real_balance - back.after.debt) == (left - played.debt - amount)
    assert back.after.bonus_balance == 0
    assert not back.after.bonus.outstanding
    assert back.after.vip_experience == before.vip_experience
