"""Deposits: from the player's wish, through the provider's webhook, to money in the wallet."""

from datetime import datetime, timedelta
from typing import Any

import asyncpg
import msgspec
from uuid_utils.compat import uuid7

from ledger.commands import Command, MoneyDesk, player_command
from ledger.declared_terms import read_offers
from ledger.deposit_rules import (
    Credited,
    DepositDetail,
    Reversed,
    credit_deposit,
    reverse_deposit,
)
from ledger.errors import Refusal
from ledger.events import encode
from ledger.money_events import bonus_granted, experience_moved, level_reached, spins_event
from ledger.named_sql import named_queries
from ledger.transactions import (
    PaymentRequest,
    append_history,
    check_payment,
    open_transaction,
    same_key,
    set_status,
    status_event,
)

SQL = named_queries("payments.sql")
DEPOSIT_LIFETIME = timedelta(hours=1)


async def create_deposit(desk: MoneyDesk, request: PaymentRequest) -> tuple[Any, bool]:
    """Open a PENDING deposit; returns its row, and whether it already stood under its key.

    Raises :class:`Refusal` ``player_not_found``, ``account_blocked``, ``self_excluded``,
    ``operator_inactive``, ``payment_method_not_found``, ``amount_invalid``, ``limit_exceeded`` or
    ``idempotency_key_reused``.
    """
    async with player_command(desk, request.operator_id, request.user_id) as command:
        stands = await same_key(command, "DEPOSIT", request)
        if stands is not None:
            return stands, True
        _refuse_inactive(command)
        method = await check_payment(command, "deposit", request)
        row = await open_transaction(command, "DEPOSIT", request, method, lifetime=DEPOSIT_LIFETIME)
    return row, False


def _refuse_inactive(command: Command) -> None:
    player = command.player
    if player.status != "ACTIVE":
        raise Refusal("account_blocked", "This account may not deposit.")
    if player.excluded_until is not None and player.excluded_until > command.now:
        raise Refusal("self_excluded", "This account is excluded from play.")
    if not command.operator.active:
        raise Refusal("operator_inactive", "This brand takes no deposits at the moment.")


async def complete_deposit(command: Command, row: Any, actor: str) -> Any:
    """Credit a paid deposit with all it earns; the caller has locked and judged it."""
    before = command.player
    earlier = await command.connection.fetchval(
        SQL["completed_deposits"], row["operator_id"], row["user_id"]
    )
    offers = await read_offers(command.connection, row["operator_id"])
    credited = credit_deposit(
        before,
        command.operator,
        row["amount"],
        row["transaction_id"],
        offers,
        command.around,
        first_deposit=earlier == 0,
    )
    command.change(credited.after)
    command.post(credited.book, "deposit", row["transaction_id"])
    done = await set_status(
        command,
        row,
        "COMPLETED",
        actor=actor,
        detail=credited.detail,
        before=before,
        first_deposit=earlier == 0,
    )
    _tell_benefits(command, credited, before.vip_level)
    return done


def _tell_benefits(command: Command, credited: Credited, level_before: int) -> None:
    after, now = credited.after, command.now
    if credited.detail.xp:
        command.tell(experience_moved(after, credited.detail.xp, uuid7(), "deposit", now))
    for credit in credited.credits:
        command.tell(bonus_granted(after, credit, now))
    for grant in credited.new_grants:
        command.tell(spins_event(after, grant, "GRANTED", now))
    if after.vip_level > level_before:
        command.tell(level_reached(after, uuid7(), now))


async def fail_deposit(command: Command, row: Any, actor: str) -> Any:
    """The provider did not get the money; nothing moves."""
    return await set_status(command, row, "FAILED", actor=actor)


async def take_back_deposit(command: Command, row: Any, actor: str) -> Any:
    """A chargeback: take the money back, the shortfall becoming debt, and flag the player.

    A deposit reversed before it was completed has FAILED: REVERSED always follows COMPLETED, so
    that what was paid in is the completed deposits less the reversed ones.
    """
    await command.connection.execute(
        SQL["flag_player"], row["operator_id"], row["user_id"], "deposit_reversed"
    )
    if row["status"] != "COMPLETED":
        return await set_status(
            command, row, "FAILED", actor=actor, reason="reversed before it was completed"
        )
    before = command.player
    detail = msgspec.json.decode(row["detail"], type=DepositDetail)
    back = reverse_deposit(before, command.operator, row["amount"], row["transaction_id"], detail)
    command.loaded.ended_grants += [(grant, "REVOKED") for grant in back.revoked]
    command.change(back.after, back.closed)
    command.post(back.book, "deposit", row["transaction_id"])
    _tell_losses(command, back, before.vip_experience)
    return await set_status(
        command,
        row,
        "REVERSED",
        actor=actor,
        reason=f"chargeback, {back.owed} owed" if back.owed else "chargeback",
        before=before,
    )


def _tell_losses(command: Command, back: Reversed, experience_before: int) -> None:
    for grant in back.revoked:
        command.tell(spins_event(back.after, grant, "REVOKED", command.now))
    lost = back.after.vip_experience - experience_before
    if lost:
        command.tell(experience_moved(back.after, lost, uuid7(), "deposit", command.now))


async def expire_deposits(pool: asyncpg.Pool, now: datetime) -> int:
    """Set unpaid deposits whose time is over to EXPIRED; returns how many. Safe to repeat.

    Moves no money, so it locks the transactions alone and skips those that are being decided.
    """
    expired = 0
    while True:
        async with pool.acquire() as connection, connection.transaction():
            rows = await connection.fetch(SQL["expired_deposits"], now)
            for row in rows:
                closed = await connection.fetchrow(
                    SQL["set_status"],
                    row["operator_id"],
                    row["transaction_id"],
                    "EXPIRED",
                    now,
                    None,
                )
                assert closed is not None  # noqa: S101 - locked above
                await append_history(connection, closed, row["status"], "system", None, now)
                event = status_event(
                    closed,
                    None,
                    now,
                    affiliate_id=row["affiliate_id"],
                    is_bot=row["is_bot"],
                    real_balance_after=row["real_balance"],
                    bonus_balance_after=row["bonus_balance"],
                )
                key = str(row["transaction_id"])
                await connection.execute(SQL["insert_outbox"], key, encode(event))
        expired += len(rows)
        if len(rows) < 100:
            return expired
