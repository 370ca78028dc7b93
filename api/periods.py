"""The ``from`` and ``to`` of every report: half-open, UTC, echoed in the answer."""

from datetime import UTC, date, datetime, time
from typing import Annotated

import msgspec
from litestar.params import QueryParameter

from api.problems import Problem
from warehouse.time_ranges import EPOCH, LAST, TimeRange

From = Annotated[
    str | None,
    QueryParameter(
        name="from",
        max_length=40,
        description="Start, included: RFC 3339 or a UTC date; by default the beginning",
    ),
]
To = Annotated[
    str | None,
    QueryParameter(
        name="to",
        max_length=40,
        description="End, not included: RFC 3339 or a UTC date; by default now",
    ),
]


class Period(msgspec.Struct, frozen=True):
    """What was asked for: ``shown_end`` is what the answer says, the range what is read.

    Without ``to`` the range stays open: nothing happens after now, and whole hours up to the last
    one are answered by the rollup alone. It is shown to end with the last full second.
    """

    range: TimeRange
    shown_end: datetime


def provide_period(from_: From = None, to: To = None) -> Period:
    """Dependency ``period``; raises ``Problem`` ``invalid_range``."""
    start = EPOCH if from_ is None else _moment(from_, "from")
    end = LAST if to is None else _moment(to, "to")
    if start >= end:
        raise Problem("invalid_range", "from must be before to.")
    if to is not None:
        return Period(TimeRange(start, end), end)
    now = datetime.now(UTC)
    full_second = now.replace(microsecond=0)
    return Period(TimeRange(start, end), full_second if start < full_second else now)


def _moment(text: str, name: str) -> datetime:
    """A date is its UTC midnight. A plus that arrived as a space is still an offset."""
    try:
        if len(text) == len("2026-11-22"):
            moment = datetime.combine(date.fromisoformat(text), time(), UTC)
        else:
            moment = msgspec.convert(text.replace(" ", "+"), datetime)
        if moment.tzinfo is None or not EPOCH <= moment <= LAST:
            raise ValueError(text)
    except (ValueError, OverflowError) as error:
        raise Problem(
            "invalid_range", f"{name} must be a date or an RFC 3339 time from 1970 to 2100."
        ) from error
    return moment.astimezone(UTC)
