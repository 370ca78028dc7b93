"""The newest bets and payments as arrays of what each of them counts for in reports.

The queries in ``sql/endpoints`` say the same of the rows in ClickHouse. Amounts are minor units,
``*_e4`` 1/10,000 of one.
"""

import zlib
from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import numpy as np
import numpy.typing as npt

from ledger.events import Topic
from warehouse.chunks import OutboxRow
from warehouse.player_keys import player_bytes
from warehouse.timelines import microseconds

BET_SUMS = (
    "bets",
    "free_spins",
    "winning_bets",
    "wager",
    "wager_real",
    "wager_bonus",
    "win",
    "win_real",
    "win_bonus",
    "jackpot",
    "jackpot_hits",
    "jackpot_contribution_e4",
    "free_spin_stake",
    "free_spin_win",
    "theoretical_ggr_e4",
    "liability_delta",
)
MONEY_SUMS = (
    "deposits",
    "deposit_count",
    "first_deposits",
    "withdrawals",
    "withdrawal_count",
    "bonus_cost",
    "liability_delta",
)

_HEAD = [("operator_id", "<u2"), ("is_bot", "u1"), ("moment", "<i8")]
BET = np.dtype(
    [
        *_HEAD,
        ("game_id", "<u4"),
        ("player", "S16"),
        ("bet_type", "S16"),
        ("sums", "<i8", len(BET_SUMS)),
    ]
)
"""A bet or its rollback; ``moment`` is in microseconds since 1970."""

MONEY = np.dtype([*_HEAD, ("sums", "<i8", len(MONEY_SUMS))])
"""A step of a transaction, at the moment at which it counts."""

BONUS_ENDINGS = frozenset({"FORFEITED", "EXPIRED", "WAIVED", "REVOKED", "RETURNED"})
"""What is left of a bonus goes back to the operator; COMPLETED keeps it with the player."""


class _Bet(msgspec.Struct):
    """Of :class:`ledger.events.BetEvent` what reports sum."""

    operator_id: int
    user_id: UUID
    game_id: int
    is_bot: int
    bet_type: str
    sign: int
    wager: int
    wager_real: int
    wager_bonus: int
    win: int
    win_real: int
    win_bonus: int
    jackpot: int
    jackpot_contribution_e4: int
    free_spin_stake: int
    free_spin_win: int
    theoretical_ggr_e4: int
    created_at: datetime
    liability_delta: int = 0

    def row(self) -> tuple[object, ...]:
        """As in ``BET``."""
        free_spin = self.bet_type == "FREE_SPIN"
        sums = (
            0 if free_spin else self.sign,
            self.sign if free_spin else 0,
            self.sign if self.win else 0,
            self.wager,
            self.wager_real,
            self.wager_bonus,
            self.win,
            self.win_real,
            self.win_bonus,
            self.jackpot,
            self.sign if self.jackpot else 0,
            self.jackpot_contribution_e4,
            self.free_spin_stake,
            self.free_spin_win,
            self.theoretical_ggr_e4,
            self.liability_delta,
        )
        moment, player = microseconds(self.created_at), player_bytes(self.user_id)
        head = (self.operator_id, self.is_bot, moment, self.game_id, player)
        return (*head, self.bet_type.encode(), sums)


class _Step(msgspec.Struct):
    """Of :class:`ledger.events.TransactionEvent` what reports sum."""

    operator_id: int
    is_bot: int
    kind: str
    status: str
    amount: int
    first_deposit: int
    occurred_at: datetime
    liability_delta: int = 0

    def row(self) -> tuple[object, ...]:
        """As in ``MONEY``: deposits net of those charged back, and bonuses as in RULES §10."""
        deposit = withdrawal = bonus_cost = 0
        match self.kind, self.status:
            case "DEPOSIT", "COMPLETED":
                deposit = 1
            case "DEPOSIT", "REVERSED":
                deposit = -1
            case "WITHDRAWAL", "COMPLETED":
                withdrawal = 1
            case "BONUS", status if status in BONUS_ENDINGS:
                bonus_cost = -self.amount
            case "BONUS", status if status != "COMPLETED":
                bonus_cost = self.amount
        sums = (
            deposit * self.amount,
            deposit,
            self.first_deposit,
            withdrawal * self.amount,
            withdrawal,
            bonus_cost,
            self.liability_delta,
        )
        return (self.operator_id, self.is_bot, microseconds(self.occurred_at), sums)


_KINDS = {
    Topic.BETS: (msgspec.json.Decoder(_Bet).decode, BET),
    Topic.TRANSACTIONS: (msgspec.json.Decoder(_Step).decode, MONEY),
}


def packed(rows: Iterable[OutboxRow], topic: Topic) -> bytes:
    """Those rows of a batch that are of the topic, as an array's bytes at a quarter of their size.

    Raises ``msgspec.DecodeError`` for a payload that is none.
    """
    decode, kind = _KINDS[topic]
    found = [decode(row.payload).row() for row in rows if row.topic == topic]
    return zlib.compress(np.array(found, kind).tobytes(), 1) if found else b""


def unpacked(body: bytes, topic: Topic) -> npt.NDArray[Any]:
    """The array again. Raises ``zlib.error`` or ``ValueError`` for what is none."""
    return np.frombuffer(zlib.decompress(body) if body else b"", _KINDS[topic][1])
