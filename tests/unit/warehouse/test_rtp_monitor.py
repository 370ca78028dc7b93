"""The RTP monitor's rule: what it judges, when, and how often honest and faulty games alarm."""

from datetime import UTC, datetime
from math import inf

import numpy as np
import pytest

from loadgen.catalogue import Game, games
from tests.support.rtp_runs import SLOTS, STAKES, alarms, chances, played, run_of, scatter_of
from warehouse.rtp_monitor import (
    BANDS,
    LOOKS,
    MIN_BETS,
    WINDOWS,
    Cell,
    Scatter,
    judge,
    share_of,
    with_totals,
)
from warehouse.rtp_tolerance import normal_z, z_below_and_above

ALL = games()
HONEST = [game for game in ALL if not game.faulty]
FAULTY = next(game for game in ALL if game.faulty)
SHARE = share_of(len(ALL))
COIN = ((-1.0, 0.5), (1.0, 0.5))
EVEN = Scatter(1_000_000, COIN)


def cell(
    *, bets: int = 10_000, stake: int = 100, won: int, band: int = 2, house: int = 400
) -> Cell:
    """So many bets of one stake; ``house`` is the declared edge in basis points."""
    return Cell(
        game_id=1,
        stake_band=band,
        bets=bets,
        wager=bets * stake,
        wager_squared=bets * stake**2,
        largest_stake=stake,
        win=won,
        theoretical_ggr_e4=bets * stake * house,
    )


@pytest.mark.parametrize(
    ("errors", "status", "direction"),
    [
        (0, "ok", "below"),
        (0.99, "ok", "above"),
        (1.01, "alert", "above"),
        (-0.99, "ok", "below"),
        (-1.01, "alert", "below"),
    ],
)
def test_tolerance_is_z_standard_errors(errors: float, status: str, direction: str) -> None:
    """10,000 bets with sigma 1: SE is 0.01, and z of them are 0.0596 on either side of 0.96."""
    below, above = z_below_and_above(COIN, 0.01, SHARE)
    won = round(960_000 + errors * above * 10_000)
    found = judge(cell(won=won), EVEN, SHARE)
    assert (found.status, found.direction) == (status, direction)
    assert found.standard_error == pytest.approx(0.01)
    assert (found.lower, found.upper) == (
        pytest.approx(0.96 - below * 0.01),
        pytest.approx(0.96 + above * 0.01),
    )
    assert found.score == pytest.approx((won / 1_000_000 - 0.96) / 0.01)
    assert found.z == pytest.approx(normal_z(SHARE), rel=1e-3)


def test_z_is_that_of_the_side_of_the_return() -> None:
    """Rare large wins: chance goes far above, not far below."""
    skewed = scatter_of(next(game for game in HONEST if game.slug == "golden-harbour"))
    under, over = (judge(cell(won=won), skewed, SHARE) for won in (959_999, 960_001))
    assert (under.lower, under.upper) == (over.lower, over.upper)
    assert under.z == pytest.approx((0.96 - under.lower) / under.standard_error)
    assert over.z == pytest.approx((over.upper - 0.96) / over.standard_error)
    assert over.z > 1.3 * under.z


def test_unequal_stakes_scatter_more_than_their_number_says() -> None:
    """99 bets of 1 and one of 100: n_eff = 199² / 10,099 = 3, not 100."""
    mixed = Cell(
        game_id=1,
        stake_band=0,
        bets=100,
        wager=199,
        wager_squared=10_099,
        largest_stake=100,
        win=199,
        theoretical_ggr_e4=0,
    )
    found = judge(mixed, Scatter(2_000_000, COIN), SHARE)
    assert (found.n_eff, found.status) == (3, "insufficient")
    assert found.standard_error == pytest.approx(2 * 10_099**0.5 / 199)


def test_a_changed_paytable_is_judged_by_what_each_bet_declared() -> None:
    before = cell(bets=30_000, won=0, house=1000, band=2)
    after = cell(bets=10_000, won=3_660_000, house=400, band=3)
    total, *parts = with_totals([before, after])
    assert parts == [before, after]
    found = judge(total, EVEN, SHARE)
    assert found.theoretical_rtp == pytest.approx(0.75 * 0.9 + 0.25 * 0.96)
    assert (found.status, found.score) == ("ok", pytest.approx(0.0))


