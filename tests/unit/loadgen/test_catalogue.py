"""The seeded catalogue is exactly what it declares."""

from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest

from ledger.outcomes import check_game
from ledger.vip import DEFAULT_LEVELS
from loadgen import catalogue

GAMES = catalogue.games()
SOUND = [game for game in GAMES if not game.faulty]


@pytest.mark.parametrize("game", SOUND, ids=lambda game: game.slug)
def test_declared_return_is_the_exact_return(game: catalogue.Game):
    assert game.rtp == Fraction(game.rtp_bps, 10_000)


@pytest.mark.parametrize("game", GAMES, ids=lambda game: game.slug)
def test_every_win_is_a_whole_minor_unit(game: catalogue.Game):
    assert all(game.wager_step * multiplier % 100 == 0 for multiplier, _ in game.paytable)
    assert game.min_wager % game.wager_step == 0
    assert game.max_wager % game.wager_step == 0
    assert 10 <= game.min_wager < game.max_wager


@pytest.mark.parametrize("game", GAMES, ids=lambda game: game.slug)
def test_ledger_accepts_it_and_computes_the_same_volatility(game: catalogue.Game):
    facts = check_game(game.paytable, game.rtp_bps, game.wager_step, faulty=game.faulty)
    assert facts.volatility == game.volatility
    assert facts.sigma_e6 == int(game.sigma * 1e6)


@pytest.mark.parametrize("game", GAMES, ids=lambda game: game.slug)
def test_paytable_is_well_formed(game: catalogue.Game):
    multipliers = [multiplier for multiplier, _ in game.paytable]
    assert multipliers == sorted(set(multipliers))
    assert all(isinstance(w, int) and w > 0 for _, w in game.paytable)


@pytest.mark.parametrize(
    "game", [game for game in GAMES if game.category == "slots"], ids=lambda game: game.slug
)
def test_slots_hit_as_often_as_slots_do(game: catalogue.Game):
    assert Fraction(20, 100) <= game.hit_frequency <= Fraction(50, 100)


def test_the_one_faulty_game_pays_above_its_declared_return_and_is_off():
    (faulty,) = [game for game in GAMES if game.faulty]
    assert faulty.rtp > Fraction(faulty.rtp_bps, 10_000) + Fraction(5, 100)
    assert not faulty.active


def test_catalogue_is_varied():
    assert len(SOUND) >= 24
    assert {game.volatility for game in SOUND} == {"low", "medium", "high"}
    assert min(sum(g.volatility == v for g in SOUND) for v in ("low", "medium", "high")) >= 4
    assert len({game.provider for game in SOUND}) >= 4
    assert len({game.slug for game in GAMES}) == len({game.name for game in GAMES}) == len(GAMES)


def test_categories():
    rows = {category.slug: category for category in catalogue.categories()}
    assert len(rows) >= 5
    assert rows["slots"].bonus_contribution_bps == 10_000
    assert rows["table"].bonus_contribution_bps == 1_000
    assert {game.category for game in GAMES} == set(rows)


def test_operators_share_a_currency_and_differ_in_another():
    brands = catalogue.operators()
    currencies = [brand.currency for brand in brands]
    assert len({brand.slug for brand in brands}) == len(brands) >= 4
    assert currencies.count("EUR") == 3
    assert set(currencies) - {"EUR"}
    assert {brand.bonus_policy for brand in brands} == {"strict", "mixed"}
    assert len({ZoneInfo(brand.time_zone).key for brand in brands}) == len(brands)


def test_admin_body_names_the_category_by_id():
    body = GAMES[0].as_json(7)
    assert body["category_id"] == 7
    assert "category" not in body
    assert body["paytable"][0] == list(GAMES[0].paytable[0])


def test_four_pools_have_room_for_the_largest_contribution_and_take_little():
    pools, feeding = catalogue.jackpots(), catalogue.jackpot_games()
    assert len(feeding) >= 8
    assert [pool.name for pool in pools] == ["mini", "minor", "major", "grand"]
    widest = max(level.bet_limit_multiplier_tenths for level in DEFAULT_LEVELS)
    highest_wager = max(game.max_wager for game in feeding) * widest // 10
    for pool in pools:
        assert (pool.cap - pool.seed) * 10_000 > highest_wager * pool.rate_bps
    # Pools are fed out of the house's share: the least generous game must leave that much.
    assert sum(pool.rate_bps for pool in pools) < 10_000 - max(game.rtp_bps for game in feeding)


def test_offers_play_on_games_that_take_their_stake():
    games = {game.slug: game for game in GAMES}
    for offer in catalogue.offers():
        body = offer.as_json({slug: number for number, slug in enumerate(games)})
        assert "free_spin_game" not in body
        if offer.free_spins:
            game = games[offer.free_spin_game or ""]
            assert offer.free_spin_stake is not None
            assert game.min_wager <= offer.free_spin_stake <= game.max_wager
            assert offer.free_spin_stake % game.wager_step == 0
    assert {offer.first_deposit_only for offer in catalogue.offers()} == {True, False}


def test_affiliates_differ_in_their_terms():
    affiliates = catalogue.affiliates()
    assert len({affiliate.code for affiliate in affiliates}) == len(affiliates) >= 2
    assert {affiliate.carries_negative for affiliate in affiliates} == {True, False}
    assert 500 in {affiliate.rate_bps for affiliate in affiliates}
