"""The tail of the stream: the newest rows, which the relay tells besides sending them.

A question takes the engine five to twelve milliseconds of a core to analyse, however few rows it
is about, and every dashboard asks anew whenever something has happened. So each API process follows
the relay's batches for two minutes back and adds up what is recent itself; what is older comes from
ClickHouse, whose answers about it are kept (:mod:`warehouse.settled_past`).

The tail holds nothing that ClickHouse does not: a batch is told after it was sent and marked. It
tells its own end and beginning. A process that has missed a batch, one that comes new, and all of
them when a batch was too large to be told, ask ClickHouse as before until the tail is long enough.
"""

import asyncio
import contextlib
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import redis.exceptions
import structlog
from redis.asyncio import Redis

from ledger.events import Topic
from warehouse.tail_figures import Columns, Players, Tail
from warehouse.tail_rows import BET_SUMS, MONEY_SUMS, unpacked
from warehouse.tail_stream import TAIL_KEY, Batch
from warehouse.time_ranges import MINUTE
from warehouse.timelines import microseconds
from warehouse.watermark import SETTLED_AFTER, Reading

logger = structlog.get_logger(__name__)

KEPT = timedelta(seconds=120)
"""So far back goes a reader's tail: what is not settled, a minute for its full minute, and room."""

MAX_ROWS = 50_000
"""Of one operator to add up: more hold up the event loop for longer than the engine takes."""

_BLOCK_MS = 500
_BATCHES = 20
"""Read at once: who begins has hundreds to read, and requests want their turn in between."""
_BACKOFF_SECONDS = 0.5
_PATIENCE_SECONDS = 0.1
_ROOM = 1024


class _Growing:
    """Columns of rows in the order in which they came; a view of them never changes."""

    def __init__(self, empty: Columns) -> None:
        self._room = empty
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @property
    def columns(self) -> Columns:
        return {name: column[: self._count] for name, column in self._room.items()}

    def has_room(self, count: int) -> bool:
        """Whether so many more rows fit."""
        return self._count + count <= len(self._room["moment"])

    def add(self, rows: Columns) -> None:
        """Rows for which there must be room."""
        end = self._count + len(rows["moment"])
        for name, column in rows.items():
            self._room[name][self._count : end] = column
        self._count = end

    def make_room(self, count: int, horizon: int) -> None:
        """Forget what happened before ``horizon``; the columns are others than before."""
        kept = np.flatnonzero(self.columns["moment"] >= horizon)
        size = max(_ROOM, 2 * (len(kept) + count))
        for name, column in self._room.items():
            self._room[name] = np.empty((size, *column.shape[1:]), column.dtype)
            self._room[name][: len(kept)] = column[kept]
        self._count = len(kept)


class _OperatorTail:
    """What the tail holds of one operator; its players are numbered as they come."""

    def __init__(self) -> None:
        self._bets = _Growing(
            {
                "moment": np.empty(0, np.int64),
                "is_bot": np.empty(0, np.uint8),
                "bet_type": np.empty(0, "S16"),
                "game_id": np.empty(0, np.uint32),
                "player": np.empty(0, np.int32),
                "sums": np.empty((0, len(BET_SUMS)), np.int64),
            }
        )
        self._money = _Growing(
            {
                "moment": np.empty(0, np.int64),
                "is_bot": np.empty(0, np.uint8),
                "sums": np.empty((0, len(MONEY_SUMS)), np.int64),
            }
        )
        self._players = Players([], {})

    def add(self, bets: npt.NDArray[Any], money: npt.NDArray[Any], horizon: int) -> None:
        """Rows of a batch, as :mod:`warehouse.tail_rows` lays them out."""
        if not self._bets.has_room(len(bets)):
            self._bets.make_room(len(bets), horizon)
            self._number_anew()
        if not self._money.has_room(len(money)):
            self._money.make_room(len(money), horizon)
        columns: Columns = {
            name: bets[name] for name in ("moment", "is_bot", "bet_type", "game_id", "sums")
        }
        columns["player"] = [self._players.number(player) for player in bets["player"].tolist()]
        self._bets.add(columns)
        self._money.add({name: money[name] for name in ("moment", "is_bot", "sums")})

    def _number_anew(self) -> None:
        """Those who have not bet for long make room too."""
        column = self._bets.columns["player"]
        used, column[:] = np.unique(column, return_inverse=True)
        keys = [self._players.keys[number] for number in used.tolist()]
        self._players = Players(keys, {key: number for number, key in enumerate(keys)})

    def since(self, moment: datetime) -> Tail:
        """What happened from a moment on, among others."""
        return Tail(moment, self._bets.columns, self._money.columns, self._players)


