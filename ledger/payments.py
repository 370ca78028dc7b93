"""Payment rules: what a provider's webhook may do, what may be withdrawn. Pure; RULES §3, §7.

A webhook names one transaction, amount and currency. One that names an unknown or finished
transaction, or other money, changes nothing and is recorded.
"""

from typing import Literal

import msgspec

E4 = 10_000

Outcome = Literal[
    "applied",
    "already_applied",
    "transaction_not_found",
    "transaction_finished",
    "payout_not_approved",
    "webhook_amount_mismatch",
    "webhook_currency_mismatch",
    "webhook_type_mismatch",
    "webhook_provider_mismatch",
]


class Transition(msgspec.Struct, frozen=True):
    """What an event does to a transaction of ``kind`` in one of the statuses ``sources``.

    ``target`` is the status it leads to from the usual one of them.
    """

    kind: str
    sources: frozenset[str]
    target: str


TRANSITIONS: dict[str, Transition] = {
    "deposit.completed": Transition("DEPOSIT", frozenset({"PENDING"}), "COMPLETED"),
    "deposit.failed": Transition("DEPOSIT", frozenset({"PENDING"}), "FAILED"),
    # A reversal that overtakes its completion ends the deposit: nothing was credited, nothing
    # will be.
    "deposit.reversed": Transition("DEPOSIT", frozenset({"PENDING", "COMPLETED"}), "REVERSED"),
    "payout.completed": Transition("WITHDRAWAL", frozenset({"APPROVED"}), "COMPLETED"),
    "payout.failed": Transition("WITHDRAWAL", frozenset({"APPROVED"}), "FAILED"),
}


class ProviderEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A verified webhook: ``amount`` in minor units of ``currency``."""

    provider: str
    webhook_id: str
    event_type: str
    transaction_id: str
    amount: int
    currency: str


class Payment(msgspec.Struct, frozen=True, kw_only=True):
    """The transaction a webhook names, as it stands."""

    kind: str
    status: str
    amount: int
    currency: str
    provider: str


def judge_webhook(event: ProviderEvent, payment: Payment | None) -> Outcome:
    """What the webhook may do: ``applied``, or the reason why it changes nothing."""
    if payment is None:
        return "transaction_not_found"
    transition = TRANSITIONS.get(event.event_type)
    if transition is None or transition.kind != payment.kind:
        return "webhook_type_mismatch"
    reasons: tuple[tuple[bool, Outcome], ...] = (
        (payment.provider != event.provider, "webhook_provider_mismatch"),
        (payment.currency != event.currency, "webhook_currency_mismatch"),
        (payment.amount != event.amount, "webhook_amount_mismatch"),
        (payment.status == transition.target, "already_applied"),
        (payment.kind == "WITHDRAWAL" and payment.status == "PENDING", "payout_not_approved"),
        (payment.status not in transition.sources, "transaction_finished"),
    )
    for applies, reason in reasons:
        if applies:
            return reason
    return "applied"


def withdrawable(
    *,
    real_balance: int,
    debt: int,
    deposit_required: int,
    deposit_progress_e4: int,
    open_bonus_requirement: bool,
) -> tuple[int, str | None]:
    """What may be withdrawn, in minor units, and if nothing, why (RULES §3).

    >>> withdrawable(real_balance=700, debt=0, deposit_required=500,
    ...              deposit_progress_e4=4_999_999, open_bonus_requirement=False)
    (0, 'deposit_wagering_open')
    """
    if debt > 0:
        return 0, "debt_outstanding"
    if deposit_progress_e4 < deposit_required * E4:
        return 0, "deposit_wagering_open"
    if open_bonus_requirement:
        return 0, "bonus_wagering_open"
    return real_balance, None


def deposit_requirement(required: int, progress_e4: int, amount: int) -> tuple[int, int]:
    """The deposit requirement after a deposit: (required, progress in 1/10,000), minor units.

    Every deposit adds its amount to what must be wagered once (RULES §3). A requirement that was
    met starts anew, so what a player wagered beyond it counts for nothing later.

    >>> deposit_requirement(1_000, 4_000_000, 500)
    (1500, 4000000)
    >>> deposit_requirement(1_000, 10_000_000, 500)
    (500, 0)
    """
    if progress_e4 >= required * E4:
        return amount, 0
    return required + amount, progress_e4
