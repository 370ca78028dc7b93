"""Long runs of seeded games for the RTP monitor: bets by slot, drawn from the real paytables."""

from functools import reduce
from math import ceil, gcd, log2, sqrt
from typing import Any

import msgspec
import numpy as np

from ledger.outcomes import game_facts, standard_outcomes
from loadgen.catalogue import Game
from warehouse.rtp_monitor import PERIOD, WINDOWS, Cell, Scatter, WindowName, judge
from warehouse.rtp_tolerance import normal_z

SLOT = WINDOWS["1h"].step
SLOTS = PERIOD // SLOT
STAKES = {1: (20, 60), 2: (100, 300, 900), 3: (1000, 3000, 10_000)}
"""Minor units by stake band; the shares fall as the stakes rise, as bots' do."""
SHARES = {1: (0.30, 0.10), 2: (0.30, 0.15, 0.05), 3: (0.06, 0.03, 0.01)}


def scatter_of(game: Game) -> Scatter:
    """What the monitor knows of the game."""
    return Scatter(game_facts(game.paytable).sigma_e6, standard_outcomes(game.paytable))


def chances(game: Game, *, too_much: float = 0.0) -> tuple[Any, Any]:
    """Multipliers and probabilities; hits so much likelier that the return is ``too_much`` above
    the paytable's, as a fraction of the stake; negative for less."""
    multipliers = np.array([multiplier for multiplier, _ in game.paytable]) / 100
    odds = np.array([weight for _, weight in game.paytable]) / game.total_weight
    hits = multipliers > 0
    odds[hits] *= 1 + too_much / float(game.rtp)
    odds[~hits] = 1 - odds[hits].sum()
    assert (odds >= 0).all()
    return multipliers, odds


def run_of(game: Game, stakes: dict[int, int], rng: Any, **fault: float) -> Cell:
    """So many bets by stake, as a cell."""
    multipliers, odds = chances(game, **fault)
    won = sum(float(rng.multinomial(n, odds) @ multipliers) * stake for stake, n in stakes.items())
    wager = sum(n * stake for stake, n in stakes.items())
    return Cell(
        game_id=1,
        stake_band=0,
        bets=sum(stakes.values()),
        wager=wager,
        wager_squared=sum(n * stake**2 for stake, n in stakes.items()),
        largest_stake=max(stakes),
        win=round(won),
        theoretical_ggr_e4=wager * (10_000 - game.rtp_bps),
    )


class Sums(msgspec.Struct):
    """Running sums by game, band (0: all) and slot; ``[:, :, 0]`` is zero."""

    bets: np.ndarray
    wager: np.ndarray
    wager_squared: np.ndarray
    win: np.ndarray

    def between(self, first: np.ndarray, last: np.ndarray) -> "Sums":
        """Sums over the slots ``[first, last)``, one after the other."""
        return Sums(
            *(part[:, :, last] - part[:, :, first] for part in msgspec.structs.astuple(self))
        )


def played(games: list[Game], bets_per_slot: np.ndarray, slots: int, rng: Any) -> Sums:
    """Bets of every game at a rate of its own; wins drawn by the paytable's exact weights."""
    sums = Sums(*(np.zeros((len(games), 4, slots + 1)) for _ in range(4)))
    for number, game in enumerate(games):
        multipliers, weights = chances(game)
        for band, stakes in STAKES.items():
            for stake, share in zip(stakes, SHARES[band], strict=True):
                bets = rng.poisson(bets_per_slot[number] * share, slots)
                win = rng.multinomial(bets, weights) @ (multipliers * stake)
                for row in (0, band):
                    sums.bets[number, row, 1:] += bets
                    sums.wager[number, row, 1:] += bets * stake
                    sums.wager_squared[number, row, 1:] += bets * stake**2
                    sums.win[number, row, 1:] += win
    for part in msgspec.structs.astuple(sums):
        np.cumsum(part, axis=2, out=part)
    return sums


