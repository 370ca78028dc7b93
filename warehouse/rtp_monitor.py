"""Whether a game pays what it declares: the rule of the RTP monitor. Pure, no IO. RULES §10.

A *cell* is the settled bets of one game in one stake band and one window. Each bet with stake s and
declared return R wins s·R on average with a standard deviation of s·σ, so of all its bets

    standard error of the return   SE = σ·√Σs² ÷ Σs
    score                          (Σw − Σs·R) ÷ (σ·√Σs²)  =  (actual − theoretical RTP) ÷ SE

and the cell is out of tolerance when the score is beyond z, which differs by side and game. Idea:
UK Gambling Commission, live RTP performance monitoring (2021), tolerance from the standard
deviation.

**The stated rate.** Honest games of one operator raise an alert, any alert, with a probability of
at most ``ALARM_RATE`` in ``PERIOD``: over all games, bands, windows and all looks at them. Windows
slide, and every look is a chance, so looks happen at fixed times only (``Window.step``) and each
counts as a test. By Šidák each test has a share of 1 − (1 − rate)^(1/tests), half of it above and
half below. Neighbouring looks share most of their bets, which makes the true rate several times
smaller.

**z** comes from the game's paytable and is a bound on that probability for any number of bets,
however skewed the wins: ``warehouse.rtp_tolerance`` derives it.
"""

from datetime import datetime, timedelta
from fractions import Fraction
from math import ceil, expm1, inf, log1p, sqrt
from typing import Literal

import msgspec

from warehouse.rtp_tolerance import Outcomes, z_below_and_above
from warehouse.time_ranges import Fixed, TimeRange

ALARM_RATE = 0.05
"""Probability that an operator's honest games raise any alert in ``PERIOD``, at most."""
PERIOD = timedelta(days=30)
MIN_BETS = 200
"""Least n_eff of any game."""
WIDEST_ERROR = 0.5
"""A return is judged once its standard error is at most this; as a fraction of what was staked."""
E4, E6 = 10_000, 1_000_000

Status = Literal["ok", "alert", "insufficient"]
Direction = Literal["above", "below"]
WindowName = Literal["1h", "24h", "30d"]
Band = Literal["all", "below_100", "below_1000", "from_1000"]

BANDS: tuple[Band, ...] = ("all", "below_100", "below_1000", "from_1000")
"""Stake bands by the rollups' number, wagers in minor units; 0 holds no wager there, all here."""


class Window(msgspec.Struct, frozen=True):
    """A window of this length, looked at whenever ``step`` has passed, counted from the epoch."""

    length: timedelta
    step: timedelta

    def ending_by(self, as_of: datetime) -> TimeRange:
        """The newest window to look at that had ended by then."""
        end = Fixed(self.step).floor(as_of)
        return TimeRange(end - self.length, end)


