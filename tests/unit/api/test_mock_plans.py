"""What the mock provider sends: how often, in which order, how reliably."""

import json
from random import Random

from api.mock_plans import PayBody, Payment, PayoutPlan, payment_plan, payout_plan

PAYMENT = Payment("t-1", 500, "EUR")


def rng_of(seed: int) -> Random:
    return Random(seed)  # noqa: S311 - a test's choices, not secrets


def types(deliveries) -> list[str]:
    return [json.loads(d.text)["type"] for d in sorted(deliveries, key=lambda d: d.delay_ms)]


def test_a_payment_says_what_it_was_asked_to_say() -> None:
    body = PayBody(outcome="failed", delay_ms=5, deliveries=3, lost=2, reordered=False)
    plan = payment_plan(PAYMENT, body, rng_of(1))
    assert types(plan) == ["deposit.failed"] * 3
    assert len({d.webhook_id for d in plan}) == 1
    assert {d.lost for d in plan} == {2}
    assert min(d.delay_ms for d in plan) == 5
    assert json.loads(plan[0].text)["data"] == {
        "transaction_id": "t-1",
        "amount": 500,
        "currency": "EUR",
    }


def test_a_reversal_follows_its_payment_or_overtakes_it() -> None:
    in_order = PayBody(outcome="reversed", delay_ms=0, deliveries=1, reordered=False)
    assert types(payment_plan(PAYMENT, in_order, rng_of(1))) == [
        "deposit.completed",
        "deposit.reversed",
    ]
    overtaken = PayBody(outcome="reversed", delay_ms=0, deliveries=1, reordered=True)
    plan = payment_plan(PAYMENT, overtaken, rng_of(1))
    assert types(plan) == ["deposit.reversed", "deposit.completed"]
    assert len({d.webhook_id for d in plan}) == 2


def test_left_alone_it_sometimes_repeats_delays_and_loses() -> None:
    rng = rng_of(7)
    plans = [payment_plan(PAYMENT, PayBody(), rng) for _ in range(1_000)]
    assert 50 < sum(len(plan) == 2 for plan in plans) < 200
    assert 5 < sum(plan[0].lost > 0 for plan in plans) < 100
    assert 5 < sum(plan[0].delay_ms >= 1_000 for plan in plans) < 100
    assert {kind for plan in plans for kind in types(plan)} == {"deposit.completed"}


def test_a_payout_told_twice_is_reported_under_one_id() -> None:
    first, again = (payout_plan(PAYMENT, PayoutPlan(), rng_of(n)) for n in (1, 2))
    assert {d.webhook_id for d in first} == {d.webhook_id for d in again}
    assert types(payout_plan(PAYMENT, PayoutPlan(outcome="failed", deliveries=1), rng_of(1))) == [
        "payout.failed"
    ]
