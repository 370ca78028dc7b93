"""Outbox rows made by hand, for tests of the stream that need no player behind a bet."""

from datetime import UTC, datetime
from uuid import UUID

import msgspec
from uuid_utils.compat import uuid7

from ledger.database import Connection
from ledger.events import BetEvent, Topic, TransactionEvent, encode, timestamp

NOON = datetime(2026, 3, 5, 12, 30, tzinfo=UTC)


def bet_event(
    *,
    operator_id: int = 1,
    user_id: UUID | None = None,
    game_id: int = 1,
    wager: int = 100,
    win: int = 50,
    sign: int = 1,
    bet_id: UUID | None = None,
    created_at: datetime = NOON,
    is_bot: int = 0,
    jackpot: int = 0,
) -> BetEvent:
    """A REAL bet, or with ``sign`` -1 the rollback of one."""
    return BetEvent(
        operator_id=operator_id,
        bet_id=bet_id or uuid7(),
        user_id=user_id or uuid7(),
        game_id=game_id,
        category_id=1,
        provider="Test",
        affiliate_id=0,
        is_bot=is_bot,
        currency="EUR",
        bet_type="REAL",
        sign=sign,
        wager=sign * wager,
        wager_real=sign * wager,
        wager_bonus=0,
        win=sign * win,
        win_real=sign * win,
        win_bonus=0,
        jackpot=sign * jackpot,
        jackpot_contribution_e4=sign * wager * 100,
        free_spin_stake=0,
        free_spin_win=0,
        ggr=sign * (wager - win),
        theoretical_ggr_e4=sign * wager * 400,
        rtp_bps=9600,
        xp_added=sign * wager,
        vip_level=1,
        real_balance_after=1000,
        bonus_balance_after=0,
        bonus_policy="strict",
        bonus_policy_version=1,
        created_at=timestamp(created_at),
    )


def deposit_event(
    *,
    operator_id: int = 1,
    user_id: UUID | None = None,
    transaction_id: UUID | None = None,
    event_no: int = 1,
    status: str = "PENDING",
    amount: int = 5000,
    created_at: datetime = NOON,
    occurred_at: datetime | None = None,
) -> TransactionEvent:
    """One status of a deposit."""
    return TransactionEvent(
        operator_id=operator_id,
        transaction_id=transaction_id or uuid7(),
        event_no=event_no,
        user_id=user_id or uuid7(),
        affiliate_id=0,
        is_bot=0,
        kind="DEPOSIT",
        status=status,
        currency="EUR",
        amount=amount,
        fee=0,
        real_delta=amount if status == "COMPLETED" else 0,
        bonus_delta=0,
        held_delta=0,
        real_balance_after=amount,
        bonus_balance_after=0,
        first_deposit=0,
        method="card",
        provider="mock",
        reason="",
        created_at=timestamp(created_at),
        occurred_at=timestamp(occurred_at or created_at),
    )


def adjustment_event(
    operator_id: int, user_id: UUID, currency: str, amount: int
) -> TransactionEvent:
    """Money that a test put into a wallet, now."""
    now = datetime.now(UTC)
    event = deposit_event(
        operator_id=operator_id, user_id=user_id, amount=amount, status="COMPLETED", created_at=now
    )
    return msgspec.structs.replace(
        event, kind="ADJUSTMENT", currency=currency, method="test", liability_delta=amount
    )


async def write(connection: Connection, *events: BetEvent | TransactionEvent) -> None:
    """Put the events into the outbox, in the connection's transaction if it has one."""
    rows = [
        (Topic.BETS if isinstance(event, BetEvent) else Topic.TRANSACTIONS, encode(event))
        for event in events
    ]
    await connection.executemany(
        "INSERT INTO outbox (topic, key, payload) VALUES ($1, '', $2)", rows
    )
