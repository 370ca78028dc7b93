"""The outbox contract: topics and payloads that travel from the ledger to the warehouse.

Field names are the column names of the warehouse's raw tables; a payload goes there as
JSONEachRow without being parsed on the way. Amounts are integer minor units, ``*_e4`` counts
1/10,000 of one. Flags are 0 or 1, times are UTC with microseconds and a ``Z``.
Dimension events (``players``, ``games``, ``operators``) are written by triggers of the schema,
so that no path that changes a dimension can forget its event; their structs stand here so that
the contract is read in one place.
"""

from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from uuid import UUID

import msgspec

_encode = msgspec.json.Encoder().encode


class Topic(StrEnum):
    """An outbox topic; also the name of the raw table it feeds."""

    BETS = "bets"
    TRANSACTIONS = "transactions"
    PLAYERS = "players"
    GAMES = "games"
    OPERATORS = "operators"


class BetEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A settled bet (``sign`` 1) or the rollback of one (``sign`` -1, every amount negated).

    ``created_at`` is the original bet's time in both cases, so a rollback corrects the hour in
    which the bet counted. For FREE_SPIN bets wager, win and ggr are 0 and the ``free_spin_*``
    columns hold the amounts. ``affiliate_id`` is 0 for players without one. ``liability_delta`` is
    what the bet, with all it brought about, moved on what the operator owes the player (real +
    bonus + held); of a rollback what it really moved, which debt and ended bonuses may make another
    amount than the bet's.
    """

    operator_id: int
    bet_id: UUID
    user_id: UUID
    game_id: int
    category_id: int
    provider: str
    affiliate_id: int
    is_bot: int
    currency: str
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
    ggr: int
    theoretical_ggr_e4: int
    rtp_bps: int
    xp_added: int
    vip_level: int
    real_balance_after: int
    bonus_balance_after: int
    liability_delta: int = 0
    bonus_policy: str
    bonus_policy_version: int
    created_at: str


class TransactionEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One status a transaction reached; ``event_no`` counts a transaction's statuses from 1.

    ``kind`` is DEPOSIT, WITHDRAWAL, BONUS … and ``status`` as in DESIGN's HTTP contract.
    ``real_delta``, ``bonus_delta`` and ``held_delta`` say what this event moved in the wallet.
    ``created_at`` is the transaction's start, ``occurred_at`` this event's time.
    ``liability_delta`` is what the whole command behind the event moved on what the operator owes
    the player (real + bonus + held); of a command's events only the first has it, and none if they
    come with a bet's. So its sum over bets and transactions is the sum of the wallets.
    """

    operator_id: int
    transaction_id: UUID
    event_no: int
    user_id: UUID
    affiliate_id: int
    is_bot: int
    kind: str
    status: str
    currency: str
    amount: int
    fee: int
    real_delta: int
    bonus_delta: int
    held_delta: int
    real_balance_after: int
    bonus_balance_after: int
    liability_delta: int = 0
    first_deposit: int
    method: str
    provider: str
    reason: str
    created_at: str
    occurred_at: str


class PlayerEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A player's dimension row; the highest ``version`` is the current one."""

    operator_id: int
    user_id: UUID
    username: str
    status: str
    is_bot: int
    vip_level: int
    affiliate_id: int
    registered_at: str
    version: int


class GameEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A game's dimension row, shared by all operators; ``category`` is the category's slug."""

    game_id: int
    category_id: int
    category: str
    slug: str
    name: str
    provider: str
    rtp_bps: int
    sigma_e6: int
    volatility: str
    active: int
    version: int


class OperatorEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An operator's dimension row."""

    operator_id: int
    slug: str
    name: str
    currency: str
    time_zone: str
    active: int
    version: int


@lru_cache(maxsize=2048)  # the bets of a batch share their time, and series their points
def timestamp(moment: datetime) -> str:
    """RFC 3339 in UTC with microseconds, the one form of time in events and responses."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def outbox_row(event: BetEvent | TransactionEvent) -> tuple[str, str, str]:
    """The event as (topic, key, payload) of the outbox."""
    if isinstance(event, BetEvent):
        return Topic.BETS, str(event.bet_id), encode(event)
    return Topic.TRANSACTIONS, str(event.transaction_id), encode(event)


def encode(event: msgspec.Struct) -> str:
    """The event as the JSON text that the outbox stores."""
    return _encode(event).decode()
