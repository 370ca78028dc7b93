"""Withdrawals: held at once, decided by the operator, paid by the provider. RULES §7.

Money that comes back repays debt first and is real money again; what must be wagered is as it was,
and neither a return nor anything else re-opens a requirement that was met.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from ledger.account import Book
from ledger.commands import Command, MoneyDesk, player_command, with_book
from ledger.database import Connection
from ledger.errors import Refusal
from ledger.named_sql import named_queries
from ledger.payments import withdrawable
from ledger.transactions import (
    PaymentRequest,
    PaymentStep,
    Witness,
    check_payment,
    find_owner,
    lock_transaction,
    open_transaction,
    same_key,
    set_status,
)

SQL = named_queries("payments.sql")
REASONS = {
    "debt_outstanding": "A reversed payment or bet is still owed.",
    "deposit_wagering_open": "Deposits must be wagered once before they can be withdrawn.",
    "bonus_wagering_open": "A bonus is open: wager it or waive it first.",
}


async def request_withdrawal(desk: MoneyDesk, request: PaymentRequest) -> PaymentStep:
    """Hold the money and open a PENDING withdrawal; ``replayed`` if it stood under its key.

    Raises :class:`Refusal` ``player_not_found``, ``account_blocked``, ``withdrawal_not_allowed``
    with the ``reason``, ``insufficient_funds``, ``payment_method_not_found``, ``amount_invalid``,
    ``limit_exceeded`` or ``idempotency_key_reused``.
    """
    async with player_command(desk, request.operator_id, request.user_id) as command:
        stands = await same_key(command, "WITHDRAWAL", request)
        if stands is not None:
            return PaymentStep(stands, command.player, replayed=True)
        if command.player.status != "ACTIVE":
            raise Refusal("account_blocked", "This account may not withdraw.")
        method = await check_payment(command, "withdrawal", request)
        before = command.player
        _check_withdrawable(command, request.amount)
        book = Book(before)
        book.hold(request.amount)
        command.change(with_book(before, book))
        row = await open_transaction(command, "WITHDRAWAL", request, method, before=before)
        command.post(book, "withdrawal", row["transaction_id"])
        return PaymentStep(row, command.player)


def _check_withdrawable(command: Command, amount: int) -> None:
    player = command.player
    available, reason = withdrawable(
        real_balance=player.real_balance,
        debt=player.debt,
        deposit_required=player.deposit_wagering_required,
        deposit_progress_e4=player.deposit_wagering_progress_e4,
        open_bonus_requirement=player.bonus.outstanding,
    )
    if reason is not None:
        raise Refusal("withdrawal_not_allowed", REASONS[reason], reason=reason)
    if amount > available:
        raise Refusal(
            "insufficient_funds", "That is more than you can withdraw.", withdrawable=available
        )


async def approve_withdrawal(
    desk: MoneyDesk, operator_id: int, transaction_id: UUID, *, actor: str, witness: Witness
) -> PaymentStep:
    """PENDING → APPROVED; the caller sends the payout after this has returned.

    Raises :class:`Refusal` ``withdrawal_not_found``, ``withdrawal_not_pending`` with its
    ``status``, or ``withdrawal_not_allowed`` while the player owes money.
    """
    owner = await _owner(desk, operator_id, transaction_id)
    async with player_command(desk, operator_id, owner) as command:
        row = await _pending(command, transaction_id)
        if command.player.debt:
            raise Refusal(
                "withdrawal_not_allowed",
                "The player owes money; reject the withdrawal to have it repaid.",
                reason="debt_outstanding",
            )
        await witness(command.connection)
        row = await set_status(command, row, "APPROVED", actor=actor)
        return PaymentStep(row, command.player)


async def reject_withdrawal(
    desk: MoneyDesk,
    operator_id: int,
    transaction_id: UUID,
    *,
    reason: str,
    actor: str,
    witness: Witness,
) -> PaymentStep:
    """PENDING → REJECTED, the money returned.

    Raises :class:`Refusal` ``withdrawal_not_found`` or ``withdrawal_not_pending``.
    """
    owner = await _owner(desk, operator_id, transaction_id)
    async with player_command(desk, operator_id, owner) as command:
        row = await _pending(command, transaction_id)
        await witness(command.connection)
        row = await _return_money(command, row, "REJECTED", actor, reason)
        return PaymentStep(row, command.player)


async def complete_payout(command: Command, row: Any, actor: str) -> Any:
    """The provider has paid: the held money leaves. The caller has locked and judged it."""
    before, book = command.player, Book(command.player)
    book.pay_out(row["amount"])
    command.change(with_book(before, book))
    command.post(book, "withdrawal", row["transaction_id"])
    return await set_status(command, row, "COMPLETED", actor=actor, before=before)


async def fail_payout(command: Command, row: Any, actor: str) -> Any:
    """The provider could not pay: the held money returns."""
    return await _return_money(command, row, "FAILED", actor, "The payment provider could not pay.")


async def _return_money(command: Command, row: Any, status: str, actor: str, reason: str) -> Any:
    before, book = command.player, Book(command.player)
    book.hold(-row["amount"])
    book.repay_debt(row["amount"])
    command.change(with_book(before, book))
    command.post(book, "withdrawal", row["transaction_id"])
    return await set_status(command, row, status, actor=actor, reason=reason, before=before)


async def _owner(desk: MoneyDesk, operator_id: int, transaction_id: UUID) -> UUID:
    owner = await find_owner(desk.pool, transaction_id)
    if owner is None or owner["operator_id"] != operator_id or owner["kind"] != "WITHDRAWAL":
        raise Refusal("withdrawal_not_found", "There is no such withdrawal.")
    return owner["user_id"]


async def _pending(command: Command, transaction_id: UUID) -> Any:
    row = await lock_transaction(command, transaction_id)
    if row["status"] != "PENDING":
        raise Refusal(
            "withdrawal_not_pending",
            "This withdrawal has been decided already.",
            withdrawal_status=row["status"],
        )
    return row


async def read_withdrawals(
    connection: Connection,
    operator_id: int,
    *,
    status: str | None = None,
    transaction_id: UUID | None = None,
    after: tuple[datetime, UUID] | None = None,
    limit: int,
) -> list[Any]:
    """An operator's withdrawals with their players as rows, newest first; in its transaction."""
    return await connection.fetch(
        SQL["operator_withdrawals"],
        operator_id,
        status,
        transaction_id,
        *(after or (None, None)),
        limit,
    )


async def unreported_payouts(pool: asyncpg.Pool, older_than: timedelta) -> list[Any]:
    """Withdrawals approved longer ago than that, whose payout the provider has not reported."""
    return await pool.fetch(SQL["unreported_payouts"], older_than)