WINDOWS: dict[WindowName, Window] = {
    "1h": Window(timedelta(hours=1), timedelta(minutes=5)),
    "24h": Window(timedelta(hours=24), timedelta(hours=1)),
    "30d": Window(timedelta(days=30), timedelta(hours=1)),
}
LOOKS = sum(PERIOD // window.step for window in WINDOWS.values())
"""How often a cell's band is looked at in ``PERIOD``."""


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """Sums over one game's bets with a wager, net of rollbacks; minor units.

    ``theoretical_ggr_e4`` is Σ s·(1 − R) in 1/10,000: each bet carries the return that its game
    declared when it was settled, so a changed paytable is judged rightly. ``largest_stake`` is a
    bound: no bet staked more, perhaps none staked as much.
    """

    game_id: int
    stake_band: int
    bets: int
    wager: int
    wager_squared: int
    largest_stake: int
    win: int
    theoretical_ggr_e4: int

    @property
    def theoretical_rtp(self) -> Fraction:
        """R: declared return, weighted by stake. Needs a wager."""
        return 1 - Fraction(self.theoretical_ggr_e4, E4 * self.wager)

    @property
    def n_eff(self) -> int:
        """(Σs)² ÷ Σs², rounded down: the number of equal bets that would scatter as much."""
        return self.wager * self.wager // self.wager_squared if self.wager_squared else 0


class Scatter(msgspec.Struct, frozen=True):
    """How a game's win per unit staked scatters: σ in millionths, and every outcome of its paytable
    as its deviation from the mean in units of σ, with its probability."""

    sigma_e6: int
    outcomes: Outcomes

    @property
    def sigma(self) -> float:
        """σ per unit staked."""
        return self.sigma_e6 / E6

    @property
    def skewness(self) -> float:
        """γ = E[(m − RTP)³] ÷ σ³; 0 if the win never varies."""
        return sum(chance * deviation**3 for deviation, chance in self.outcomes)

    @property
    def n_eff_min(self) -> int:
        """From which n_eff on a cell of this game is judged: the more, the higher σ."""
        return max(MIN_BETS, ceil((self.sigma / WIDEST_ERROR) ** 2))


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """A cell against its tolerance. Returns are fractions; ``z`` is that of the side on which the
    return lies, bounds are the theoretical RTP less or plus each side's z·SE."""

    status: Status
    direction: Direction
    rtp: float
    theoretical_rtp: float
    standard_error: float
    z: float
    lower: float
    upper: float
    score: float
    n_eff: int
    n_eff_min: int


def share_of(games: int, rate: float = ALARM_RATE, looks: int = LOOKS) -> float:
    """Probability of a false alarm that one test may have, both sides together: Šidák's share.

    ``rate`` is the probability of any alert, for that many games in every band at every look.

    >>> round(share_of(5, rate=0.05, looks=1), 6)  # four bands: 20 tests, 1 - 0.95^(1/20)
    0.002561
    """
    tests = max(1, games) * len(BANDS) * looks
    return -expm1(log1p(-rate) / tests)


def judge(cell: Cell, scatter: Scatter, share: float) -> Judgement:
    """Judge a cell. Raises ``ValueError`` for one without a wager: it has no return.

    >>> cell = Cell(game_id=1, stake_band=0, bets=10_000, wager=1_000_000, largest_stake=100,
    ...     wager_squared=100_000_000, win=1_030_000, theoretical_ggr_e4=400_000_000)
    >>> coin = Scatter(1_000_000, ((-1.0, 0.5), (1.0, 0.5)))
    >>> found = judge(cell, coin, share=4e-8)  # SE 0.01, 0.07 above 0.96
    >>> found.status, found.n_eff, round(found.score, 9), round(found.z, 3), round(found.upper, 4)
    ('alert', 10000, 7.0, 5.955, 1.0196)
    """
    if cell.wager <= 0 or cell.wager_squared <= 0:
        raise ValueError("a cell without wagers has no return")
    excess = Fraction(cell.win - cell.wager) + Fraction(cell.theoretical_ggr_e4, E4)
    deviation = scatter.sigma * sqrt(cell.wager_squared)
    standard_error = deviation / cell.wager
    expected = float(cell.theoretical_rtp)
    score = _score(excess, deviation)
    concentration = cell.largest_stake / sqrt(cell.wager_squared)
    below, above = z_below_and_above(scatter.outcomes, concentration, share)
    z = above if excess > 0 else below
    enough = cell.n_eff >= scatter.n_eff_min
    return Judgement(
        status="insufficient" if not enough else "alert" if abs(score) > z else "ok",
        direction="above" if excess > 0 else "below",
        rtp=cell.win / cell.wager,
        theoretical_rtp=expected,
        standard_error=standard_error,
        z=z,
        lower=expected - below * standard_error,
        upper=expected + above * standard_error,
        score=score,
        n_eff=cell.n_eff,
        n_eff_min=scatter.n_eff_min,
    )


def _score(excess: Fraction, deviation: float) -> float:
    """A game that always pays the same (σ = 0) must pay exactly that."""
    if deviation > 0:
        return float(excess) / deviation
    return 0.0 if excess == 0 else inf if excess > 0 else -inf


def with_totals(cells: list[Cell]) -> list[Cell]:
    """The cells by stake band and, first, each game's sum over its bands as band 0."""
    totals: dict[int, Cell] = {}
    for cell in cells:
        before = totals.get(cell.game_id)
        totals[cell.game_id] = _sum(before, cell) if before else _sum(cell, None)
    return [*totals.values(), *cells]


def _sum(one: Cell, other: Cell | None) -> Cell:
    parts = [one] if other is None else [one, other]
    return Cell(
        game_id=one.game_id,
        stake_band=0,
        bets=sum(part.bets for part in parts),
        wager=sum(part.wager for part in parts),
        wager_squared=sum(part.wager_squared for part in parts),
        largest_stake=max(part.largest_stake for part in parts),
        win=sum(part.win for part in parts),
        theoretical_ggr_e4=sum(part.theoretical_ggr_e4 for part in parts),
    )