class TailReader:
    """One process's tail of the stream; :meth:`tail` is one operator's part in it."""

    def __init__(self, client: Redis) -> None:
        self._redis = client
        self._task: asyncio.Task[None] | None = None
        self._news = asyncio.Event()
        self._in_vain = False
        self._forget()

    def _forget(self) -> None:
        self._era, self._batch_no = "", 0
        self._begins = datetime.max.replace(tzinfo=UTC)
        self._operators: dict[int, _OperatorTail] = defaultdict(_OperatorTail)

    def start(self) -> None:
        """Follow the stream until :meth:`stop`."""
        self._task = asyncio.create_task(self._follow())

    async def stop(self) -> None:
        """Follow it no longer."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def tail(self, reading: Reading, operator_id: int) -> Tail | None:
        """All that happened to an operator from a full minute on, which is settled, up to the
        watermark or later; None if that is not known here, or so much that the engine adds it up
        sooner.

        A batch that is on its way is waited for, for a moment; if it does not come, nobody waits
        again until one does: it may never be told.
        """
        since = MINUTE.floor(reading.as_of - SETTLED_AFTER)
        if not self._goes_back_to(since, reading):
            return None
        if self._batch_no < reading.mark.batch_no:
            if not self._in_vain:
                await self._catch_up(reading.mark.batch_no)
            if self._batch_no < reading.mark.batch_no or not self._goes_back_to(since, reading):
                return None
        tail = self._operators.get(operator_id, _OperatorTail()).since(since)
        return tail if tail.row_count <= MAX_ROWS else None

    def _goes_back_to(self, since: datetime, reading: Reading) -> bool:
        return self._era == reading.mark.era and self._begins <= since

    async def _catch_up(self, batch_no: int) -> None:
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                while self._batch_no < batch_no:
                    await self._news.wait()
        except TimeoutError:
            self._in_vain = True

    async def _follow(self) -> None:
        last_id = b"0"
        while True:
            try:
                answer: Any = await self._redis.xread({TAIL_KEY: last_id}, _BATCHES, _BLOCK_MS)
            except redis.exceptions.RedisError as error:
                logger.warning("tail not read", error=str(error))
                await asyncio.sleep(_BACKOFF_SECONDS)
                continue
            for _, entries in answer:
                for entry_id, fields in entries:
                    last_id = entry_id
                    self._take(fields)

    def _take(self, fields: dict[bytes, bytes]) -> None:
        """Whatever is wrong with an entry, those after it are followed, from a new beginning."""
        try:
            self.add(msgspec.msgpack.decode(fields[b"batch"], type=Batch))
        except Exception as error:
            logger.warning("batch not understood", error=repr(error))
            self._forget()

    def add(self, batch: Batch) -> None:
        """Go on with a batch that was told, or begin anew with it if it does not follow."""
        follows = (batch.era, batch.previous) == (self._era, self._batch_no)
        if batch.era == self._era and not follows and batch.batch_no <= self._batch_no:
            return  # told twice: the relay did not hear that the first time was enough
        if not follows:
            self._forget()
            # Its snapshot is a little younger than that moment; half a minute is more than enough.
            self._begins = batch.after + SETTLED_AFTER
        self._begins = max(self._begins, batch.as_of - KEPT)
        horizon = microseconds(self._begins)
        bets, money = unpacked(batch.bets, Topic.BETS), unpacked(batch.money, Topic.TRANSACTIONS)
        for operator_id in {*bets["operator_id"].tolist(), *money["operator_id"].tolist()}:
            self._operators[operator_id].add(
                bets[bets["operator_id"] == operator_id],
                money[money["operator_id"] == operator_id],
                horizon,
            )
        # Last, so that nothing is promised of a batch whose rows are not all here.
        self._era, self._batch_no = batch.era, batch.batch_no
        self._in_vain = False
        self._news.set()
        self._news.clear()
