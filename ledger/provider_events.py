"""Providers' webhooks, applied once whatever their repeats and order, and recorded in any case."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import msgspec

from ledger.commands import Command, MoneyDesk, player_command
from ledger.database import Connection
from ledger.deposits import complete_deposit, fail_deposit, take_back_deposit
from ledger.named_sql import named_queries
from ledger.payments import Outcome, Payment, ProviderEvent, judge_webhook
from ledger.transactions import PaymentStep, find_owner, lock_transaction
from ledger.withdrawals import complete_payout, fail_payout

SQL = named_queries("payments.sql")

APPLY: dict[str, Callable[[Command, Any, str], Awaitable[Any]]] = {
    "deposit.completed": complete_deposit,
    "deposit.failed": fail_deposit,
    "deposit.reversed": take_back_deposit,
    "payout.completed": complete_payout,
    "payout.failed": fail_payout,
}


class WebhookResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a webhook did; ``step`` is the transaction after it, None for an unknown one."""

    outcome: Outcome
    step: PaymentStep | None = None


async def apply_webhook(desk: MoneyDesk, event: ProviderEvent) -> WebhookResult:
    """Apply a verified webhook once.

    Idempotent by the provider's ``webhook_id`` (an applied receipt) and by the transaction (its
    status). A webhook that was refused because it came too early may come again.
    """
    owner = await _owner(desk, event.transaction_id)
    if owner is None:
        async with desk.pool.acquire() as connection:
            await _record(connection, event, None, "transaction_not_found")
        return WebhookResult(outcome="transaction_not_found")
    async with player_command(desk, owner["operator_id"], owner["user_id"]) as command:
        row = await lock_transaction(command, UUID(event.transaction_id))
        outcome = await _record(
            command.connection, event, row["transaction_id"], judge_webhook(event, _payment(row))
        )
        if outcome == "applied":
            row = await APPLY[event.event_type](command, row, f"provider:{event.provider}")
        return WebhookResult(outcome=outcome, step=PaymentStep(row, command.player))


async def _owner(desk: MoneyDesk, transaction_id: str) -> Any:
    try:
        key = UUID(transaction_id)
    except ValueError:
        return None
    return await find_owner(desk.pool, key)


async def _record(
    connection: Connection, event: ProviderEvent, transaction_id: UUID | None, outcome: Outcome
) -> Outcome:
    """Write the receipt unless it says the same as the last one under this id.

    Returns the outcome: ``already_applied`` for an id that has been applied before.
    """
    last = await connection.fetchrow(SQL["last_receipt"], event.provider, event.webhook_id)
    if last is not None and last["outcome"] == "applied":
        return "already_applied"
    if last is None or last["outcome"] != outcome:
        await connection.execute(
            SQL["insert_receipt"],
            event.provider,
            event.webhook_id,
            1 if last is None else last["attempt"] + 1,
            event.event_type,
            transaction_id,
            outcome,
            msgspec.json.encode(event).decode(),
        )
    return outcome


def _payment(row: Any) -> Payment:
    return Payment(
        kind=row["kind"],
        status=row["status"],
        amount=row["amount"],
        currency=row["currency"],
        provider=row["provider"],
    )
