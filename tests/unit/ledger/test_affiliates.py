"""What a week is worth to an affiliate. RULES §11, with worked examples."""

from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from ledger.affiliates import Figures, Share, affiliate_share
from ledger.weeks import Week, last_full_week, week_of

AMOUNTS = st.integers(-(10**12), 10**12)
MOMENTS = st.datetimes(
    datetime(2000, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone
    datetime(2100, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)


def share(ggr: int, cost: int = 0, rate_bps: int = 500, **terms: object) -> Share:
    return affiliate_share(Figures(ggr=ggr, bonus_cost=cost), rate_bps, **terms)  # type: ignore[arg-type]


def test_five_per_cent_of_what_is_left_after_bonuses_rounded_down():
    # (123.45 - 20.00) x 5 % = 5.1725
    assert share(12_345, 2_000) == Share(amount=517, carried_out=0)


def test_a_bad_week_costs_nobody_anything():
    assert share(-10_000) == Share(amount=0, carried_out=0)
    assert share(500, 800) == Share(amount=0, carried_out=0)


def test_a_bad_week_is_carried_if_the_terms_say_so():
    bad = share(-3_000, 500, carries_negative=True)
    assert bad == Share(amount=0, carried_out=-3_500)
    better = share(2_000, carried_in=bad.carried_out, carries_negative=True)
    assert better == Share(amount=0, carried_out=-1_500)
    good = share(11_500, carried_in=better.carried_out, carries_negative=True)
    assert good == Share(amount=500, carried_out=0)


def test_terms_that_end_the_carrying_still_settle_what_was_carried():
    assert share(1_000, carried_in=-400) == Share(amount=30, carried_out=0)


def test_a_late_rollback_corrects_the_next_statement():
    # A bet of 10.00 lost last week was rolled back after that week was stated.
    assert share(5_000, correction=-1_000).amount == 200
    # A rolled-back win of 30.00 counts in the affiliate's favour.
    assert share(5_000, correction=3_000).amount == 400


def test_bonus_money_played_and_lost_is_worth_nothing():
    # Grant 10, lose it all: GGR 10, cost 10.
    assert share(1_000, 1_000).amount == 0


@given(AMOUNTS, AMOUNTS, st.integers(0, 10_000), AMOUNTS, st.booleans())
def test_never_negative_and_never_more_than_the_rate(
    ggr: int, cost: int, rate_bps: int, correction: int, carries: bool
):
    made = share(ggr, cost, rate_bps, correction=correction, carries_negative=carries)
    base = ggr - cost + correction
    assert made.amount >= 0 >= made.carried_out
    assert made.amount * 10_000 <= max(0, base) * rate_bps < (made.amount + 1) * 10_000
    assert made.carried_out in ((base, 0) if base < 0 else (0,))


@given(MOMENTS)
def test_every_moment_lies_in_exactly_one_week(moment: datetime):
    week = week_of(moment)
    assert week.start <= moment < week.end
    assert week.monday.isoweekday() == 1
    assert week.end == week.following.start
    assert week.monday.isocalendar()[:2] == moment.isocalendar()[:2]
    assert last_full_week(moment).following == week


def test_weeks_turn_at_midnight_utc_wherever_one_is():
    sunday = datetime(2026, 11, 22, 23, 59, 59, 999_999, tzinfo=UTC)
    assert week_of(sunday) == Week(date(2026, 11, 16))
    assert week_of(sunday + timedelta(microseconds=1)) == Week(date(2026, 11, 23))
