"""An operator's payment terms: methods with bounds and fees, and velocity limits. Pure; RULES §7.

Amounts are integer minor units of the operator's currency.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from ledger.errors import Refusal
from ledger.events import timestamp

E4 = 10_000
Direction = Literal["deposit", "withdrawal"]
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


class PaymentMethod(msgspec.Struct, frozen=True, kw_only=True):
    """A way to pay in and out: who provides it, from and up to which amount, and its fee.

    The provider charges the fee to the operator. It is recorded and never taken from the player.
    """

    method: str
    provider: str = "mock"
    enabled: bool = True
    min_amount: int = 100
    max_amount: int = 100_000_000
    fee_bps: int = 0

    def fee(self, amount: int) -> int:
        """The provider's fee for ``amount``, rounded down.

        >>> PaymentMethod(method="card", fee_bps=150).fee(999)
        14
        """
        return amount * self.fee_bps // E4


DEFAULT_METHODS = tuple(
    PaymentMethod(method=method) for method in ("bank_transfer", "card", "wallet")
)
"""What an operator offers that has declared nothing."""


class VelocityLimits(msgspec.Struct, frozen=True, kw_only=True):
    """How much one player may pay in and out within any hour and any day (sliding)."""

    deposit_hour: int = 100_000
    deposit_day: int = 1_000_000
    withdrawal_hour: int = 500_000
    withdrawal_day: int = 2_500_000

    def of(self, direction: Direction) -> tuple[tuple[str, timedelta, int], ...]:
        """(name, window, highest sum) of the limits in one direction."""
        if direction == "deposit":
            return (
                ("deposit_hour", HOUR, self.deposit_hour),
                ("deposit_day", DAY, self.deposit_day),
            )
        return (
            ("withdrawal_hour", HOUR, self.withdrawal_hour),
            ("withdrawal_day", DAY, self.withdrawal_day),
        )


class EarlierPayment(msgspec.Struct, frozen=True):
    """A payment of the same direction that has not failed: it counts against the limits."""

    created_at: datetime
    amount: int


def choose_method(methods: Sequence[PaymentMethod], name: str, amount: int) -> PaymentMethod:
    """The method by its name, if it takes this amount.

    Raises :class:`Refusal` ``payment_method_not_found`` or ``amount_invalid``.
    """
    for method in methods:
        if method.method == name and method.enabled:
            break
    else:
        raise Refusal("payment_method_not_found", "This operator offers no such method.")
    if not method.min_amount <= amount <= method.max_amount:
        raise Refusal(
            "amount_invalid",
            f"By {name}, amounts are from {method.min_amount} to {method.max_amount} minor units.",
            min_amount=method.min_amount,
            max_amount=method.max_amount,
        )
    return method


def check_velocity(
    limits: VelocityLimits,
    direction: Direction,
    earlier: Sequence[EarlierPayment],
    amount: int,
    now: datetime,
) -> None:
    """Refuse ``amount`` if it would lift the sum of any window over its limit.

    ``earlier`` holds at least the last day, oldest first. Raises :class:`Refusal`
    ``limit_exceeded`` with the ``limit``, what is ``used`` and still ``available``, and when this
    amount ``frees_at``: null if it is above the limit by itself. Of two limits exceeded, it names
    the one that frees last.
    """
    exceeded = [
        (frees_at is None, frees_at, name, highest, used)
        for name, window, highest in limits.of(direction)
        for used, frees_at in [_window(earlier, amount, highest, window, now)]
        if used + amount > highest
    ]
    if not exceeded:
        return
    never, frees_at, name, highest, used = max(exceeded, key=lambda item: (item[0], item[1] or now))
    raise Refusal(
        "limit_exceeded",
        "This is more than may be moved at once."
        if never
        else "This is more than may be moved in so short a time.",
        limit=name,
        max_amount=highest,
        used=used,
        available=max(0, highest - used),
        frees_at=None if frees_at is None else timestamp(frees_at),
    )


def _window(
    earlier: Sequence[EarlierPayment],
    amount: int,
    highest: int,
    window: timedelta,
    now: datetime,
) -> tuple[int, datetime | None]:
    """What the window (now - length, now] holds, and when ``amount`` fits; None: never."""
    inside = [payment for payment in earlier if payment.created_at > now - window]
    used = sum(payment.amount for payment in inside)
    left = used
    if amount > highest:
        return used, None
    frees_at = now
    for payment in inside:
        if left + amount <= highest:
            break
        left -= payment.amount
        frees_at = payment.created_at + window
    return used, frees_at
