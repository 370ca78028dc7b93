"""A transaction's record: its statuses, journals and outbox events, all written one way."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from uuid_utils.compat import uuid7

from ledger.database import Connection
from ledger.events import TransactionEvent, encode, timestamp
from ledger.named_sql import named_queries
from ledger.settle_bet import Leg

SQL = named_queries("payments.sql")


class Movement(msgspec.Struct, frozen=True, kw_only=True):
    """What a status change moved in the wallet, in minor units, and the balances after it."""

    real_delta: int = 0
    bonus_delta: int = 0
    held_delta: int = 0
    real_balance_after: int
    bonus_balance_after: int


async def record_status(  # every status a transaction reaches passes here
    connection: Connection,
    row: Mapping[str, Any],
    *,
    from_status: str | None,
    actor: str,
    reason: str | None,
    now: datetime,
    player: Mapping[str, Any],
    movement: Movement,
    first_deposit: bool = False,
) -> None:
    """Append the status in ``row`` to the transaction's history and tell the warehouse of it."""
    await connection.execute(
        SQL["insert_event"],
        row["operator_id"],
        row["transaction_id"],
        row["event_no"],
        from_status,
        row["status"],
        actor,
        reason,
        now,
    )
    event = TransactionEvent(
        operator_id=row["operator_id"],
        transaction_id=row["transaction_id"],
        event_no=row["event_no"],
        user_id=row["user_id"],
        affiliate_id=player["affiliate_id"] or 0,
        is_bot=int(player["is_bot"]),
        kind=row["kind"],
        status=row["status"],
        currency=row["currency"],
        amount=row["amount"],
        fee=row["fee"],
        real_delta=movement.real_delta,
        bonus_delta=movement.bonus_delta,
        held_delta=movement.held_delta,
        real_balance_after=movement.real_balance_after,
        bonus_balance_after=movement.bonus_balance_after,
        first_deposit=int(first_deposit),
        method=row["method"],
        provider=row["provider"],
        reason=reason or "",
        created_at=timestamp(row["created_at"]),
        occurred_at=timestamp(now),
    )
    await connection.execute(SQL["insert_outbox"], str(row["transaction_id"]), encode(event))


async def post_journal(
    connection: Connection, row: Mapping[str, Any], legs: list[Leg], now: datetime
) -> UUID:
    """Insert one balanced journal for a transaction; returns the journal's id."""
    journal_id = uuid7()
    postings = [
        (
            row["operator_id"],
            journal_id,
            number,
            leg.account,
            None if leg.balance_after is None else row["user_id"],
            row["currency"],
            leg.amount,
            leg.balance_after,
            row["kind"].lower(),
            row["transaction_id"],
            now,
        )
        for number, leg in enumerate(legs, start=1)
    ]
    await connection.execute(SQL["insert_postings"], postings)
    return journal_id
