"""Deposits: from the player's wish, through the provider's webhook, to money in the wallet."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
from uuid_utils.compat import uuid7

from ledger.database import Connection
from ledger.errors import Refusal
from ledger.named_sql import named_queries
from ledger.payments import (
    DEPOSIT_EVENTS,
    Outcome,
    Payment,
    ProviderEvent,
    deposit_requirement,
    judge_webhook,
)
from ledger.settle_bet import Leg
from ledger.transactions import Movement, post_journal, record_status

SQL = named_queries("payments.sql")
PAYMENT_METHODS = {"card": "mock", "bank_transfer": "mock", "wallet": "mock"}
DEPOSIT_LIFETIME = timedelta(hours=1)
MAX_DEPOSIT = 100_000_000


class DepositRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A player's wish to deposit ``amount`` minor units by ``method``."""

    operator_id: int
    user_id: UUID
    amount: int
    method: str
    idempotency_key: str
    fingerprint: bytes


class WebhookResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a webhook did; the fields after ``outcome`` are set if it named a transaction."""

    outcome: Outcome
    operator_id: int | None = None
    user_id: UUID | None = None
    transaction_id: UUID | None = None
    status: str | None = None
    amount: int = 0
    currency: str = ""
    real_balance: int | None = None
    bonus_balance: int | None = None


async def create_deposit(
    pool: asyncpg.Pool, request: DepositRequest
) -> tuple[Mapping[str, Any], bool]:
    """Open a PENDING deposit; returns its row as opened, and whether it already stood.

    Raises :class:`Refusal` ``amount_invalid``, ``payment_method_not_found``, ``account_blocked``,
    ``self_excluded`` or ``idempotency_key_reused``.
    """
    provider = PAYMENT_METHODS.get(request.method)
    if provider is None:
        raise Refusal("payment_method_not_found", "This operator offers no such method.")
    if not 0 < request.amount <= MAX_DEPOSIT:
        raise Refusal("amount_invalid", f"A deposit is from 1 to {MAX_DEPOSIT} minor units.")
    async with pool.acquire() as connection, connection.transaction():
        stands = await _same_key(connection, request)
        if stands is not None:
            return stands, True
        player = await connection.fetchrow(
            SQL["player_for_payment"], request.operator_id, request.user_id
        )
        _refuse_inactive(player)
        row = await _open(connection, request, provider, player)
        if row is not None:
            return row, False
    # Another request with this key was faster; it has committed by now.
    async with pool.acquire() as connection:
        stands = await _same_key(connection, request)
    if stands is None:
        raise Refusal("ledger_unavailable", "The deposit was not opened; ask again.")
    return stands, True


async def _open(
    connection: Connection, request: DepositRequest, provider: str, player: Any
) -> Mapping[str, Any] | None:
    now: datetime = player["now"]
    row = await connection.fetchrow(
        SQL["insert_transaction"],
        request.operator_id,
        uuid7(),
        request.user_id,
        "DEPOSIT",
        "PENDING",
        request.amount,
        0,
        player["currency"],
        request.method,
        provider,
        request.idempotency_key,
        request.fingerprint,
        now + DEPOSIT_LIFETIME,
        now,
    )
    if row is not None:
        await record_status(
            connection,
            row,
            from_status=None,
            actor="player",
            reason=None,
            now=now,
            player=player,
            movement=_no_movement(player),
        )
    return row


async def _same_key(connection: Connection, request: DepositRequest) -> Any:
    row = await connection.fetchrow(
        SQL["transaction_by_key"],
        request.operator_id,
        request.user_id,
        "DEPOSIT",
        request.idempotency_key,
    )
    if row is not None and row["fingerprint"] != request.fingerprint:
        raise Refusal(
            "idempotency_key_reused", "This Idempotency-Key belongs to a different deposit."
        )
    return row


def _refuse_inactive(player: Any) -> None:
    if player is None or player["status"] != "ACTIVE":
        raise Refusal("account_blocked", "This account may not deposit.")
    if player["excluded_until"] is not None and player["excluded_until"] > player["now"]:
        raise Refusal("self_excluded", "This account is excluded from play.")


async def apply_webhook(pool: asyncpg.Pool, event: ProviderEvent) -> WebhookResult:
    """Apply a verified webhook once, whatever its repeats and order; record it in any case.

    Idempotent by the provider's ``webhook_id`` (its receipt) and by the transaction (its status).
    """
    async with pool.acquire() as connection, connection.transaction():
        wallet, row = await _lock(connection, event.transaction_id)
        outcome = judge_webhook(event, _payment(row))
        first_receipt = await connection.fetchval(
            SQL["insert_receipt"],
            event.provider,
            event.webhook_id,
            event.event_type,
            row["transaction_id"] if row else None,
            outcome,
            json.dumps(msgspec.to_builtins(event)),
        )
        if first_receipt is None:
            before = await connection.fetchval(
                SQL["receipt_outcome"], event.provider, event.webhook_id
            )
            return _result("already_applied" if before == "applied" else before, row, wallet)
        if outcome != "applied":
            return _result(outcome, row, wallet)
        if DEPOSIT_EVENTS[event.event_type] == "COMPLETED":
            row, wallet = await _complete(connection, row, wallet, event)
        else:
            row = await _close(connection, row, "FAILED", f"provider:{event.provider}", wallet)
        return _result("applied", row, wallet)


async def _lock(connection: Connection, transaction_id: str) -> tuple[Any, Any]:
    """Lock the wallet, then the transaction, in the order of every writer."""
    try:
        key = UUID(transaction_id)
    except ValueError:
        return None, None
    found = await connection.fetchrow(SQL["find_transaction"], key)
    if found is None:
        return None, None
    wallet = await connection.fetchrow(SQL["lock_wallet"], found["operator_id"], found["user_id"])
    row = await connection.fetchrow(SQL["lock_transaction"], found["operator_id"], key)
    return wallet, row


async def _complete(
    connection: Connection, row: Any, wallet: Any, event: ProviderEvent
) -> tuple[Any, Any]:
    """Credit the money: player and the operator's settlement account, in one balanced journal."""
    now, amount = wallet["now"], row["amount"]
    balance = wallet["real_balance"] + amount
    required, progress_e4 = deposit_requirement(
        wallet["deposit_wagering_required"], wallet["deposit_wagering_progress_e4"], amount
    )
    earlier = await connection.fetchval(
        SQL["completed_deposits"], row["operator_id"], row["user_id"]
    )
    await connection.execute(
        SQL["credit_wallet"],
        row["operator_id"],
        row["user_id"],
        balance,
        required,
        progress_e4,
        now,
    )
    done = await connection.fetchrow(
        SQL["set_status"], row["operator_id"], row["transaction_id"], "COMPLETED", now
    )
    assert done is not None  # noqa: S101 - locked above
    await post_journal(
        connection,
        done,
        [Leg("player_real", amount, balance), Leg("operator_settlement", -amount)],
        now,
    )
    await record_status(
        connection,
        done,
        from_status=row["status"],
        actor=f"provider:{event.provider}",
        reason=None,
        now=now,
        player=wallet,
        movement=Movement(
            real_delta=amount,
            real_balance_after=balance,
            bonus_balance_after=wallet["bonus_balance"],
        ),
        first_deposit=earlier == 0,
    )
    return done, {**wallet, "real_balance": balance}


