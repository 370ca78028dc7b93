"""The watermark: the moment before which everything committed is in the warehouse.

The relay writes it to Redis at every look at the outbox; whoever answers from the warehouse reads
it *before* querying, so that the answer holds at least what the watermark promises.
"""

from datetime import UTC, datetime

import msgspec
from redis.asyncio import Redis

WATERMARK_KEY = "relay:watermark"
CHANGES_CHANNEL = "warehouse"


class Watermark(msgspec.Struct, frozen=True, kw_only=True):
    """``as_of`` by Postgres' clock, ``polled_at`` by the relay's, and the last sent batch."""

    as_of: datetime
    polled_at: datetime
    batch_no: int


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """Published after each batch: whose numbers changed. Catalogue changes concern everyone."""

    as_of: datetime
    operators: list[int]


async def publish(
    redis: Redis, *, as_of: datetime, batch_no: int, operators: set[int] | None = None
) -> None:
    """Write the watermark and, if ``operators`` is given, tell who listens that theirs changed.

    Raises redis-py's errors when Redis is away.
    """
    mark = Watermark(as_of=as_of, polled_at=datetime.now(UTC), batch_no=batch_no)
    async with redis.pipeline(transaction=False) as pipeline:
        pipeline.set(WATERMARK_KEY, msgspec.json.encode(mark))
        if operators is not None:
            change = Change(as_of=as_of, operators=sorted(operators))
            pipeline.publish(CHANGES_CHANNEL, msgspec.json.encode(change))
        await pipeline.execute()


async def read(redis: Redis) -> Watermark | None:
    """The watermark as last written, or None before the relay's first look."""
    text = await redis.get(WATERMARK_KEY)
    return None if text is None else msgspec.json.decode(text, type=Watermark)
