"""ISO weeks in UTC, the accounting period of cashback and affiliates. Pure."""

from datetime import UTC, date, datetime, time, timedelta

import msgspec

LENGTH = timedelta(days=7)


class Week(msgspec.Struct, frozen=True, order=True):
    """An ISO week by its Monday; it covers the half-open range [start, end) in UTC."""

    monday: date

    @property
    def start(self) -> datetime:
        """The first moment of the week."""
        return datetime.combine(self.monday, time(), tzinfo=UTC)

    @property
    def end(self) -> datetime:
        """The first moment after the week."""
        return self.start + LENGTH

    @property
    def following(self) -> "Week":
        """The week after this one."""
        return Week(self.monday + LENGTH)


def week_of(moment: datetime) -> Week:
    """The week that ``moment`` lies in.

    >>> week_of(datetime(2026, 1, 1, tzinfo=UTC)).monday
    datetime.date(2025, 12, 29)
    """
    day = moment.astimezone(UTC).date()
    return Week(day - timedelta(days=day.weekday()))


def last_full_week(now: datetime) -> Week:
    """The newest week that is over.

    >>> last_full_week(datetime(2026, 11, 23, tzinfo=UTC)).monday
    datetime.date(2026, 11, 16)
    """
    return week_of(now - LENGTH)
