"""What the mock payment provider will report of a payment, when and how badly. Pure but for ids."""

from random import Random
from typing import Annotated, Literal

import msgspec
from uuid_utils.compat import uuid7

SHORTEST_DELAY_MS, LONGEST_DELAY_MS = 20, 200
SLOW_DELAY_MS = (1_000, 3_000)
REVERSAL_AFTER_MS = 100
GAP_MS = 20
# Shares of payments that go otherwise than they should, unless the payer says how they go.
SLOW_SHARE, REPEATED_SHARE, LOST_SHARE, REORDERED_SHARE = 0.03, 0.1, 0.03, 0.05

DelayMs = Annotated[int, msgspec.Meta(ge=0, le=60_000)]
Deliveries = Annotated[int, msgspec.Meta(ge=1, le=5)]
Lost = Annotated[int, msgspec.Meta(ge=0, le=5)]


class Payment(msgspec.Struct, frozen=True):
    """What a payment link or a payout instruction says; amount in minor units."""

    transaction_id: str
    amount: int
    currency: str


class Conduct(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How webhooks are sent; what is left out is chosen at random.

    After ``delay_ms``, each ``deliveries`` times, the first ``lost`` attempts of each never
    arriving, last things first if ``reordered``.
    """

    delay_ms: DelayMs | None = None
    deliveries: Deliveries | None = None
    lost: Lost | None = None
    reordered: bool | None = None


class PayBody(Conduct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the payer does: ``reversed`` pays and charges it back soon after."""

    outcome: Literal["completed", "failed", "reversed"] = "completed"


class PayoutPlan(Conduct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a payout ends."""

    outcome: Literal["completed", "failed"] = "completed"


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """One sending of one webhook: when, under which id, and how many attempts get lost."""

    delay_ms: float
    webhook_id: str
    text: str
    lost: int


def payment_plan(payment: Payment, body: PayBody, rng: Random) -> list[Delivery]:
    """The webhooks of a deposit's payment, each with an id of its own."""
    events = {
        "completed": ["deposit.completed"],
        "failed": ["deposit.failed"],
        "reversed": ["deposit.completed", "deposit.reversed"],
    }[body.outcome]
    webhooks = [(f"msg_{uuid7().hex}", event) for event in events]
    return _deliveries(payment, webhooks, body, rng)


def payout_plan(payment: Payment, plan: PayoutPlan, rng: Random) -> list[Delivery]:
    """The webhook of a payout; its id follows from the transaction, so a repeat is recognized."""
    event = f"payout.{plan.outcome}"
    return _deliveries(payment, [(f"msg_{event}_{payment.transaction_id}", event)], plan, rng)


def _deliveries(
    payment: Payment, webhooks: list[tuple[str, str]], conduct: Conduct, rng: Random
) -> list[Delivery]:
    delay_ms = conduct.delay_ms
    if delay_ms is None:
        slow = rng.random() < SLOW_SHARE
        bounds = SLOW_DELAY_MS if slow else (SHORTEST_DELAY_MS, LONGEST_DELAY_MS)
        delay_ms = rng.uniform(*bounds)
    copies = conduct.deliveries or (2 if rng.random() < REPEATED_SHARE else 1)
    lost = conduct.lost
    if lost is None:
        lost = int(rng.random() < LOST_SHARE)
    times = [
        delay_ms + number * REVERSAL_AFTER_MS + copy * GAP_MS
        for number in range(len(webhooks))
        for copy in range(copies)
    ]
    reordered = conduct.reordered
    if reordered is None:
        reordered = rng.random() < REORDERED_SHARE
    if reordered:
        times.reverse()
    sent = [webhook for webhook in webhooks for _ in range(copies)]
    return [
        Delivery(delay_ms=time_ms, webhook_id=webhook_id, text=_text(event, payment), lost=lost)
        for time_ms, (webhook_id, event) in zip(times, sent, strict=True)
    ]


def _text(event: str, payment: Payment) -> str:
    return msgspec.json.encode({"type": event, "data": msgspec.to_builtins(payment)}).decode()