def looks(name: WindowName, slots: int) -> tuple[np.ndarray, np.ndarray]:
    """First and last slot of every window of this kind within the run, as the job looks at them."""
    window = WINDOWS[name]
    length, step = window.length // SLOT, window.step // SLOT
    last = np.arange(length, slots + 1, step)
    return last - length, last


def cell_at(games: list[Game], sums: Sums, game: int, band: int, look: int) -> Cell:
    """The cell as the warehouse would sum it up."""
    wager = round(sums.wager[game, band, look])
    return Cell(
        game_id=game,
        stake_band=band,
        bets=round(sums.bets[game, band, look]),
        wager=wager,
        wager_squared=round(sums.wager_squared[game, band, look]),
        largest_stake=max(STAKES[band or max(STAKES)]),
        win=round(sums.win[game, band, look]),
        theoretical_ggr_e4=wager * (10_000 - games[game].rtp_bps),
    )


def alarms(
    games: list[Game], sums: Sums, share: float, slots: int
) -> list[tuple[str, int, int, int]]:
    """(window, game, band, look) of every alert that the rule finds in the run."""
    scatter = [scatter_of(game) for game in games]
    sigma = np.array([one.sigma for one in scatter])[:, None, None]
    least = np.array([one.n_eff_min for one in scatter])[:, None, None]
    rtp = np.array([game.rtp_bps for game in games])[:, None, None] / 10_000
    found = []
    for name in WINDOWS:
        seen = sums.between(*looks(name, slots))
        with np.errstate(all="ignore"):
            score = (seen.win - seen.wager * rtp) / (sigma * np.sqrt(seen.wager_squared))
            n_eff = seen.wager**2 / seen.wager_squared
        # A wide net by floats; the rule itself decides.
        near = np.argwhere((np.abs(score) > 0.999 * normal_z(share)) & (n_eff > 0.999 * least))
        for game, band, look in near.tolist():
            cell = cell_at(games, seen, game, band, look)
            if judge(cell, scatter[game], share).status == "alert":
                found.append((name, game, band, look))
    return found


def exact_tails(
    game: Game, stakes: dict[int, int], below: float, above: float
) -> tuple[float, float]:
    """P(score < −below) and P(score > above) of so many bets by stake, exactly: the wins'
    distribution by Fourier.

    ``stakes`` are counts by stake. The grid ends 10 standard deviations below the mean, and as many
    and twelve of the largest wins above it; what lies beyond is less likely than 10⁻¹² and wraps
    around.
    """
    hundredths = [multiplier for multiplier, _ in game.paytable]
    unit = reduce(gcd, hundredths) * reduce(gcd, stakes)
    root = sqrt(sum(n * stake**2 for stake, n in stakes.items()))
    sd = game.sigma * root * 100 / unit
    largest = max(hundredths) * max(stakes) // unit
    size = 1 << ceil(log2(20 * sd + 12 * largest + 64))
    angles = np.arange(size // 2 + 1) * (2 * np.pi / size)
    exponent = np.zeros(size // 2 + 1, complex)
    for stake, n in stakes.items():
        one = np.zeros(size // 2 + 1, complex)
        for multiplier, weight in game.paytable:
            turns = np.mod(angles * (multiplier * stake // unit), 2 * np.pi)
            one += weight / game.total_weight * np.exp(-1j * turns)
        exponent += n * np.log(np.maximum(np.abs(one), 1e-300)) + 1j * n * np.angle(one)
    mean = float(game.rtp * sum(n * stake for stake, n in stakes.items()) * 100 / unit)
    shift = round(mean - 10 * sd)
    exponent += 1j * np.mod(angles * shift, 2 * np.pi)
    likely = np.fft.irfft(np.exp(exponent), size)
    scores = (np.arange(size) + shift - mean) / sd
    return float(likely[scores < -below].sum()), float(likely[scores > above].sum())
