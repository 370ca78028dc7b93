"""Random questions to reports over a played history; the same ones in every run."""

from bisect import bisect
from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any

import msgspec

from tests.support.history import FIRST, LAST, History
from warehouse.buckets import Interval
from warehouse.filters import Filters

LONGEST = {
    Interval.MINUTE: timedelta(hours=20),
    Interval.HOUR: timedelta(days=40),
    Interval.DAY: LAST - FIRST,
}


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What a brand asks. ``number`` and its test find it again.

    ``choice`` is a source of whatever else a test wants to vary.
    """

    number: int
    brand: int
    start: datetime
    end: datetime
    interval: Interval
    limits: Filters
    choice: Random


def questions(name: str, count: int, history: History) -> Iterator[Question]:
    """Questions in and about the history; the same ``name`` gives the same ones.

    Some begin and end at full hours or days, some just when money moved. A filter is mostly off,
    or else most would find nothing.
    """
    for number in range(count):
        picked = Random(f"{name} {number}")  # noqa: S311 - questions, not secrets
        interval = picked.choice(list(Interval))
        brand = picked.choice(history.brands)
        start, end = _period(picked, interval, history)
        yield Question(
            number=number,
            brand=brand,
            start=start,
            end=end,
            interval=interval,
            limits=_limits(picked, brand, history),
            choice=picked,
        )


def everything(history: History) -> list[Question]:
    """Questions of both brands for all that has happened."""
    return [
        Question(
            number=-1,
            brand=brand,
            start=FIRST,
            end=LAST + timedelta(days=1),
            interval=Interval.DAY,
            limits=Filters(),
            choice=Random(brand),  # noqa: S311 - as above
        )
        for brand in history.brands
    ]


def _period(picked: Random, interval: Interval, history: History) -> tuple[datetime, datetime]:
    start = FIRST + (LAST - FIRST) * picked.uniform(-0.05, 0.95)
    end = start + LONGEST[interval] * picked.uniform(0.05, 1)
    zeros: dict[str, Any] = {"minute": 0, "second": 0, "microsecond": 0}
    match picked.choice(["any", "any", "any", "money", "money", "hour", "day"]):
        case "money":
            start, end = (_next(moment, history.moments) for moment in (start, end))
        case "hour":
            start, end = start.replace(**zeros), end.replace(**zeros)
        case "day":
            start, end = start.replace(**zeros, hour=0), end.replace(**zeros, hour=0)
    return start, end if start < end else start + timedelta(hours=1)


def _next(moment: datetime, moments: list[datetime]) -> datetime:
    """The first of ``moments`` that comes later, or else the moment itself."""
    place = bisect(moments, moment)
    return moments[place] if place < len(moments) else moment


def _limits(picked: Random, brand: int, history: History) -> Filters:
    own = [player.user_id for player in history.players if player.operator_id == brand]
    games = history.casino.games

    def seldom(*values: Any) -> Any:
        return picked.choice(values) if picked.random() < 0.2 else None

    return Filters(
        include_bots=picked.random() < 0.5,
        game_id=seldom(games[0], games[3]),
        category=seldom("machine-tables", "slots"),
        provider=seldom("Test", "Test", "Nobody"),
        player_id=seldom(own[0], own[2], own[3]),
        bet_type=seldom("REAL", "REAL", "BONUS", "MIXED", "FREE_SPIN"),
    )
