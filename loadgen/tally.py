"""What the swarm did, counted by the bots themselves rather than by the platform."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Tally:
    """Counters of one run; amounts in minor units, per operator since currencies differ."""

    spins: Counter[str] = field(default_factory=Counter)
    wagered: Counter[str] = field(default_factory=Counter)
    won: Counter[str] = field(default_factory=Counter)
    free_spins: Counter[str] = field(default_factory=Counter)
    jackpots: int = 0
    deposits: int = 0
    deposited_amount: int = 0
    withdrawals: int = 0
    withdrawn_amount: int = 0
    retries: int = 0
    turned_away: Counter[str] = field(default_factory=Counter)

    def spun(self, operator: str, wager: int, win: int) -> None:
        """Count a settled spin."""
        self.spins[operator] += 1
        self.wagered[operator] += wager
        self.won[operator] += win

    def spun_free(self, operator: str) -> None:
        """Count a free spin."""
        self.free_spins[operator] += 1

    def hit_jackpot(self) -> None:
        """Count a jackpot."""
        self.jackpots += 1

    def withdrew(self, amount: int) -> None:
        """Count a withdrawal that was asked for."""
        self.withdrawals += 1
        self.withdrawn_amount += amount

    def deposited(self, amount: int) -> None:
        """Count a completed deposit."""
        self.deposits += 1
        self.deposited_amount += amount

    def retried(self) -> None:
        """Count a request that had to be asked again."""
        self.retries += 1

    def stayed_out(self, code: str) -> None:
        """Count a bot that could not log in, by the reason."""
        self.turned_away[code] += 1
