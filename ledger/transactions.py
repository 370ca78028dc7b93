"""A transaction's record: its row, its history and what the warehouse hears, written one way."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
from uuid_utils.compat import uuid7

from ledger.account import PlayerState
from ledger.commands import Command
from ledger.database import Connection
from ledger.declared_terms import read_limits, read_methods
from ledger.errors import Refusal
from ledger.events import TransactionEvent, timestamp
from ledger.named_sql import named_queries
from ledger.payment_terms import (
    DAY,
    Direction,
    EarlierPayment,
    PaymentMethod,
    check_velocity,
    choose_method,
)

SQL = named_queries("payments.sql")

Witness = Callable[[Connection], Awaitable[None]]
"""Called inside a command's transaction: an audit entry stands exactly if the act does."""


class PaymentRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A player's wish to pay ``amount`` minor units in or out by ``method``."""

    operator_id: int
    user_id: UUID
    amount: int
    method: str
    idempotency_key: str
    fingerprint: bytes


class PaymentStep(msgspec.Struct, frozen=True):
    """A step of a transaction: its row and the player after it; ``replayed`` if it stood before."""

    row: Any
    player: PlayerState
    replayed: bool = False


async def same_key(command: Command, kind: str, request: PaymentRequest) -> Any:
    """The transaction that stands under this key, None without one; asked under the wallet's lock.

    Raises :class:`Refusal` ``idempotency_key_reused`` if it was another request's.
    """
    row = await command.connection.fetchrow(
        SQL["transaction_by_key"],
        request.operator_id,
        request.user_id,
        kind,
        request.idempotency_key,
    )
    if row is not None and row["fingerprint"] != request.fingerprint:
        raise Refusal(
            "idempotency_key_reused", "This Idempotency-Key belongs to a different request."
        )
    return row


async def check_payment(
    command: Command, direction: Direction, request: PaymentRequest
) -> PaymentMethod:
    """The method, if it and the velocity limits allow the payment; under the wallet's lock.

    Raises :class:`Refusal` ``payment_method_not_found``, ``amount_invalid``, ``limit_exceeded``.
    """
    connection, operator_id = command.connection, request.operator_id
    methods = await read_methods(connection, operator_id)
    method = choose_method(methods, request.method, request.amount)
    earlier = await connection.fetch(
        SQL["recent_payments"],
        operator_id,
        request.user_id,
        direction.upper(),
        command.now - DAY,
    )
    check_velocity(
        await read_limits(connection, operator_id),
        direction,
        [EarlierPayment(row["created_at"], row["amount"]) for row in earlier],
        request.amount,
        command.now,
    )
    return method


async def open_transaction(
    command: Command,
    kind: str,
    request: PaymentRequest,
    method: PaymentMethod,
    *,
    lifetime: timedelta | None = None,
    before: PlayerState | None = None,
) -> Any:
    """Insert a PENDING transaction and its first status; returns its row."""
    row = await command.connection.fetchrow(
        SQL["insert_transaction"],
        request.operator_id,
        uuid7(),
        request.user_id,
        kind,
        request.amount,
        method.fee(request.amount),
        command.player.currency,
        request.method,
        method.provider,
        request.idempotency_key,
        request.fingerprint,
        None if lifetime is None else command.now + lifetime,
        command.now,
    )
    assert row is not None  # noqa: S101 - an insert without a conflict clause returns its row
    await _record(command, row, None, "player", None, before or command.player)
    return row


async def set_status(
    command: Command,
    row: Mapping[str, Any],
    status: str,
    *,
    actor: str,
    reason: str | None = None,
    detail: msgspec.Struct | None = None,
    before: PlayerState | None = None,
    first_deposit: bool = False,
) -> Any:
    """Move a locked transaction to ``status``; returns its row.

    ``before`` is the player before this status moved money; ``command`` has the player after it.
    """
    changed = await command.connection.fetchrow(
        SQL["set_status"],
        row["operator_id"],
        row["transaction_id"],
        status,
        command.now,
        None if detail is None else msgspec.json.encode(detail).decode(),
    )
    assert changed is not None  # noqa: S101 - the caller holds its lock
    await _record(
        command,
        changed,
        row["status"],
        actor,
        reason,
        before or command.player,
        first_deposit=first_deposit,
    )
    return changed


async def _record(
    command: Command,
    row: Mapping[str, Any],
    from_status: str | None,
    actor: str,
    reason: str | None,
    before: PlayerState,
    *,
    first_deposit: bool = False,
) -> None:
    """Append the status in ``row`` to the history and tell the warehouse what it moved."""
    await append_history(command.connection, row, from_status, actor, reason, command.now)
    after = command.player
    command.tell(
        status_event(
            row,
            reason,
            command.now,
            affiliate_id=after.affiliate_id,
            is_bot=after.is_bot,
            real_delta=after.real_balance - before.real_balance,
            held_delta=after.held_balance - before.held_balance,
            real_balance_after=after.real_balance,
            bonus_balance_after=after.bonus_balance,
            first_deposit=first_deposit,
        )
    )


async def append_history(
    connection: Connection,
    row: Mapping[str, Any],
    from_status: str | None,
    actor: str,
    reason: str | None,
    now: datetime,
) -> None:
    """Append the status in ``row`` to the transaction's history."""
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


def status_event(
    row: Mapping[str, Any],
    reason: str | None,
    now: datetime,
    *,
    affiliate_id: int | None,
    is_bot: bool,
    real_balance_after: int,
    bonus_balance_after: int,
    real_delta: int = 0,
    held_delta: int = 0,
    first_deposit: bool = False,
) -> TransactionEvent:
    """The status in ``row`` as the warehouse hears of it; deltas in minor units."""
    return TransactionEvent(
        operator_id=row["operator_id"],
        transaction_id=row["transaction_id"],
        event_no=row["event_no"],
        user_id=row["user_id"],
        affiliate_id=affiliate_id or 0,
        is_bot=int(is_bot),
        kind=row["kind"],
        status=row["status"],
        currency=row["currency"],
        amount=row["amount"],
        fee=row["fee"],
        real_delta=real_delta,
        bonus_delta=0,
        held_delta=held_delta,
        real_balance_after=real_balance_after,
        bonus_balance_after=bonus_balance_after,
        first_deposit=int(first_deposit),
        method=row["method"],
        provider=row["provider"],
        reason=reason or "",
        created_at=timestamp(row["created_at"]),
        occurred_at=timestamp(now),
    )


async def find_owner(pool: asyncpg.Pool, transaction_id: UUID) -> Any:
    """(operator_id, user_id, kind) of a transaction, None without one; these never change."""
    async with pool.acquire() as connection:
        return await connection.fetchrow(SQL["find_transaction"], transaction_id)


async def lock_transaction(command: Command, transaction_id: UUID) -> Any:
    """The transaction's row, locked after its wallet."""
    return await command.connection.fetchrow(
        SQL["lock_transaction"], command.player.operator_id, transaction_id
    )
