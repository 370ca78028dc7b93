"""JSON of deposits, withdrawals and transactions; amounts are minor units of ``currency``."""

from collections.abc import Mapping
from typing import Annotated, Any
from uuid import UUID

import msgspec

from api.schemas.fields import PRINTABLE
from ledger.events import timestamp
from ledger.transactions import PaymentStep


class PaymentBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A wish to pay in or out."""

    amount: Annotated[int, msgspec.Meta(ge=1, le=2**53, description="Minor units")]
    method: Annotated[str, msgspec.Meta(min_length=1, max_length=32, pattern=PRINTABLE)]


class DepositBody(PaymentBody, frozen=True, forbid_unknown_fields=True):
    """A wish to deposit."""


class WithdrawalBody(PaymentBody, frozen=True, forbid_unknown_fields=True):
    """A wish to withdraw."""


class RejectBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why a withdrawal is rejected; the player reads it."""

    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=500, pattern=PRINTABLE)]


class Instructions(msgspec.Struct, frozen=True):
    """Where the player pays."""

    pay_url: str


class TransactionView(msgspec.Struct, frozen=True, kw_only=True):
    """A transaction as its player sees it; ``reason`` where somebody gave one."""

    transaction_id: UUID
    type: str
    status: str
    amount: int
    fee: int
    currency: str
    method: str
    reason: str | None
    created_at: str
    updated_at: str
    expires_at: str | None


class DepositView(TransactionView, frozen=True, kw_only=True):
    """A deposit; ``instructions`` only while it waits to be paid."""

    instructions: Instructions | None = None


class OperatorWithdrawal(TransactionView, frozen=True, kw_only=True):
    """A withdrawal as the operator's staff see it, with what they decide on.

    ``debt`` is what the player owes; ``flagged_reason`` why the player was flagged, if so.
    """

    player_id: UUID
    username: str
    player_status: str
    is_bot: bool
    flagged_reason: str | None
    debt: int


class MethodView(msgspec.Struct, frozen=True):
    """A way to pay, from and up to which amounts."""

    method: str
    min_amount: int
    max_amount: int


def transaction_view(row: Mapping[str, Any]) -> TransactionView:
    """A transaction from its row."""
    return TransactionView(**_fields(row))


def deposit_view(row: Mapping[str, Any], pay_url: str | None) -> DepositView:
    """A deposit from its row, with where to pay if it is still to be paid."""
    return DepositView(
        **_fields(row), instructions=None if pay_url is None else Instructions(pay_url)
    )


def operator_withdrawal(row: Mapping[str, Any]) -> OperatorWithdrawal:
    """A withdrawal with its player from a row of the operator's list."""
    return OperatorWithdrawal(
        **_fields(row),
        player_id=row["user_id"],
        username=row["username"],
        player_status=row["player_status"],
        is_bot=row["is_bot"],
        flagged_reason=row["flagged_reason"],
        debt=row["debt"],
    )


def payment_notice(step: PaymentStep) -> tuple[UUID, dict[str, Any]]:
    """What a player's sockets hear of a deposit's or withdrawal's new status."""
    row, player = step.row, step.player
    message: dict[str, Any] = {
        "type": row["kind"].lower(),
        "transaction_id": str(row["transaction_id"]),
        "status": row["status"],
        "amount": row["amount"],
        "currency": row["currency"],
        "balances": {
            "real": player.real_balance,
            "bonus": player.bonus_balance,
            "held": player.held_balance,
        },
        "debt": player.debt,
        "level": player.vip_level,
    }
    return player.user_id, message


def _fields(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "transaction_id": row["transaction_id"],
        "type": row["kind"].lower(),
        "status": row["status"],
        "amount": row["amount"],
        "fee": row["fee"],
        "currency": row["currency"],
        "method": row["method"],
        "reason": row.get("reason"),
        "created_at": timestamp(row["created_at"]),
        "updated_at": timestamp(row["updated_at"]),
        "expires_at": None if row["expires_at"] is None else timestamp(row["expires_at"]),
    }
