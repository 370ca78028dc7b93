"""The worked ledgers of ``tests/golden`` and bet sequences that have a session's totals."""

import csv
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from random import Random

import msgspec

GOLDEN = Path(__file__).parents[1] / "golden"
# What the games always pay, in hundredths of the wager.
ALWAYS_PAYS = (0, 100, 150, 200, 1_000, 10_000)


class Row(msgspec.Struct, frozen=True):
    """A row in cents: what happened, and the state after it."""

    step: int
    action: str
    deposit: int
    bonus: int
    free_spin_win: int
    wagered_real: int
    wagered_bonus: int
    result_real: int
    result_bonus: int
    real_balance: int
    bonus_balance: int
    deposit_wagering_remaining: int
    bonus_wagering_remaining: int

    @property
    def state(self) -> tuple[int, int, int, int]:
        """Balances and what remains of the two requirements."""
        return (
            self.real_balance,
            self.bonus_balance,
            self.deposit_wagering_remaining,
            self.bonus_wagering_remaining,
        )


def names() -> list[str]:
    """The worked ledgers."""
    return sorted(path.stem for path in GOLDEN.glob("*.csv"))


def rows(name: str) -> list[Row]:
    """A ledger's rows; amounts are read as exact decimals."""
    with (GOLDEN / f"{name}.csv").open(newline="") as source:
        return [
            Row(
                step=int(line.pop("step")),
                action=line.pop("action"),
                **{column: int(Fraction(text or 0) * 100) for column, text in line.items()},
            )
            for line in csv.DictReader(source)
        ]


Bet = tuple[int, int]
"""A game's multiplier in hundredths, and a wager in cents."""


def session_bets(row: Row, real: int, bonus: int, max_bet: int, random: Random) -> list[Bet]:
    """A random sequence of bets with exactly the session's totals, from these balances.

    A session that plays real and bonus money is all losses in any pieces, or else one bet.
    """
    wagered = row.wagered_real + row.wagered_bonus
    won = wagered + row.result_real + row.result_bonus
    if row.wagered_real and row.wagered_bonus and won:
        return [(won * 100 // wagered, wagered)]
    balance = real * bool(row.wagered_real) + bonus * bool(row.wagered_bonus)
    bets: list[Bet] = []
    for _ in range(random.randint(0, 25)):
        if not wagered:
            break
        pays, stake = random.choice(ALWAYS_PAYS), random.randint(1, min(balance, wagered, max_bet))
        stake -= stake % 2 if pays % 100 else 0
        win = stake * pays // 100
        after = (balance - stake + win, wagered - stake, won - win)
        if stake and _can_finish(*after):
            bets.append((pays, stake))
            balance, wagered, won = after
    bets += _pieces(_finish(wagered, won), balance, max_bet, random)
    return bets


def _finish(wagered: int, won: int) -> list[Bet]:
    """Bets, as totals by game and winners first, that wager and win exactly this."""
    if won <= wagered:
        return [(100, won), (0, wagered - won)]
    hundredfold, rest = divmod(won - wagered, 99)
    tenfold, double = divmod(rest, 9)
    plain = wagered - hundredfold - tenfold - double
    return [(10_000, hundredfold), (1_000, tenfold), (200, double), (100, plain)]


def _can_finish(balance: int, wagered: int, won: int) -> bool:
    if won < 0 or (won and not wagered):
        return False
    return not wagered or (balance > 0 and all(total >= 0 for _, total in _finish(wagered, won)))


def _pieces(totals: list[Bet], balance: int, max_bet: int, random: Random) -> Iterator[Bet]:
    """The totals in random pieces that the balance of the moment covers."""
    for pays, total in totals:
        left = total
        while left:
            most = min(left, balance, max_bet)
            stake = random.randint(max(1, most // 3), most)
            yield pays, stake
            left -= stake
            balance += stake * pays // 100 - stake
