"""The mock payment provider of development: takes payments, pays payouts, sends signed webhooks.

It is another party: it knows of a deposit only what the payment link says and of a payout what
the signed instruction says, and it reports what became of them by HTTP like any provider: after a
delay, now and then twice, out of order or only at the second try, and again until it is answered.
Mounted at ``/mock-provider`` when ``PITBOSS_MOCK_PROVIDER`` is on. Money fails and is charged
back only on request; a payout's outcome is planned by ``POST …/payouts/{transaction_id}/plan``.
"""

import asyncio
import base64
import hashlib
import random
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
import msgspec
import structlog
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from litestar import Litestar, Request, Router, post
from litestar.datastructures import State
from litestar.params import FromPath, JSONBody
from standardwebhooks import Webhook, WebhookVerificationError

from api.mock_plans import Delivery, PayBody, Payment, PayoutPlan, payment_plan, payout_plan
from api.payouts import PayoutInstruction
from api.problems import Problem
from api.settings import Settings

log = structlog.get_logger(__name__)
ATTEMPTS = 12


class PayAnswer(msgspec.Struct, frozen=True):
    """The payment or payout was taken; the webhook follows."""

    transaction_id: str
    outcome: str


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
    """Sends the webhooks of payments and payouts to ``webhook_url`` until they are answered."""

    def __init__(self, webhook_secret: str, webhook_url: str) -> None:
        self._cipher = _cipher(webhook_secret)
        self._webhook = Webhook(webhook_secret)
        self._webhook_url = webhook_url
        self._client = httpx.AsyncClient(timeout=10)
        self._reports: set[asyncio.Task[None]] = set()
        self._plans: dict[str, PayoutPlan] = {}
        self._payouts_under_way: set[str] = set()
        self._rng = random.Random()  # noqa: S311 - variety, not secrets

    async def close(self) -> None:
        """Stop; what is not reported yet stays open for the platform, which asks again."""
        for report in self._reports:
            report.cancel()
        await asyncio.gather(*self._reports, return_exceptions=True)
        await self._client.aclose()

    def pay(self, token: str, body: PayBody) -> PayAnswer:
        """Take the payment behind a link. Raises ``Problem`` ``payment_link_invalid``."""
        try:
            sealed = base64.b64decode(token, altchars=b"-_", validate=True)
            payment = msgspec.json.decode(self._cipher.decrypt(sealed, None), type=Payment)
        except (ValueError, InvalidTag) as error:
            raise Problem("payment_link_invalid", "This is no payment link.", 404) from error
        self._start(self._report(payment_plan(payment, body, self._rng)))
        return PayAnswer(payment.transaction_id, body.outcome)

    def plan_payout(self, transaction_id: str, plan: PayoutPlan) -> None:
        """Decide how this payout will end; kept by this process only."""
        self._plans[transaction_id] = plan

    def pay_out(self, body: bytes, headers: dict[str, str]) -> PayAnswer:
        """Take a payout instruction. One transaction is one payout, however often it is told.

        An instruction that comes again is reported again, with the same outcome under the same
        webhook id. Raises ``Problem`` ``webhook_signature_invalid`` or ``validation_failed``.
        """
        try:
            self._webhook.verify(body, headers)
        except (WebhookVerificationError, ValueError) as error:
            raise Problem("webhook_signature_invalid", "The signature does not verify.") from error
        try:
            told = msgspec.json.decode(body, type=PayoutInstruction)
        except msgspec.MsgspecError as error:
            raise Problem("validation_failed", str(error)) from error
        plan = self._plans.get(told.transaction_id, PayoutPlan())
        if told.transaction_id not in self._payouts_under_way:
            self._payouts_under_way.add(told.transaction_id)
            payment = Payment(told.transaction_id, told.amount, told.currency)
            self._start(self._report_payout(payment, plan))
        return PayAnswer(told.transaction_id, plan.outcome)

    async def _report_payout(self, payment: Payment, plan: PayoutPlan) -> None:
        try:
            await self._report(payout_plan(payment, plan, self._rng))
        finally:
            self._payouts_under_way.discard(payment.transaction_id)

    def _start(self, report: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(report)
        self._reports.add(task)
        task.add_done_callback(self._reports.discard)

    async def _report(self, deliveries: list[Delivery]) -> None:
        await asyncio.gather(*(self._deliver(delivery) for delivery in deliveries))

    async def _deliver(self, delivery: Delivery) -> None:
        """Send until answered; a 4xx is an answer, anything else is asked again with back-off."""
        await asyncio.sleep(delivery.delay_ms / 1000)
        for attempt in range(ATTEMPTS):
            if attempt >= delivery.lost and await self._post(delivery, attempt):
                return
            await asyncio.sleep(min(0.1 * 2**attempt, 30))

    async def _post(self, delivery: Delivery, attempt: int) -> bool:
        now = datetime.now(UTC)
        headers = {
            "content-type": "application/json",
            "webhook-id": delivery.webhook_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": self._webhook.sign(delivery.webhook_id, now, delivery.text),
        }
        try:
            answer = await self._client.post(
                self._webhook_url, content=delivery.text, headers=headers
            )
        except httpx.HTTPError as error:
            log.warning("webhook_undelivered", attempt=attempt, error=repr(error))
            return False
        return answer.status_code < 500


@post("/payments/{token:str}", status_code=202, exclude_from_csrf=True)
async def pay(
    token: FromPath[str], state: State, data: JSONBody[PayBody | None] = None
) -> PayAnswer:
    """Pay a deposit as its link says; the provider's webhooks follow."""
    return state.mock_provider.pay(token, data or PayBody())


@post("/payouts", status_code=202, exclude_from_csrf=True)
async def pay_out(request: Request, state: State) -> PayAnswer:
    """Take the platform's signed payout instruction; the provider's webhook follows."""
    return state.mock_provider.pay_out(await request.body(), dict(request.headers))


@post("/payouts/{transaction_id:uuid}/plan", status_code=204, exclude_from_csrf=True)
async def plan_payout(
    transaction_id: FromPath[UUID], data: JSONBody[PayoutPlan], state: State
) -> None:
    """Decide beforehand how a payout ends: for tests and demonstrations."""
    state.mock_provider.plan_payout(str(transaction_id), data)


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


router = Router(
    "/mock-provider", route_handlers=[pay, pay_out, plan_payout], include_in_schema=False
)
