"""Answers about the settled past, kept in the process: whoever asks again is not told by the engine
again.

A report is a sum over a period. Cut where days and hours end, most of it is about what is settled
(see :mod:`warehouse.watermark`): those pieces are the same question until the day or hour is over,
and their answers hold until the relay counts a correction, which changes the version they are kept
under. Only what is recent is summed up anew each time, from the stream's tail where the process has
it (:mod:`warehouse.tail`), so an answer is as fresh and as exact as without.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from itertools import pairwise
from typing import Any, TypeVar

import msgspec
from cachetools import TTLCache

from warehouse.time_ranges import DAY, HOUR, QUARTER, Grain, TimeRange
from warehouse.watermark import Past

KEPT_BYTES = 128 << 20
KEPT_SECONDS = 300.0
"""So soon does it show when somebody changes the warehouse's tables by hand and tells nobody."""

ROW_BYTES = 600
"""About what a row of a report takes as an object."""

Answer = TypeVar("Answer")


class Piece(msgspec.Struct, frozen=True):
    """A part of a period, settled unless it is ``recent``: that is the last one, which begins with
    a full grain, where the tail does, or with the period."""

    range: TimeRange
    recent: bool = False


def pieces(period: TimeRange, past: Past | None, finest: Grain = HOUR) -> list[Piece]:
    """The period cut where it stays the same question: at its first midnight, and at the last
    midnight, the last full hour and the last start of a ``finest`` grain before what is not
    settled.

    Without a past it is one piece, of which nothing is known. Where the process has the tail, the
    recent piece begins where that does, and at the last full quarter of an hour before it there is
    a cut whatever is the ``finest``: nothing that is asked of the engine is asked more than once a
    minute, and then it is about a quarter of an hour.
    """
    if past is None:
        return [Piece(period)]
    last = past.tail_from or finest.floor(past.settled)
    settled_end = period.end if period.end <= past.settled else last
    grains = (DAY, HOUR, QUARTER) if past.tail_from else (DAY, HOUR)
    cuts = {DAY.ceiling(period.start), *(grain.floor(past.settled) for grain in grains), last}
    inside = sorted(cut for cut in cuts if period.start < cut < period.end and cut <= last)
    bounds = [period.start, *inside, period.end]
    return [
        Piece(TimeRange(start, end), recent=end > settled_end) for start, end in pairwise(bounds)
    ]


def settled_and_recent(period: TimeRange, past: Past | None, finest: Grain = HOUR) -> list[Piece]:
    """The same pieces, those that are settled in one; with the tail, in one up to the last full
    quarter of an hour, and one of what is after it."""
    parts = pieces(period, past, finest)
    settled = [part for part in parts if not part.recent]
    if past is None or not settled:
        return parts
    after = QUARTER.floor(past.settled) if past.tail_from else past.settled
    early = [part for part in settled if part.range.start < after]
    whole = [Piece(TimeRange(early[0].range.start, early[-1].range.end))] if early else []
    return whole + [part for part in parts if part not in early]


class _Kept(msgspec.Struct, frozen=True):
    answer: Any
    size: int


class KeptAnswers:
    """Answers by operator, version and question; those not asked for the longest make room."""

    def __init__(self, max_bytes: int = KEPT_BYTES, seconds: float = KEPT_SECONDS) -> None:
        self._kept: TTLCache[Hashable, _Kept] = TTLCache(max_bytes, seconds, getsizeof=_size)
        self._asked: dict[Hashable, asyncio.Task[Any]] = {}

    def get(self, past: Past, question: Hashable) -> Any:
        """The answer as it is kept, or None; whoever gets it must not change it."""
        kept = self._kept.get(_key(past, question))
        return None if kept is None else kept.answer

    def keep(self, past: Past, question: Hashable, answer: Any) -> None:
        """Keep a list of rows or an array, unless it would take more than half of the room."""
        size = getattr(answer, "nbytes", None) or ROW_BYTES * (len(answer) + 1)
        if size <= self._kept.maxsize / 2:
            self._kept[_key(past, question)] = _Kept(answer, size)

    async def recall(
        self, past: Past, question: Hashable, ask: Callable[[], Awaitable[Answer]]
    ) -> Answer:
        """The answer to a question about what is settled. Those who ask at once ask together.

        Raises what ``ask`` raises; then nothing is kept.
        """
        kept = self.get(past, question)
        if kept is not None:
            return kept
        key = _key(past, question)
        asked = self._asked.get(key)
        if asked is None:
            asked = asyncio.ensure_future(self._ask(past, question, ask))
            self._asked[key] = asked
            asked.add_done_callback(lambda _: self._asked.pop(key))
        # Shielded: one who leaves must not take the answer from the others.
        return await asyncio.shield(asked)

    async def _ask(
        self, past: Past, question: Hashable, ask: Callable[[], Awaitable[Answer]]
    ) -> Answer:
        answer = await ask()
        self.keep(past, question, answer)
        return answer


def _key(past: Past, question: Hashable) -> Hashable:
    return (past.operator_id, past.version, question)


def _size(kept: _Kept) -> int:
    return kept.size