async def _close(
    connection: Connection, row: Any, status: str, actor: str, player: Any, now: Any = None
) -> Any:
    now = now or player["now"]
    closed = await connection.fetchrow(
        SQL["set_status"], row["operator_id"], row["transaction_id"], status, now
    )
    assert closed is not None  # noqa: S101 - the caller holds its lock
    await record_status(
        connection,
        closed,
        from_status=row["status"],
        actor=actor,
        reason=None,
        now=now,
        player=player,
        movement=_no_movement(player),
    )
    return closed


async def expire_deposits(pool: asyncpg.Pool, now: datetime) -> int:
    """Set unpaid deposits whose time is over to EXPIRED; returns how many. Safe to repeat."""
    expired = 0
    while True:
        async with pool.acquire() as connection, connection.transaction():
            rows = await connection.fetch(SQL["expired_deposits"], now)
            for row in rows:
                await _close(connection, row, "EXPIRED", "system", row, now)
        expired += len(rows)
        if len(rows) < 100:
            return expired


def _payment(row: Any) -> Payment | None:
    if row is None:
        return None
    return Payment(
        kind=row["kind"],
        status=row["status"],
        amount=row["amount"],
        currency=row["currency"],
        provider=row["provider"],
    )


def _no_movement(wallet: Any) -> Movement:
    return Movement(
        real_balance_after=wallet["real_balance"], bonus_balance_after=wallet["bonus_balance"]
    )


def _result(outcome: Any, row: Any, wallet: Any) -> WebhookResult:
    if row is None:
        return WebhookResult(outcome=outcome)
    return WebhookResult(
        outcome=outcome,
        operator_id=row["operator_id"],
        user_id=row["user_id"],
        transaction_id=row["transaction_id"],
        status=row["status"],
        amount=row["amount"],
        currency=row["currency"],
        real_balance=wallet["real_balance"],
        bonus_balance=wallet["bonus_balance"],
    )
