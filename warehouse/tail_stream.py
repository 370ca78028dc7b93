"""The tail of the stream as Redis holds it: what the relay tells of each batch it has sent."""

from datetime import UTC, datetime, timedelta
from zlib import crc32

import msgspec
from redis.asyncio.client import Pipeline

from warehouse.tail_rows import BET, MONEY
from warehouse.timelines import microseconds

TAIL_KEY = f"relay:tail:{crc32(repr((BET.descr, MONEY.descr)).encode()):08x}"
"""Another layout of rows is another stream, so that old and new processes can run side by side."""

TOLD_ROWS = 5_000
"""Rows of the largest batch that is told: an outage's are many, and nobody waits for them."""

TOLD = timedelta(seconds=150)
"""So far back the stream goes, for those who begin to read it."""


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """What the relay tells of a batch: all that was committed after ``after`` and before ``as_of``
    happened to ``bets`` and ``money``, arrays of :mod:`warehouse.tail_rows`.

    It goes on from ``previous`` of the same leadership, or from nothing that is worth keeping.
    """

    era: str
    batch_no: int
    previous: int | None
    after: datetime
    as_of: datetime
    bets: bytes = b""
    money: bytes = b""


def tell(pipeline: Pipeline, batch: Batch) -> None:
    """Add the batch to the stream, which forgets what is older than ``TOLD``."""
    oldest = datetime.now(UTC) - TOLD
    pipeline.xadd(
        TAIL_KEY,
        {"batch": msgspec.msgpack.encode(batch)},
        minid=str(microseconds(oldest) // 1000),
        approximate=True,
    )