def test_no_verdict_before_the_minimum_however_far_off() -> None:
    """The standard error must have come down to half a stake: sigma 40 takes 6,400 bets."""
    volatile = Scatter(40_000_000, COIN)
    assert volatile.n_eff_min == 6_400
    for bets, status in ((6_399, "insufficient"), (6_400, "alert")):
        assert judge(cell(bets=bets, won=bets * 500), volatile, SHARE).status == status
    assert EVEN.n_eff_min == MIN_BETS


def test_a_game_that_always_pays_the_same_must_pay_exactly_that() -> None:
    certain = Scatter(0, ())
    assert judge(cell(won=960_000), certain, SHARE).status == "ok"
    found = judge(cell(won=959_999), certain, SHARE)
    assert (found.status, found.direction, found.score) == ("alert", "below", -inf)


def test_a_cell_without_wagers_has_no_return() -> None:
    with pytest.raises(ValueError, match="without wagers"):
        judge(cell(bets=0, won=0), EVEN, SHARE)


def test_totals_are_one_band_more_and_come_first() -> None:
    low, high = cell(won=10, band=1), cell(won=20, band=3)
    total, *rest = with_totals([low, high])
    assert rest == [low, high]
    assert (total.stake_band, total.win, total.bets) == (0, 30, 20_000)
    assert total.wager_squared == 2 * low.wager_squared
    assert with_totals([cell(won=0, stake=50), cell(won=0, stake=20)])[0].largest_stake == 50
    assert BANDS[total.stake_band] == "all"
    assert with_totals([]) == []


def test_windows_end_at_fixed_times() -> None:
    as_of = datetime(2026, 3, 5, 12, 34, 56, tzinfo=UTC)
    ends = {name: window.ending_by(as_of).end for name, window in WINDOWS.items()}
    assert ends == {
        "1h": datetime(2026, 3, 5, 12, 30, tzinfo=UTC),
        "24h": datetime(2026, 3, 5, 12, tzinfo=UTC),
        "30d": datetime(2026, 3, 5, 12, tzinfo=UTC),
    }
    for window in WINDOWS.values():
        period = window.ending_by(as_of)
        assert period.end - period.start == window.length
    assert LOOKS == 30 * 24 * 12 + 2 * 30 * 24


def test_the_share_is_sidaks() -> None:
    """Textbook value: 20 tests at 5 % are 1 - 0.95^(1/20) = 0.2561 % each."""
    assert share_of(5, 0.05, 1) == pytest.approx(0.002561, abs=1e-6)
    assert 1 - (1 - share_of(5, 0.05, 1)) ** 20 == pytest.approx(0.05)
    assert share_of(100) < share_of(10) < share_of(1)


def test_honest_games_alarm_no_more_often_than_stated() -> None:
    """Eight operators' 60 days, every look of the job: at the stated rate of 5 % in 30 days more
    than 3 of their 16 periods would alarm once in 140 such runs."""
    periods, rng = 8, np.random.default_rng(20_260_305)
    alarmed, judged_at_all, narrow = 0, 0, 0
    for number in range(periods):
        popularity = rng.permutation(1 / np.arange(1, len(HONEST) + 1) ** 0.7)
        bets = 50 * 300 * popularity / popularity.sum()  # 50 bets/s, 300 s a slot
        run = played(HONEST, bets, 2 * SLOTS, rng)
        alarmed += len({name for name, *_ in alarms(HONEST, run, SHARE, 2 * SLOTS)})
        if number == 0:
            narrow = len(alarms(HONEST, run, 1e-2, 2 * SLOTS))
        judged_at_all += int(run.bets[:, 0, -1].sum())
    assert judged_at_all > 10**9
    assert narrow > 100, "the same runs do alarm when the tolerance is narrow"
    assert alarmed <= 3


