"""Which period a report covers, how values are shown, and how changes are counted."""

import doctest
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from dashboards import report, report_html
from dashboards.report import ReportRefused, decimal_of, span_of

MALTA = ZoneInfo("Europe/Malta")
NOW = datetime(2026, 11, 24, 23, 30, tzinfo=UTC)  # already the 25th in Malta


def test_examples_in_the_modules_hold() -> None:
    assert doctest.testmod(report).failed == 0
    assert doctest.testmod(report_html).failed == 0


def test_the_default_is_the_last_period_that_is_over_by_the_operators_clock() -> None:
    daily = span_of("daily", None, MALTA, NOW)
    assert daily.start == datetime(2026, 11, 23, 23, tzinfo=UTC)
    assert daily.end == datetime(2026, 11, 24, 23, tzinfo=UTC)
    assert daily.title == "Tuesday, 24 November 2026"
    weekly = span_of("weekly", None, MALTA, NOW)
    assert weekly.start == datetime(2026, 11, 15, 23, tzinfo=UTC)
    assert weekly.title == "Week 47 of 2026"


def test_a_week_is_the_one_that_contains_the_day() -> None:
    assert span_of("weekly", date(2026, 1, 1), MALTA, NOW).title == "Week 1 of 2026"
    spans = [span_of("weekly", date(2026, 11, day), MALTA, NOW) for day in (16, 22)]
    assert spans[0] == spans[1]


def test_days_have_23_to_25_hours_where_clocks_change() -> None:
    for day, hours in ((date(2026, 3, 29), 23), (date(2026, 10, 25), 25)):
        span = span_of("daily", day, MALTA, NOW)
        assert span.end - span.start == timedelta(hours=hours)


@pytest.mark.parametrize(("kind", "day"), [("daily", 25), ("weekly", 24)])
def test_a_period_that_is_not_over_is_refused(kind: report.Kind, day: int) -> None:
    with pytest.raises(ReportRefused, match="is not over"):
        span_of(kind, date(2026, 11, day), MALTA, NOW)


def test_amounts_keep_every_minor_unit() -> None:
    large = 9_007_199_254_740_993  # no float holds this
    assert decimal_of(large, "EUR") == Decimal("90071992547409.93")
    assert report_html.shown(decimal_of(large, "EUR"), "money") == "90,071,992,547,409.93"
    assert report_html.shown(decimal_of(5, "KWD"), "money") == "0.005"
