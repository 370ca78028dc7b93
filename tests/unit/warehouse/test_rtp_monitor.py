"""The RTP monitor's rule: what it judges, when, and how often honest and faulty games alarm."""

from datetime import UTC, datetime
from math import expm1, inf, log1p

import numpy as np
import pytest

from loadgen.catalogue import Game, games
from tests.support.rtp_runs import (
    SLOTS,
    STAKES,
    alarms,
    exact_tail,
    played,
    scatter_of,
)
from warehouse.rtp_monitor import (
    ALARM_RATE,
    BANDS,
    LOOKS,
    MIN_BETS,
    WINDOWS,
    Cell,
    Scatter,
    judge,
    with_totals,
    z_for,
)

ALL = games()
HONEST = [game for game in ALL if not game.faulty]
FAULTY = next(game for game in ALL if game.faulty)
Z = z_for(len(ALL))
FOUND_WITHIN = 60_000
"""Bets of one stake after which the faulty game has been found, 99 times in 100."""


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
        win=won,
        theoretical_ggr_e4=bets * stake * house,
    )


@pytest.mark.parametrize(
    ("won", "status", "direction"),
    [
        (960_000, "ok", "below"),
        (1_010_000, "ok", "above"),
        (1_010_001, "alert", "above"),
        (910_000, "ok", "below"),
        (909_999, "alert", "below"),
    ],
)
def test_tolerance_is_z_standard_errors(won: int, status: str, direction: str) -> None:
    """10,000 bets with sigma 1: SE is 0.01, and 5 of them are 0.05 on either side of 0.96."""
    found = judge(cell(won=won), Scatter(1_000_000, 0.0), z=5.0)
    assert (found.status, found.direction) == (status, direction)
    assert found.standard_error == pytest.approx(0.01)
    assert (found.lower, found.upper) == (pytest.approx(0.91), pytest.approx(1.01))
    assert found.score == pytest.approx((won / 1_000_000 - 0.96) / 0.01)


def test_unequal_stakes_scatter_more_than_their_number_says() -> None:
    """99 bets of 1 and one of 100: n_eff = 199² / 10,099 = 3, not 100."""
    mixed = Cell(
        game_id=1,
        stake_band=0,
        bets=100,
        wager=199,
        wager_squared=10_099,
        win=199,
        theoretical_ggr_e4=0,
    )
    found = judge(mixed, Scatter(2_000_000, 0.0), z=5.0)
    assert (found.n_eff, found.status) == (3, "insufficient")
    assert found.standard_error == pytest.approx(2 * 10_099**0.5 / 199)


def test_a_changed_paytable_is_judged_by_what_each_bet_declared() -> None:
    before = cell(bets=30_000, won=0, house=1000, band=2)
    after = cell(bets=10_000, won=3_660_000, house=400, band=3)
    total, *parts = with_totals([before, after])
    assert parts == [before, after]
    found = judge(total, Scatter(1_000_000, 0.0), Z)
    assert found.theoretical_rtp == pytest.approx(0.75 * 0.9 + 0.25 * 0.96)
    assert (found.status, found.score) == ("ok", pytest.approx(0.0))


def test_no_verdict_before_the_minimum_however_far_off() -> None:
    skewed = Scatter(4_000_000, 10.0)
    assert skewed.n_eff_min == 20_000
    for bets, status in ((19_999, "insufficient"), (20_000, "alert")):
        assert judge(cell(bets=bets, won=bets * 500), skewed, Z).status == status
    assert Scatter(1_000_000, 0.1).n_eff_min == MIN_BETS


def test_a_game_that_always_pays_the_same_must_pay_exactly_that() -> None:
    certain = Scatter(0, 0.0)
    assert judge(cell(won=960_000), certain, Z).status == "ok"
    found = judge(cell(won=959_999), certain, Z)
    assert (found.status, found.direction, found.score) == ("alert", "below", -inf)


def test_a_cell_without_wagers_has_no_return() -> None:
    with pytest.raises(ValueError, match="without wagers"):
        judge(cell(bets=0, won=0), Scatter(1_000_000, 0.0), Z)