@pytest.mark.parametrize("bets", [2_000, 50_000, 1_000_000])
def test_one_look_at_an_honest_game_alarms_no_more_often_than_its_share(bets: int) -> None:
    """Of 300 looks at every game, with a share large enough to count: 1 in 100."""
    share, looks, rng = 0.01, 300, np.random.default_rng(bets)
    stakes = {20: bets * 3 // 10, 100: bets // 2, 900: bets // 5}
    found = {"above": 0, "below": 0}
    for game in HONEST:
        scatter = scatter_of(game)
        for _ in range(looks):
            look = judge(run_of(game, stakes, rng), scatter, share)
            if look.status == "alert":
                found[look.direction] += 1
    every = looks * len(HONEST)
    assert 0 < sum(found.values()) <= share * every
    assert max(found.values()) <= share / 2 * every


@pytest.mark.parametrize("slug", ["dice-duel", "orchard-lane"])
@pytest.mark.parametrize("doubled_by", ["a loss", "a win"])
def test_players_who_chase_cause_no_more_alarms(slug: str, doubled_by: str) -> None:
    """Stakes that follow from wins: 1,000 runs of 20 players who double theirs up to 640."""
    game = next(game for game in HONEST if game.slug == slug)
    (multipliers, odds), rng = chances(game), np.random.default_rng(11)
    stakes = np.full((1_000, 20), 10)
    wager, squared, won, largest = (np.zeros(1_000) for _ in range(4))
    for _ in range(100):
        drawn = rng.choice(multipliers, p=odds, size=stakes.shape)
        wager += stakes.sum(axis=1)
        squared += (stakes**2).sum(axis=1)
        won += (stakes * drawn).sum(axis=1)
        largest = np.maximum(largest, stakes.max(axis=1))
        doubles = (drawn >= 1) == (doubled_by == "a win")
        stakes = np.where(doubles, np.minimum(2 * stakes, 640), 10)
    score = (won - wager * float(game.rtp)) / (game.sigma * np.sqrt(squared))
    z = [
        z_below_and_above(scatter_of(game).outcomes, concentration, 0.05)
        for concentration in largest / np.sqrt(squared)
    ]
    assert (score < -np.array(z)[:, 0]).sum() <= 0.025 * 1_000
    assert (score > np.array(z)[:, 1]).sum() <= 0.025 * 1_000


FOUND_WITHIN = {
    "thunder-foundry": (1_900_000, 1_100_000),
    "wolf-of-vesna": (1_000_000, 700_000),
    "gilded-vault": (1_300_000, 900_000),
    "jacks-or-better": (120_000, 55_000),
    "treasure-mines": (90_000, 60_000),
    "skylark-crash": (22_000, 13_000),
    "golden-harbour": (80_000, 65_000),
    "orchard-lane": (11_000, 11_000),
    "harbour-blackjack": (4_000, 4_000),
}
"""n_eff within which a game that returns 0.16 of the stake too much, and too little, is found."""


def found_share(game: Game, n_eff: int, mix: dict[int, float], **fault: float) -> float:
    """How many of 300 runs of this length alarm; ``mix`` is the shares of the bets by stake."""
    mean, square = (sum(part * stake**power for stake, part in mix.items()) for power in (1, 2))
    stakes = {stake: round(n_eff * part * square / mean**2) for stake, part in mix.items()}
    rng, scatter = np.random.default_rng(1), scatter_of(game)
    looks = (judge(run_of(game, stakes, rng, **fault), scatter, SHARE) for _ in range(300))
    return sum(look.status == "alert" for look in looks) / 300


@pytest.mark.parametrize("slug", FOUND_WITHIN)
def test_a_game_with_a_fault_is_found(slug: str) -> None:
    """Nine times in ten, in bets of one stake and of three."""
    game = next(game for game in HONEST if game.slug == slug)
    for bets, too_much in zip(FOUND_WITHIN[slug], (0.16, -0.16), strict=True):
        for mix in ({100: 1.0}, {100: 0.6, 300: 0.3, 900: 0.1}):
            assert found_share(game, bets, mix, too_much=too_much) >= 0.9
    assert scatter_of(game).n_eff_min < FOUND_WITHIN[slug][1]


@pytest.mark.parametrize("stakes", [(100,), STAKES[2]], ids=["one stake", "several stakes"])
def test_the_deliberately_faulty_game_is_found(stakes: tuple[int, ...]) -> None:
    """It returns 1.12 and declares 0.96; sigma is 4.35, so 6.4 standard errors are 0.16 at 30,000
    bets. By 60,000 it has been found, 99 times in 100."""
    mix = {stake: 1 / len(stakes) for stake in stakes}
    assert found_share(FAULTY, 60_000, mix) >= 0.99
