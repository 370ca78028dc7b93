"""Payout instructions: what the platform tells a payment provider to pay, sent until it reports.

An instruction is sent after the approval has committed. If that fails, or the process dies, the
worker's job sends it again: a withdrawal stays APPROVED until the provider's webhook says what
became of it, and the provider knows a payout by its transaction's id.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx
import msgspec
import structlog
from standardwebhooks import Webhook

from api.settings import Settings
from ledger.withdrawals import unreported_payouts

log = structlog.get_logger(__name__)
RESEND_AFTER = timedelta(seconds=15)


class PayoutInstruction(msgspec.Struct, frozen=True, kw_only=True):
    """The body of an instruction; ``amount`` in minor units of ``currency``."""

    transaction_id: str
    amount: int
    currency: str
    method: str


class PayoutSender:
    """Sends signed instructions to the providers this deployment knows. One a process."""

    def __init__(self, settings: Settings) -> None:
        self._webhook = Webhook(settings.webhook_secret_mock)
        self._addresses = (
            {"mock": f"{settings.public_url}/mock-provider/payouts"}
            if settings.mock_provider
            else {}
        )
        self._client = httpx.AsyncClient(timeout=10)

    async def close(self) -> None:
        """Give the connections back."""
        await self._client.aclose()

    async def send(self, row: Mapping[str, Any]) -> bool:
        """Send one approved withdrawal's instruction; whether the provider has taken it.

        Never raises for the provider's sake: what was not taken is sent again later.
        """
        transaction_id = str(row["transaction_id"])
        address = self._addresses.get(row["provider"])
        if address is None:
            log.error("payout_provider_unknown", provider=row["provider"], id=transaction_id)
            return False
        instruction = PayoutInstruction(
            transaction_id=transaction_id,
            amount=row["amount"],
            currency=row["currency"],
            method=row["method"],
        )
        text, now = msgspec.json.encode(instruction).decode(), datetime.now(UTC)
        message_id = f"payout_{transaction_id}"
        headers = {
            "content-type": "application/json",
            "webhook-id": message_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": self._webhook.sign(message_id, now, text),
        }
        try:
            answer = await self._client.post(address, content=text, headers=headers)
        except httpx.HTTPError as error:
            log.warning("payout_unsent", id=transaction_id, error=repr(error))
            return False
        if not answer.is_success:
            log.error("payout_refused", id=transaction_id, status=answer.status_code)
        return answer.is_success


async def resend_payouts(
    pool: asyncpg.Pool, sender: PayoutSender, older_than: timedelta = RESEND_AFTER
) -> int:
    """Send every instruction again that has gone unreported; returns how many were taken.

    ``pool`` is the batch role's. Safe to repeat and to run in several workers.
    """
    rows = await unreported_payouts(pool, older_than)
    return sum([await sender.send(row) for row in rows])
