"""What a webhook may do, and what may be withdrawn."""

import pytest

from ledger.payments import Payment, ProviderEvent, deposit_requirement, judge_webhook, withdrawable

TABLE = {
    # event: {status it finds: outcome}; every other status means the transaction is finished
    "deposit.completed": {"PENDING": "applied", "COMPLETED": "already_applied"},
    "deposit.failed": {"PENDING": "applied", "FAILED": "already_applied"},
    "deposit.reversed": {
        "PENDING": "applied",
        "COMPLETED": "applied",
        "REVERSED": "already_applied",
    },
    "payout.completed": {
        "PENDING": "payout_not_approved",
        "APPROVED": "applied",
        "COMPLETED": "already_applied",
    },
    "payout.failed": {
        "PENDING": "payout_not_approved",
        "APPROVED": "applied",
        "FAILED": "already_applied",
    },
}
STATUSES = ["PENDING", "APPROVED", "COMPLETED", "FAILED", "EXPIRED", "REJECTED", "REVERSED"]


def event(**changes) -> ProviderEvent:
    fields = {
        "provider": "mock",
        "webhook_id": "m",
        "event_type": "deposit.completed",
        "transaction_id": "t",
        "amount": 100,
        "currency": "EUR",
    }
    return ProviderEvent(**{**fields, **changes})


def payment(**changes) -> Payment:
    fields = {
        "kind": "DEPOSIT",
        "status": "PENDING",
        "amount": 100,
        "currency": "EUR",
        "provider": "mock",
    }
    return Payment(**{**fields, **changes})


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("event_type", TABLE)
def test_every_event_on_every_status(event_type: str, status: str) -> None:
    kind = "DEPOSIT" if event_type.startswith("deposit") else "WITHDRAWAL"
    outcome = judge_webhook(event(event_type=event_type), payment(kind=kind, status=status))
    assert outcome == TABLE[event_type].get(status, "transaction_finished")


@pytest.mark.parametrize(
    ("told", "stands", "outcome"),
    [
        ({}, None, "transaction_not_found"),
        ({"amount": 101}, {}, "webhook_amount_mismatch"),
        ({"currency": "USD"}, {}, "webhook_currency_mismatch"),
        ({"provider": "x"}, {}, "webhook_provider_mismatch"),
        ({"event_type": "payout.completed"}, {}, "webhook_type_mismatch"),
        ({}, {"kind": "WITHDRAWAL"}, "webhook_type_mismatch"),
        ({"event_type": "deposit.lost"}, {}, "webhook_type_mismatch"),
        ({"amount": 1}, {"status": "COMPLETED"}, "webhook_amount_mismatch"),
    ],
)
def test_a_webhook_about_something_else_changes_nothing(told, stands, outcome) -> None:
    about = None if stands is None else payment(**stands)
    assert judge_webhook(event(**told), about) == outcome


@pytest.mark.parametrize(
    ("changes", "answer"),
    [
        ({}, (700, None)),
        ({"real_balance": 0}, (0, None)),
        ({"debt": 1}, (0, "debt_outstanding")),
        ({"deposit_progress_e4": 4_999_999}, (0, "deposit_wagering_open")),
        ({"open_bonus_requirement": True}, (0, "bonus_wagering_open")),
        ({"debt": 1, "open_bonus_requirement": True}, (0, "debt_outstanding")),
    ],
)
def test_withdrawable_is_the_real_balance_or_nothing_and_says_why(changes, answer) -> None:
    free = {
        "real_balance": 700,
        "debt": 0,
        "deposit_required": 500,
        "deposit_progress_e4": 5_000_000,
        "open_bonus_requirement": False,
    }
    assert withdrawable(**{**free, **changes}) == answer


def test_every_deposit_adds_its_amount_and_a_met_requirement_starts_anew() -> None:
    assert deposit_requirement(0, 0, 500) == (500, 0)
    assert deposit_requirement(1_000, 4_000_000, 500) == (1_500, 4_000_000)
    assert deposit_requirement(1_000, 10_000_000, 500) == (500, 0)
