"""Webhooks of payment providers: signed as Standard Webhooks say, applied once."""

from typing import Annotated, Literal

import msgspec
import structlog
from litestar import Request, Router, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from standardwebhooks import Webhook, WebhookVerificationError

from api.live import Live
from api.problems import Problem
from api.schemas.fields import PRINTABLE
from api.schemas.payments import payment_notice
from api.settings import Settings
from ledger.commands import MoneyDesk
from ledger.payments import ProviderEvent
from ledger.provider_events import apply_webhook

log = structlog.get_logger(__name__)
MAX_ID_LENGTH = 255

EventType = Literal[
    "deposit.completed",
    "deposit.failed",
    "deposit.reversed",
    "payout.completed",
    "payout.failed",
]
SENTENCES = {
    "transaction_not_found": "No transaction has this id.",
    "transaction_finished": "This transaction is finished.",
    "payout_not_approved": "This withdrawal has not been approved.",
    "webhook_amount_mismatch": "The transaction is about another amount.",
    "webhook_currency_mismatch": "The transaction is in another currency.",
    "webhook_type_mismatch": "This transaction takes no such event.",
    "webhook_provider_mismatch": "This transaction is another provider's.",
}


class EventData(msgspec.Struct, frozen=True):
    """What the event is about; ``amount`` in minor units of ``currency``."""

    transaction_id: Annotated[str, msgspec.Meta(max_length=64, pattern=PRINTABLE)]
    amount: Annotated[int, msgspec.Meta(ge=0, le=2**53)]
    currency: Annotated[str, msgspec.Meta(max_length=3, pattern=PRINTABLE)]


class EventBody(msgspec.Struct, frozen=True):
    """A provider's event; further fields are allowed, as Standard Webhooks want it."""

    type: EventType
    data: EventData


class WebhookAnswer(msgspec.Struct, frozen=True):
    """``applied``, or ``already_applied`` for a repeat."""

    outcome: str


@post("/webhooks/payments/{provider:str}", status_code=200, exclude_from_csrf=True)
async def payment_webhook(
    provider: FromPath[str],
    request: Request,
    desk: NamedDependency[MoneyDesk],
    settings: NamedDependency[Settings],
    live: NamedDependency[Live],
) -> WebhookAnswer:
    """Apply a provider's event once. What it cannot apply is recorded and changes nothing."""
    event = await _verified(provider, request, settings)
    result = await apply_webhook(desk, event)
    if result.outcome in SENTENCES:
        log.warning("webhook_refused", outcome=result.outcome, webhook_id=event.webhook_id)
        raise Problem(result.outcome, SENTENCES[result.outcome])
    if result.outcome == "applied" and result.step is not None:
        live.notify_players([payment_notice(result.step)])
    return WebhookAnswer(result.outcome)


async def _verified(provider: str, request: Request, settings: Settings) -> ProviderEvent:
    """The event if this provider signed it. Raises ``Problem``."""
    if provider != "mock":
        raise Problem("provider_not_found", "There is no such payment provider.")
    body = await request.body()
    try:
        Webhook(settings.webhook_secret_mock).verify(body, dict(request.headers))
    except (WebhookVerificationError, ValueError) as error:
        raise Problem("webhook_signature_invalid", "The signature does not verify.") from error
    try:
        event = msgspec.json.decode(body, type=EventBody)
    except msgspec.MsgspecError as error:
        raise Problem("validation_failed", str(error)) from error
    webhook_id = request.headers["webhook-id"]
    if not 0 < len(webhook_id) <= MAX_ID_LENGTH:
        raise Problem("validation_failed", f"A webhook-id has 1 to {MAX_ID_LENGTH} characters.")
    return ProviderEvent(
        provider=provider,
        webhook_id=webhook_id,
        event_type=event.type,
        transaction_id=event.data.transaction_id,
        amount=event.data.amount,
        currency=event.data.currency,
    )


router = Router("/", route_handlers=[payment_webhook], tags=["webhooks"])
