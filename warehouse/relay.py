"""Streams the ledger's outbox into ClickHouse, every row exactly once in effect.

A batch is what one Postgres snapshot adds to the snapshot before. It is stored in Postgres before
anything is sent, read in a fixed order, cut in a fixed way and sent under tokens that ClickHouse
deduplicates. Whatever fails in between, the same batch is read, cut and sent again.
"""

import asyncio
import time
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime

import msgspec
import redis.exceptions
import structlog
from redis.asyncio import Redis

from ledger.events import Topic
from warehouse import relay_metrics as metrics
from warehouse import tail_stream, watermark
from warehouse.chunks import MAX_CHUNK_BYTES, MAX_CHUNK_ROWS, Chunk, ChunkCutter, OutboxRow
from warehouse.outbox import COMMAND_TIMEOUT_SECONDS, Batch, Outbox, Overtaken
from warehouse.raw_tables import INSERT_TIMEOUT_SECONDS, RawTables
from warehouse.tail_rows import packed
from warehouse.tail_stream import TOLD_ROWS

logger = structlog.get_logger(__name__)

INSERTS_AT_ONCE = 2
"""Inserts of a batch under way together; each feeds its views in turn and waits for the disk."""

STEP_SECONDS = 10.0
"""A loop that has not come round for so long, outside of a store's own timeout, is stuck."""


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How often the relay looks, in seconds."""

    busy: float = 0.01
    """The shortest pause after a batch, and the one while an outage is caught up with."""

    cycle: float = 0.065
    """So long after one batch began the next may: a bet waits for half of it, which nobody sees,
    and what more batches would cost is left to those who ask and bet."""

    gather: float = 0.25
    """The longest pause after a batch under steady load: what a batch of many bets may wait."""

    gather_rows: int = 256
    """A batch costs ClickHouse the same for one row as for hundreds. So the pause is at least a
    quarter of what the batch took, and as many times that as the batch had this many rows: the
    busier the tables, the larger the batches, and the more of the machine is left for bets."""

    backlog_rows: int = 2_000
    """A batch of so many rows is an outage's, which is sent as fast as it goes."""

    idle: float = 0.1
    """The longest pause; each look that finds nothing doubles the last one up to this."""

    standby: float = 1.0
    """Between attempts to become the leader."""

    checkpoint: float = 60.0
    """Without rows for so long, a batch without rows moves the stored snapshot on."""

    backoff: float = 0.1
    """After the first failure; doubles with each further one up to ``backoff_limit``."""

    backoff_limit: float = 5.0

    def after_batch(self, took: float, rows: int) -> float:
        """The pause after a batch of ``rows`` that took so many seconds."""
        if rows >= self.backlog_rows:
            return self.busy
        longer = max(self.cycle - took, took / 4, took * rows / self.gather_rows)
        return min(max(self.busy, longer), max(self.gather, self.busy))


@dataclass
class _Concerned:
    """What the rows of a batch are about: whose they are, whose settled past they change, with whom
    somebody registered, and when the oldest of them was written."""

    oldest: datetime
    settled: datetime
    operators: set[int] = field(default_factory=set)
    corrected: set[int] = field(default_factory=set)
    registered: set[int] = field(default_factory=set)
    newest: list[OutboxRow] = field(default_factory=list)
    """All rows, if they are few enough to be told."""

    def add(self, page: list[OutboxRow]) -> None:
        self.oldest = min(self.oldest, page[0].created_at)
        if len(self.newest) < TOLD_ROWS:
            self.newest += page
        for row in page:
            if row.operator_id is None:
                self.corrected.add(watermark.CATALOGUE)
                continue
            self.operators.add(row.operator_id)
            if row.happened_at is None:
                continue
            if row.topic == Topic.PLAYERS:
                self.registered.add(row.operator_id)
            if row.happened_at < self.settled:
                self.corrected.add(row.operator_id)