def test_totals_are_one_band_more_and_come_first() -> None:
    low, high = cell(won=10, band=1), cell(won=20, band=3)
    total, *rest = with_totals([low, high])
    assert rest == [low, high]
    assert (total.stake_band, total.win, total.bets) == (0, 30, 20_000)
    assert total.wager_squared == 2 * low.wager_squared
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


def test_z_is_sidaks() -> None:
    """Textbook values: 1 test at 5 % is 1.95996; 20 at 5 % are 1 - 0.95^(1/20) = 0.2561 % each."""
    assert z_for(1, 1 - 0.95**4, 1) == pytest.approx(1.959964, abs=1e-6)
    assert z_for(5, 0.05, 1) == pytest.approx(3.016, abs=1e-3)
    assert z_for(100) > z_for(10) > z_for(1)


@pytest.mark.parametrize("game", HONEST, ids=lambda game: game.slug)
def test_exact_tail_is_within_its_share_of_the_stated_rate(game: Game) -> None:
    """At the minimum, and with four times fewer bets, whose sum is twice as skewed."""
    share = -expm1(log1p(-ALARM_RATE) / (len(ALL) * len(BANDS) * LOOKS))
    least = scatter_of(game).n_eff_min
    assert exact_tail(game, {1: least}, Z) <= share
    assert exact_tail(game, {1: least // 4}, Z) <= share


def test_the_exact_tail_is_that_of_counting() -> None:
    """Two bets on a coin: three of the four outcomes are known by hand."""
    coin = next(game for game in HONEST if game.slug == "dice-duel")
    both = (4925 / 10_000) ** 2  # the score of two wins is (4 - 1.97) / (sigma * sqrt 2) = 1.436
    neither = (5075 / 10_000) ** 2  # and of none 1.393
    assert exact_tail(coin, {1: 2}, 1.3) == pytest.approx(both + neither)
    assert exact_tail(coin, {1: 2}, 1.41) == pytest.approx(both)


def test_honest_games_alarm_no_more_often_than_stated() -> None:
    """Eight operators' 60 days, every look of the job: at the stated rate of 5 % in 30 days more
    than 3 of their 16 periods would alarm once in 140 such runs."""
    periods, rng = 8, np.random.default_rng(20_260_305)
    alarmed, judged_at_all, wide = 0, 0, 0
    for _ in range(periods):
        popularity = rng.permutation(1 / np.arange(1, len(HONEST) + 1) ** 0.7)
        bets = 50 * 300 * popularity / popularity.sum()  # 50 bets/s, 300 s a slot
        run = played(HONEST, bets, 2 * SLOTS, rng)
        alarmed += len({name for name, *_ in alarms(HONEST, run, Z, 2 * SLOTS)})
        wide += len(alarms(HONEST, run, 3.5, 2 * SLOTS))
        judged_at_all += int(run.bets[:, 0, -1].sum())
    assert judged_at_all > 10**9
    assert wide > 100, "the same runs do alarm when the tolerance is narrow"
    assert alarmed <= 3


@pytest.mark.parametrize("stakes", [(100,), STAKES[2]], ids=["one stake", "several stakes"])
def test_the_faulty_game_is_found(stakes: tuple[int, ...]) -> None:
    """It returns 1.12 and declares 0.96; sigma is 4.35, so z standard errors are 0.16 at 29,000."""
    rng = np.random.default_rng(1)
    weights = np.array([weight for _, weight in FAULTY.paytable]) / FAULTY.total_weight
    multipliers = np.array([multiplier for multiplier, _ in FAULTY.paytable]) / 100
    scatter, runs, found = scatter_of(FAULTY), 400, 0
    mean, square = np.mean(stakes), np.mean(np.square(stakes))
    bets = round(FOUND_WITHIN * square / mean**2)  # n_eff = FOUND_WITHIN
    each = bets // len(stakes)
    for _ in range(runs):
        won = sum(float(rng.multinomial(each, weights) @ multipliers) * stake for stake in stakes)
        wager, squared = each * sum(stakes), each * sum(stake**2 for stake in stakes)
        sums = Cell(
            game_id=1,
            stake_band=2,
            bets=each * len(stakes),
            wager=wager,
            wager_squared=squared,
            win=round(won),
            theoretical_ggr_e4=wager * (10_000 - FAULTY.rtp_bps),
        )
        found += judge(sums, scatter, Z).status == "alert"
    assert found >= 0.99 * runs
