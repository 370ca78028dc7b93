"""Deposit offers: which apply, and what a deposit earns."""

from ledger.offers import Offer, earned_offers

SPINS = Offer(
    offer_id=1,
    name="spins",
    min_amount=10_000,
    free_spins=10,
    free_spin_game_id=1,
    free_spin_stake=20,
)
WELCOME = Offer(
    offer_id=2,
    name="welcome",
    first_deposit_only=True,
    min_amount=10_000,
    match_bps=10_000,
    max_bonus=20_000,
    free_spins=20,
    free_spin_game_id=1,
    free_spin_stake=20,
)
RELOAD = Offer(offer_id=3, name="reload", min_amount=2_000, match_bps=2_500, max_bonus=50_000)
OFFERS = [SPINS, WELCOME, RELOAD]


def test_ten_spins_from_a_hundred_and_twenty_more_on_the_first_deposit() -> None:
    first = earned_offers(OFFERS, 10_000, first_deposit=True)
    later = earned_offers(OFFERS, 10_000, first_deposit=False)
    below = earned_offers(OFFERS, 9_999, first_deposit=True)
    assert sum(offer.free_spins for offer in first.spin_offers) == 30
    assert sum(offer.free_spins for offer in later.spin_offers) == 10
    assert below.spin_offers == ()


def test_one_match_bonus_a_deposit_the_one_worth_most() -> None:
    # 100 % up to 200.00 against 25 % up to 500.00: the reload wins from 800.00 on.
    cases = [(10_000, 10_000, WELCOME), (79_999, 20_000, WELCOME), (80_004, 20_001, RELOAD)]
    for amount, bonus, offer in cases:
        earned = earned_offers(OFFERS, amount, first_deposit=True)
        assert (earned.bonus, earned.bonus_offer) == (bonus, offer)
    assert earned_offers(OFFERS, 10_000, first_deposit=False).bonus == 2_500


def test_of_equal_bonuses_the_first_deposit_offer_then_the_older() -> None:
    assert earned_offers(OFFERS, 80_000, first_deposit=True).bonus_offer == WELCOME
    twin = Offer(offer_id=4, name="twin", min_amount=1, match_bps=2_500, max_bonus=50_000)
    assert earned_offers([twin, RELOAD], 2_000, first_deposit=False).bonus_offer == RELOAD


def test_a_match_is_capped_and_rounded_down() -> None:
    assert RELOAD.bonus(2_003) == 500  # 500.75
    assert WELCOME.bonus(20_001) == 20_000


def test_without_offers_or_with_withdrawn_ones_nothing_is_earned() -> None:
    assert earned_offers([], 10**9, first_deposit=True).bonus == 0
    withdrawn = Offer(offer_id=5, name="old", min_amount=1, match_bps=1, max_bonus=1, active=False)
    earned = earned_offers([withdrawn], 10**9, first_deposit=True)
    assert (earned.bonus, earned.bonus_offer, earned.spin_offers) == (0, None, ())
