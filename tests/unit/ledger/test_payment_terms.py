"""Payment methods and sliding velocity limits."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import Refusal
from ledger.payment_terms import (
    DAY,
    DEFAULT_METHODS,
    HOUR,
    Direction,
    EarlierPayment,
    PaymentMethod,
    VelocityLimits,
    check_velocity,
    choose_method,
)

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
LIMITS = VelocityLimits()


def ago(minutes: float, amount: int) -> EarlierPayment:
    return EarlierPayment(NOON - timedelta(minutes=minutes), amount)


def refusal(
    earlier: list[EarlierPayment], amount: int, direction: Direction = "deposit"
) -> Refusal:
    with pytest.raises(Refusal) as refused:
        check_velocity(LIMITS, direction, earlier, amount, NOON)
    assert refused.value.code == "limit_exceeded"
    return refused.value


def test_the_defaults_are_a_thousand_an_hour_and_ten_thousand_a_day() -> None:
    check_velocity(LIMITS, "deposit", [], 100_000, NOON)
    assert refusal([], 100_001).facts["limit"] == "deposit_hour"
    check_velocity(LIMITS, "withdrawal", [], 500_000, NOON)
    assert refusal([], 500_001, "withdrawal").facts["limit"] == "withdrawal_hour"


def test_an_hours_limit_names_what_is_used_and_when_it_frees() -> None:
    # 600.00 fifty minutes ago and 400.00 ten minutes ago fill the hour; 500.00 more fit once the
    # first has left it, in ten minutes.
    facts = refusal([ago(50, 60_000), ago(10, 40_000)], 50_000).facts
    assert facts == {
        "limit": "deposit_hour",
        "max_amount": 100_000,
        "used": 100_000,
        "available": 0,
        "frees_at": "2026-11-22T12:10:00.000000Z",
    }


def test_a_larger_amount_waits_for_more_to_leave_the_window() -> None:
    earlier = [ago(50, 60_000), ago(10, 40_000)]
    assert refusal(earlier, 60_000).facts["frees_at"] == "2026-11-22T12:10:00.000000Z"
    assert refusal(earlier, 60_001).facts["frees_at"] == "2026-11-22T12:50:00.000000Z"
    assert refusal(earlier, 100_001).facts["frees_at"] is None


def test_a_payment_exactly_an_hour_ago_has_left_the_hour_but_not_the_day() -> None:
    check_velocity(LIMITS, "deposit", [ago(60, 100_000)], 100_000, NOON)
    full_day = [ago(60 * hours, 100_000) for hours in range(20, 10, -1)]
    facts = refusal(full_day, 100).facts
    assert (facts["limit"], facts["frees_at"]) == ("deposit_day", "2026-11-22T16:00:00.000000Z")


def test_of_two_limits_the_one_that_frees_last_is_named() -> None:
    earlier = [ago(60 * hours, 100_000) for hours in range(20, 11, -1)] + [ago(5, 100_000)]
    assert refusal(earlier, 100).facts["limit"] == "deposit_day"


@given(
    st.lists(st.tuples(st.integers(0, 26 * 60), st.integers(1, 150_000)), max_size=25),
    st.integers(1, 120_000),
)
def test_it_fits_when_it_frees_and_not_a_moment_before(
    earlier: list[tuple[int, int]], amount: int
) -> None:
    payments = [ago(minutes, paid) for minutes, paid in sorted(earlier, reverse=True)]
    try:
        check_velocity(LIMITS, "deposit", payments, amount, NOON)
    except Refusal as refused:
        frees_at = refused.facts["frees_at"]
    else:
        for window, limit in ((HOUR, 100_000), (DAY, 1_000_000)):
            inside = [p.amount for p in payments if p.created_at > NOON - window]
            assert sum(inside) + amount <= limit
        return
    if frees_at is None:
        assert amount > 100_000
        return
    free = datetime.fromisoformat(frees_at)
    check_velocity(LIMITS, "deposit", payments, amount, free)
    with pytest.raises(Refusal):
        check_velocity(LIMITS, "deposit", payments, amount, free - timedelta(microseconds=1))


def test_a_method_is_chosen_by_name_within_its_bounds() -> None:
    assert choose_method(DEFAULT_METHODS, "card", 100).fee(100) == 0
    own = [
        PaymentMethod(method="card", enabled=False),
        PaymentMethod(method="wallet", min_amount=500, max_amount=600, fee_bps=125),
    ]
    assert choose_method(own, "wallet", 599).fee(599) == 7  # 7.4875, rounded down
    for name, amount, code in (
        ("card", 500, "payment_method_not_found"),
        ("cheque", 500, "payment_method_not_found"),
        ("wallet", 499, "amount_invalid"),
        ("wallet", 601, "amount_invalid"),
    ):
        with pytest.raises(Refusal) as refused:
            choose_method(own, name, amount)
        assert refused.value.code == code
