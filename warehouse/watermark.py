"""The watermark: the moment before which everything committed is in the warehouse.

The relay writes it to Redis at every look at the outbox; whoever answers from the warehouse reads
it *before* querying, so that the answer holds at least what the watermark promises.

With it goes what of the past is settled. Rows that happened more than ``SETTLED_AFTER`` before the
watermark are there, but for corrections: a bet that is rolled back later, a transaction that
stayed open so long. The relay counts these by operator, so an answer about the settled past holds
until the operator's count moves, and may be kept that long.
"""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import msgspec
from redis.asyncio import Redis

from warehouse.tail_stream import Batch, tell

WATERMARK_KEY = "relay:watermark"
REBUILT_KEY = "warehouse:rebuilt"
CHANGES_CHANNEL = "warehouse"
SETTLED_AFTER = timedelta(seconds=30)
CATALOGUE = 0
"""In the place of an operator: games and operators, which concern everyone."""


class Past(msgspec.Struct, frozen=True):
    """What happened to an operator before ``settled`` is in the warehouse.

    As long as ``version`` stays the same, so do the rows from before any such moment. As long as
    ``registered`` does too, nobody has registered.
    """

    operator_id: int
    settled: datetime
    version: str
    registered: int = 0
    tail_from: datetime | None = None
    """From this full minute on, which is settled, the process has every row (see
    :mod:`warehouse.tail`)."""


class Watermark(msgspec.Struct, frozen=True, kw_only=True):
    """``as_of`` by Postgres' clock, ``polled_at`` by the relay's, and the last sent batch.

    ``corrected`` names the last batch that changed an operator's settled past, and ``registered``
    the last with a new player, as the relay has counted since ``era`` began; it keeps no count from
    one leadership to the next.
    """

    as_of: datetime
    polled_at: datetime
    batch_no: int
    era: str = ""
    corrected: dict[int, int] = {}
    registered: dict[int, int] = {}


class Changes(msgspec.Struct):
    """The relay's count of what changes kept answers, by operator; a new one begins a new era."""

    era: str = msgspec.field(default_factory=lambda: uuid4().hex)
    corrected: dict[int, int] = msgspec.field(default_factory=dict)
    registered: dict[int, int] = msgspec.field(default_factory=dict)

    def add(self, batch_no: int, *, corrected: set[int], registered: set[int]) -> None:
        """Note whose settled past the batch changed, and with whom somebody registered."""
        self.corrected |= dict.fromkeys(corrected, batch_no)
        self.registered |= dict.fromkeys(registered, batch_no)


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """Published after each batch: whose numbers changed. Catalogue changes concern everyone."""

    as_of: datetime
    operators: list[int]


class Reading(msgspec.Struct, frozen=True):
    """The watermark as it was read, and when tables were last made again, as a token."""

    mark: Watermark
    rebuilt: str

    @property
    def as_of(self) -> datetime:
        """Everything committed before is in the warehouse."""
        return self.mark.as_of

    def past_of(self, operator_id: int) -> Past:
        """What is settled for an operator, or for the ``CATALOGUE``."""
        corrected = self.mark.corrected.get(operator_id, 0)
        version = f"{self.mark.era}:{self.rebuilt}:{corrected}"
        return Past(
            operator_id,
            self.mark.as_of - SETTLED_AFTER,
            version,
            self.mark.registered.get(operator_id, 0),
        )


async def publish(
    redis: Redis,
    *,
    as_of: datetime,
    batch_no: int,
    changes: Changes,
    operators: set[int] | None = None,
    told: Batch | None = None,
) -> None:
    """Write the watermark and, if ``operators`` is given, tell who listens that theirs changed.

    ``told`` goes before it, so that who reads the watermark finds the batch told.

    Raises redis-py's errors when Redis is away.
    """
    mark = Watermark(
        as_of=as_of,
        polled_at=datetime.now(UTC),
        batch_no=batch_no,
        era=changes.era,
        corrected=changes.corrected,
        registered=changes.registered,
    )
    async with redis.pipeline(transaction=False) as pipeline:
        if told is not None:
            tell(pipeline, told)
        pipeline.set(WATERMARK_KEY, msgspec.json.encode(mark))
        if operators is not None:
            change = Change(as_of=as_of, operators=sorted(operators))
            pipeline.publish(CHANGES_CHANNEL, msgspec.json.encode(change))
        await pipeline.execute()


async def read(redis: Redis) -> Reading | None:
    """The watermark as last written, or None before the relay's first look."""
    text, rebuilt = await redis.mget(WATERMARK_KEY, REBUILT_KEY)
    if text is None:
        return None
    mark = msgspec.json.decode(text, type=Watermark)
    return Reading(mark, str(rebuilt))


async def tell_rebuilt(redis: Redis) -> None:
    """Let nobody go on with what was read before tables were made again or filled by hand."""
    await redis.set(REBUILT_KEY, uuid4().hex)