@dataclass(kw_only=True)
class Relay:
    """One relay; of several on the same database one streams and the others stand by."""

    postgres_dsn: str
    tables: RawTables
    redis: Redis
    pace: Pace = field(default_factory=Pace)
    chunk_rows: int = MAX_CHUNK_ROWS
    chunk_bytes: int = MAX_CHUNK_BYTES
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)
    _alive_until: float = field(default_factory=lambda: time.monotonic() + STEP_SECONDS)
    _failures: int = 0
    _changes: watermark.Changes = field(default_factory=watermark.Changes)
    _known: bool = False
    """Whether the last batch is known to those who follow the tail."""
    _room: tail_stream.Room = field(default_factory=tail_stream.Room)

    async def run(self) -> None:
        """Lead or stand by until ``stop()``; a store's failures are logged, counted and retried."""
        while not self._stopping.is_set():
            try:
                async with Outbox.connect(self.postgres_dsn) as outbox:
                    if await self._lead_or_wait(outbox):
                        await self._stream(outbox)
            except Exception as error:
                await self._back_off(error)
            finally:
                metrics.LEADER.set(0)
        await self.tables.close()

    def stop(self) -> None:
        """End ``run()`` after the batch that is under way."""
        self._stopping.set()

    async def finish_batch(self) -> None:
        """Send the newest batch if a dead relay left it unsent; call it where no relay can lead.

        Tables that have a part of it know that by its tokens; tables made or filled later do not.
        Raises what the stores raise.
        """
        async with Outbox.connect(self.postgres_dsn) as outbox:
            last = await outbox.last_batch()
            if not last.sent:
                await self._send(outbox, last)
        await self.tables.close()

    @property
    def alive(self) -> bool:
        """Whether the loop still turns; a store that is away does not make it stop."""
        return time.monotonic() < self._alive_until

    def _expect_step_within(self, seconds: float) -> None:
        self._alive_until = time.monotonic() + seconds

    async def _lead_or_wait(self, outbox: Outbox) -> bool:
        """True as soon as this relay is the leader, False if it is to stop before that."""
        while not self._stopping.is_set():
            self._expect_step_within(STEP_SECONDS)
            if await outbox.try_lead():
                logger.info("relay leads")
                return True
            await self._pause(self.pace.standby)
        return False

    async def _stream(self, outbox: Outbox) -> None:
        """Relay batch after batch; any error ends the leadership and starts afresh."""
        await self.tables.check()
        metrics.LEADER.set(1)
        self._changes, self._known = watermark.Changes(), False
        last = await outbox.last_batch()
        pause, moved_at = self.pace.busy, time.monotonic()
        while not self._stopping.is_set():
            began = time.monotonic()
            checkpoint_due = began - moved_at > self.pace.checkpoint
            try:
                newer = await self.step(outbox, last, checkpoint_due)
            except Overtaken as overtaken:
                metrics.PAUSES.inc()
                logger.debug("relay waits", reason=str(overtaken))
                newer, last = None, await outbox.last_batch()
            self._failures = 0
            if newer is not None:
                last, moved_at = newer, time.monotonic()
                pause = self.pace.after_batch(moved_at - began, newer.row_count)
            else:
                pause = min(pause * 2, self.pace.idle)
            await self._pause(pause)

    async def step(self, outbox: Outbox, last: Batch, checkpoint_due: bool = False) -> Batch | None:
        """Look once and relay what there is; the newest batch if there is a new one.

        A batch that an earlier relay planned and did not finish comes first.
        Raises ``Overtaken`` when another process holds or has moved the batches.
        """
        self._expect_step_within(STEP_SECONDS + COMMAND_TIMEOUT_SECONDS)
        if not last.sent:
            return await self._send(outbox, last)
        look = await outbox.look(last)
        if look.has_rows or (checkpoint_due and look.snapshot != last.snapshot):
            planned = await outbox.plan(last, self.chunk_rows, self.chunk_bytes)
            return await self._send(outbox, planned, before=last)
        # Nothing was committed between the two snapshots: what was promised of the last batch
        # holds up to this look.
        told = None if self._known else self._told(last, None, [])
        await self._publish(look.as_of, last.batch_no, told=told)
        return None

    async def _send(self, outbox: Outbox, batch: Batch, *, before: Batch | None = None) -> Batch:
        """Send every chunk of a planned batch, mark it, and only then promise its ``as_of``.

        ``before`` is the batch before it, None if that is not known.
        """
        concerned = await self._insert_rows(outbox, batch)
        if batch.row_count:
            metrics.LAG_SECONDS.observe((datetime.now(UTC) - concerned.oldest).total_seconds())
        await outbox.mark_sent(batch)
        metrics.BATCHES.inc()
        metrics.BATCH_ROWS.observe(batch.row_count)
        self._changes.add(
            batch.batch_no, corrected=concerned.corrected, registered=concerned.registered
        )
        operators = concerned.operators if batch.row_count else None
        told = self._told(batch, before, concerned.newest)
        await self._publish(batch.as_of, batch.batch_no, operators, told)
        return msgspec.structs.replace(batch, sent=True)

    def _told(self, batch: Batch, before: Batch | None, rows: list[OutboxRow]) -> tail_stream.Batch:
        """What is told of a batch. Of one that is too large, that has no room or cannot be read, or
        after a batch that is not known, no rows: the tail begins with it."""
        bets = money = b""
        if before and batch.row_count <= TOLD_ROWS:
            try:
                bets, money = packed(rows, Topic.BETS), packed(rows, Topic.TRANSACTIONS)
            except (msgspec.MsgspecError, ArithmeticError, ValueError) as error:
                logger.warning("batch not told", batch_no=batch.batch_no, error=repr(error))
                before = None
        else:
            before = None
        if not self._room.take(batch.as_of, len(bets) + len(money)):
            before, bets, money = None, b"", b""
        return tail_stream.Batch(
            era=self._changes.era,
            batch_no=batch.batch_no,
            previous=before and before.batch_no,
            after=before.as_of if before else batch.as_of,
            as_of=batch.as_of,
            bets=bets,
            money=money,
        )

    async def _insert_rows(self, outbox: Outbox, batch: Batch) -> _Concerned:
        """Insert the batch's chunks, a few at a time, while the rows after them are read.

        Chunks are independent of each other, as each has its own token, and none of them counts
        before the batch is marked: the first that fails ends the others.
        """
        cutter = ChunkCutter(batch.chunk_rows, batch.chunk_bytes)
        concerned = _Concerned(batch.as_of, batch.as_of - watermark.SETTLED_AFTER)
        room = asyncio.Semaphore(INSERTS_AT_ONCE)
        try:
            async with asyncio.TaskGroup() as inserts, aclosing(outbox.rows(batch)) as pages:
                async for page in pages:
                    concerned.add(page)
                    for chunk in cutter.add(page):
                        await room.acquire()
                        inserts.create_task(self._insert(batch, chunk, room))
                for chunk in cutter.finish():
                    await room.acquire()
                    inserts.create_task(self._insert(batch, chunk, room))
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None
        return concerned

    async def _insert(self, batch: Batch, chunk: Chunk, room: asyncio.Semaphore) -> None:
        self._expect_step_within(STEP_SECONDS + INSERT_TIMEOUT_SECONDS)
        token = chunk.token(batch.stream_id, batch.batch_no)
        await self.tables.insert(chunk.topic, chunk.body, token)
        metrics.ROWS.labels(chunk.topic).inc(chunk.rows)
        room.release()

    async def _publish(
        self,
        as_of: datetime,
        batch_no: int,
        operators: set[int] | None = None,
        told: tail_stream.Batch | None = None,
    ) -> None:
        """Without Redis the stream goes on; only the watermark stands still, which is true too."""
        metrics.WATERMARK_SECONDS.set(as_of.timestamp())
        try:
            await watermark.publish(
                self.redis,
                as_of=as_of,
                batch_no=batch_no,
                changes=self._changes,
                operators=operators,
                told=told,
            )
            self._known = True
        except redis.exceptions.RedisError as error:
            self._known = False
            metrics.FAILURES.labels(type(error).__name__).inc()
            logger.warning("watermark not published", error=str(error))

    async def _back_off(self, error: Exception) -> None:
        self._failures += 1
        seconds = min(self.pace.backoff * 2 ** min(self._failures, 16), self.pace.backoff_limit)
        metrics.FAILURES.labels(type(error).__name__).inc()
        logger.warning(
            "relay failed", error=repr(error), failures=self._failures, retry_in_seconds=seconds
        )
        await self.tables.close()
        self._expect_step_within(STEP_SECONDS + seconds)
        await self._pause(seconds)

    async def _pause(self, seconds: float) -> None:
        """Sleep, but wake up to stop."""
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            return
