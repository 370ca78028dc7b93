"""JSON of deposits and transactions; amounts are minor units of ``currency``."""

from collections.abc import Mapping
from typing import Annotated, Any
from uuid import UUID

import msgspec

from ledger.events import timestamp


class DepositBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A wish to deposit."""

    amount: Annotated[int, msgspec.Meta(ge=1, le=2**53, description="Minor units")]
    method: Annotated[str, msgspec.Meta(min_length=1, max_length=32)]


class Instructions(msgspec.Struct, frozen=True):
    """Where the player pays."""

    pay_url: str


class TransactionView(msgspec.Struct, frozen=True, kw_only=True):
    """A transaction as its player sees it."""

    transaction_id: UUID
    type: str
    status: str
    amount: int
    fee: int
    currency: str
    method: str
    created_at: str
    updated_at: str
    expires_at: str | None


class DepositView(TransactionView, frozen=True, kw_only=True):
    """A deposit; ``instructions`` only while it waits to be paid."""

    instructions: Instructions | None = None


def transaction_view(row: Mapping[str, Any]) -> TransactionView:
    """A transaction from its row."""
    return TransactionView(**_fields(row))


def deposit_view(row: Mapping[str, Any], pay_url: str | None) -> DepositView:
    """A deposit from its row, with where to pay if it is still to be paid."""
    return DepositView(
        **_fields(row), instructions=None if pay_url is None else Instructions(pay_url)
    )


def _fields(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "transaction_id": row["transaction_id"],
        "type": row["kind"].lower(),
        "status": row["status"],
        "amount": row["amount"],
        "fee": row["fee"],
        "currency": row["currency"],
        "method": row["method"],
        "created_at": timestamp(row["created_at"]),
        "updated_at": timestamp(row["updated_at"]),
        "expires_at": None if row["expires_at"] is None else timestamp(row["expires_at"]),
    }
