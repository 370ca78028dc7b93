"""The tail of the stream as Redis holds it: what the relay tells of each batch it has sent."""

from collections import deque
from datetime import UTC, datetime, timedelta
from zlib import crc32

import msgspec
from redis.asyncio.client import Pipeline

from warehouse.tail_rows import BET, BET_SUMS, MONEY, MONEY_SUMS
from warehouse.timelines import microseconds

_LAYOUT = ("zlib", BET.descr, BET_SUMS, MONEY.descr, MONEY_SUMS)
TAIL_KEY = f"relay:tail:{crc32(repr(_LAYOUT).encode()):08x}"
"""Another layout of rows is another stream, so that old and new processes can run side by side."""

TOLD_ROWS = 5_000
"""Rows of the largest batch that is told: an outage's are many, and nobody waits for them."""

TOLD_BYTES = 64 << 20
"""Of all that the stream holds: Redis has 256 MB, and would forget sessions before it. After a new
leader has begun it may be twice as many."""

TOLD = timedelta(seconds=150)
"""So far back the stream goes, for those who begin to read it."""


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """What the relay tells of a batch: all that was committed after ``after`` and before ``as_of``
    happened to ``bets`` and ``money``, packed by :func:`warehouse.tail_rows.packed`.

    It goes on from ``previous`` of the same leadership, or from nothing that is worth keeping.
    """

    era: str
    batch_no: int
    previous: int | None
    after: datetime
    as_of: datetime
    bets: bytes = b""
    money: bytes = b""


class Room:
    """What room there is in the stream, of which batches free what they took after ``TOLD``."""

    def __init__(self) -> None:
        self._held: deque[tuple[datetime, int]] = deque()
        self._bytes = 0

    def take(self, as_of: datetime, size: int) -> bool:
        """Take ``size`` bytes for a batch, if there are so many."""
        while self._held and self._held[0][0] < as_of - TOLD:
            self._bytes -= self._held.popleft()[1]
        if self._bytes + size > TOLD_BYTES:
            return False
        self._held.append((as_of, size))
        self._bytes += size
        return True


def tell(pipeline: Pipeline, batch: Batch) -> None:
    """Add the batch to the stream, which forgets what is older than ``TOLD``."""
    oldest = datetime.now(UTC) - TOLD
    pipeline.xadd(
        TAIL_KEY,
        {"batch": msgspec.msgpack.encode(batch)},
        minid=str(microseconds(oldest) // 1000),
        approximate=True,
    )
