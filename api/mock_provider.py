"""The mock payment provider of development: a payment page's place, and signed webhooks.

It is another party: it knows of a deposit only what the payment link says, and it reports what
became of it by HTTP, like any provider: after a delay, now and then twice, and again until it is
answered. Mounted at ``/mock-provider`` when ``PITBOSS_MOCK_PROVIDER`` is on.
"""

import asyncio
import base64
import hashlib
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Annotated, Literal

import httpx
import msgspec
import structlog
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from litestar import Litestar, Router, post
from litestar.datastructures import State
from litestar.params import FromPath, JSONBody
from standardwebhooks import Webhook
from uuid_utils.compat import uuid7

from api.problems import Problem
from api.settings import Settings

log = structlog.get_logger(__name__)
Outcome = Literal["completed", "failed"]
ATTEMPTS = 12
SHORTEST_DELAY_MS, LONGEST_DELAY_MS = 20, 200
REPEATED_SHARE = 0.1


class Payment(msgspec.Struct, frozen=True):
    """What a payment link says; amount in minor units."""

    transaction_id: str
    amount: int
    currency: str


class PayBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the payer does: how it ends, after how long, and how often the webhook is sent."""

    outcome: Outcome = "completed"
    delay_ms: Annotated[int, msgspec.Meta(ge=0, le=60_000)] | None = None
    deliveries: Annotated[int, msgspec.Meta(ge=1, le=5)] | None = None


class PayAnswer(msgspec.Struct, frozen=True):
    """The payment was taken; the webhook follows."""

    transaction_id: str
    outcome: Outcome


def payment_link(
    public_url: str, webhook_secret: str, *, transaction_id: str, amount: int, currency: str
) -> str:
    """The URL at which a deposit is paid. Its token is sealed, so that the amount stands.

    The same payment has the same link: a repeated deposit gets the answer it got before.
    """
    payment = msgspec.json.encode(Payment(transaction_id, amount, currency))
    token = base64.urlsafe_b64encode(_cipher(webhook_secret).encrypt(payment, None)).decode()
    return f"{public_url}/mock-provider/payments/{token}"


class MockProvider:
    """Sends the webhooks of taken payments to ``webhook_url`` until they are answered."""

    def __init__(self, webhook_secret: str, webhook_url: str) -> None:
        self._cipher = _cipher(webhook_secret)
        self._webhook = Webhook(webhook_secret)
        self._webhook_url = webhook_url
        self._client = httpx.AsyncClient(timeout=10)
        self._deliveries: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        """Stop; payments that are not reported yet stay unpaid for the platform."""
        for delivery in self._deliveries:
            delivery.cancel()
        await asyncio.gather(*self._deliveries, return_exceptions=True)
        await self._client.aclose()

    def pay(self, token: str, body: PayBody) -> PayAnswer:
        """Take the payment behind a link. Raises ``Problem`` ``payment_link_invalid``."""
        try:
            sealed = base64.b64decode(token, altchars=b"-_", validate=True)
            payment = msgspec.json.decode(self._cipher.decrypt(sealed, None), type=Payment)
        except (ValueError, InvalidTag) as error:
            raise Problem("payment_link_invalid", "This is no payment link.", 404) from error
        task = asyncio.create_task(self._report(payment, body))
        self._deliveries.add(task)
        task.add_done_callback(self._deliveries.discard)
        return PayAnswer(payment.transaction_id, body.outcome)

    async def _report(self, payment: Payment, body: PayBody) -> None:
        delay_ms = body.delay_ms
        if delay_ms is None:
            delay_ms = random.uniform(SHORTEST_DELAY_MS, LONGEST_DELAY_MS)  # noqa: S311
        await asyncio.sleep(delay_ms / 1000)
        repeated = 2 if random.random() < REPEATED_SHARE else 1  # noqa: S311
        event = {"type": f"deposit.{body.outcome}", "data": msgspec.to_builtins(payment)}
        text = msgspec.json.encode(event).decode()
        webhook_id = f"msg_{uuid7().hex}"
        for _ in range(body.deliveries or repeated):
            await self._deliver(webhook_id, text)

    async def _deliver(self, webhook_id: str, text: str) -> None:
        """Send until answered; a 4xx is an answer, anything else is asked again with back-off."""
        for attempt in range(ATTEMPTS):
            now = datetime.now(UTC)
            headers = {
                "content-type": "application/json",
                "webhook-id": webhook_id,
                "webhook-timestamp": str(int(now.timestamp())),
                "webhook-signature": self._webhook.sign(webhook_id, now, text),
            }
            try:
                answer = await self._client.post(self._webhook_url, content=text, headers=headers)
            except httpx.HTTPError as error:
                log.warning("webhook_undelivered", attempt=attempt, error=repr(error))
            else:
                if answer.status_code < 500:
                    return
            await asyncio.sleep(min(0.1 * 2**attempt, 30))


@post("/payments/{token:str}", status_code=202, exclude_from_csrf=True)
async def pay(
    token: FromPath[str], state: State, data: JSONBody[PayBody | None] = None
) -> PayAnswer:
    """Pay a deposit as its link says; the provider's webhook follows."""
    return state.mock_provider.pay(token, data or PayBody())


@asynccontextmanager
async def mock_provider_lifespan(app: Litestar) -> AsyncIterator[None]:
    """Runs the provider for as long as the app; an app lifespan manager."""
    settings: Settings = app.state.settings
    webhook_url = f"{settings.public_url}/webhooks/payments/mock"
    app.state.mock_provider = MockProvider(settings.webhook_secret_mock, webhook_url)
    try:
        yield
    finally:
        await app.state.mock_provider.close()


def _cipher(webhook_secret: str) -> AESSIV:
    return AESSIV(hashlib.sha256(f"mock-provider-links:{webhook_secret}".encode()).digest())


router = Router("/mock-provider", route_handlers=[pay], include_in_schema=False)
