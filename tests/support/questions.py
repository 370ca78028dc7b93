"""Random questions to reports over a played history."""

from datetime import datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from tests.support.history import FIRST, LAST, History
from warehouse.buckets import Interval
from warehouse.filters import Filters

SPAN_US = (LAST - FIRST) // timedelta(microseconds=1)
LENGTHS = {
    Interval.MINUTE: timedelta(hours=20),
    Interval.HOUR: timedelta(days=40),
    Interval.DAY: LAST - FIRST,
}


@st.composite
def periods(draw: Any) -> tuple[datetime, datetime, Interval]:
    """A period in or about the history, half of them cut at full hours or days."""
    interval = draw(st.sampled_from(list(Interval)))
    start = FIRST + timedelta(microseconds=draw(st.integers(-SPAN_US // 10, SPAN_US)))
    length = timedelta(
        microseconds=draw(st.integers(1, LENGTHS[interval] // timedelta(microseconds=1)))
    )
    end = start + length
    grain = draw(st.sampled_from([None, "hour", "day"]))
    if grain is not None:
        zeros: dict[str, Any] = {"minute": 0, "second": 0, "microsecond": 0}
        zeros |= {"hour": 0} if grain == "day" else {}
        start = start.replace(**zeros)
        end = max(end.replace(**zeros), start + timedelta(hours=1))
    return start, end, interval


@st.composite
def filters(draw: Any) -> dict[str, Any]:
    """Filters by position, since the history's ids are known only when it has been played."""
    return {
        "include_bots": draw(st.booleans()),
        "game": draw(st.sampled_from([None, None, 0, 3])),
        "category": draw(st.sampled_from([None, None, "machine-tables", "slots"])),
        "provider": draw(st.sampled_from([None, None, None, "Test", "Nobody"])),
        "player": draw(st.sampled_from([None, None, 0, 2])),
        "bet_type": draw(st.sampled_from([None, None, "REAL", "BONUS", "MIXED", "FREE_SPIN"])),
    }


def chosen(picked: dict[str, Any], history: History, brand: int) -> Filters:
    """The filters for one brand of this history."""
    games = history.casino.games
    players = [player for player in history.players if player.operator_id == brand]
    return Filters(
        include_bots=picked["include_bots"],
        game_id=None if picked["game"] is None else games[picked["game"]],
        category=picked["category"],
        provider=picked["provider"],
        player_id=None if picked["player"] is None else players[picked["player"]].user_id,
        bet_type=picked["bet_type"],
    )
