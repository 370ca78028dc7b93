"""The micro-batch: while one transaction is in flight, arriving spins queue; the next takes all.

Per-bet round trips, lock waits and fsyncs are shared by the batch, which is how the fast ledgers
work. One transaction settles up to ``max_batch`` bets of any operators with a fixed number of
statements; each caller gets an answer only after the commit.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from time import monotonic

import asyncpg
import msgspec
import structlog
from asyncpg.pool import PoolConnectionProxy

from ledger import batch_metrics
from ledger.bet_record import SpinRequest, SpinResult
from ledger.bet_store import load_batch
from ledger.catalogue import EMPTY_CATALOGUE
from ledger.database import Connection
from ledger.errors import Refusal
from ledger.fairness import SeedVault
from ledger.fold import Folded, fold_bets
from ledger.jackpot import HitVault
from ledger.store import store

log = structlog.get_logger(__name__)

# A batch that failed for one of these may run again: nothing of it was committed, or, when the
# connection broke during the commit, its keys tell which bets were.
TRANSIENT = (
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # its protocol, met by the end of the connection in mid-step
    OSError,
)
GIVE_UP_AFTER_S = 10.0
RETRY_PAUSE_S = (0.0, 0.01, 0.05, 0.2, 0.5)
BUSY_WALLET_PAUSE_S = 0.002
GATHER_S = 0.012
KEPT_S = 0.2


class Settled(msgspec.Struct, frozen=True):
    """A spin's answer, and whether the bet already stood before this request."""

    result: SpinResult
    replayed: bool


class _Waiting(msgspec.Struct):
    request: SpinRequest
    future: "asyncio.Future[Settled]"
    give_up_at: float


class BetBatcher:
    """Settles spins in shared transactions. One a process; ``submit`` from its event loop.

    ``notify`` is called after each commit with ``(request, result)`` of the fresh bets; it must
    not block. ``pool`` logs in as the batch role.
    """

    def __init__(
        self,
        pool: asyncpg.Pool,
        vault: SeedVault,
        hits: HitVault,
        notify: Callable[[list[tuple[SpinRequest, SpinResult]]], None],
        *,
        max_batch: int = 128,
        max_queued: int = 4096,
    ) -> None:
        self._pool = pool
        self._vault = vault
        self._hits = hits
        self._notify = notify
        self._max_batch = max_batch
        self._max_queued = max_queued
        self._queue: deque[_Waiting] = deque()
        self._arrived = asyncio.Event()
        self._catalogue = EMPTY_CATALOGUE
        self._task: asyncio.Task[None] | None = None
        # Kept while bets come in: lending it anew for each batch takes turns of the event loop.
        self._connection: PoolConnectionProxy | None = None

    def start(self) -> None:
        """Begin to settle; needs a running event loop."""
        self._task = asyncio.create_task(self._run(), name="bet-batcher")

    async def stop(self) -> None:
        """Finish the batch in flight, then refuse what is still queued."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        await self._give_back()
        for waiting in self._queue:
            _refuse(waiting, Refusal("ledger_unavailable", "The server is stopping; ask again."))
        self._queue.clear()

    async def submit(self, request: SpinRequest) -> Settled:
        """Settle one bet; returns after its transaction has committed.

        Raises :class:`Refusal`: a rule's, ``overloaded`` when too many bets wait, ``wallet_busy``
        or ``ledger_unavailable`` when it could not be settled in time. After the last two the
        client asks again with the same key and learns what became of the bet.
        """
        if len(self._queue) >= self._max_queued:
            raise Refusal("overloaded", "Too many bets are waiting; ask again in a moment.")
        future: asyncio.Future[Settled] = asyncio.get_running_loop().create_future()
        self._queue.append(_Waiting(request, future, monotonic() + GIVE_UP_AFTER_S))
        self._arrived.set()
        return await future

    async def _run(self) -> None:
        begin_at = 0.0
        while True:
            await self._wait_for_bets()
            if (early_s := begin_at - monotonic()) > 0:
                await asyncio.sleep(early_s)
            began_at = monotonic()
            count = min(len(self._queue), self._max_batch)
            batch = [self._queue.popleft() for _ in range(count)]
            if not self._queue:
                self._arrived.clear()
            if not batch:
                continue
            # Shielded: a stop lets the transaction in flight finish and its callers be answered.
            settling = asyncio.ensure_future(self._settle_all(batch))
            try:
                await asyncio.shield(settling)
            except asyncio.CancelledError:
                await settling
                raise
            begin_at = began_at + time_to_next_s(count, monotonic() - began_at)

    async def _wait_for_bets(self) -> None:
        """Until one is queued; without any for a while the connection is given back."""
        if self._connection is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(KEPT_S):
                    await self._arrived.wait()
                    return
            await self._give_back()
        await self._arrived.wait()

    async def _settle_all(self, batch: list[_Waiting]) -> None:
        try:
            with batch_metrics.measured(len(batch)):
                folded = await self._settle_with_retries([waiting.request for waiting in batch])
        except TRANSIENT as error:
            log.error("batch_unsettled", bets=len(batch), error=repr(error))
            unsettled = Refusal("ledger_unavailable", "The bet was not settled; ask again.")
            for waiting in batch:
                _refuse(waiting, unsettled)
        except Exception as error:
            await self._isolate(batch, error)
        else:
            self._answer(batch, folded)

    async def _settle_with_retries(self, requests: Sequence[SpinRequest]) -> Folded:
        give_up_at = monotonic() + GIVE_UP_AFTER_S
        attempt = 0
        while True:
            try:
                if self._connection is None:
                    self._connection = await self._pool.acquire(timeout=GIVE_UP_AFTER_S)
                return await self._settle_once(self._connection, requests)
            except TRANSIENT as error:
                await self._give_back()
                pause = RETRY_PAUSE_S[min(attempt, len(RETRY_PAUSE_S) - 1)]
                attempt += 1
                if monotonic() + pause > give_up_at:
                    raise
                log.warning("batch_retried", attempt=attempt, error=repr(error))
                await asyncio.sleep(pause)

    async def _give_back(self) -> None:
        """Return the connection to the pool, which ends it if it is broken."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(*TRANSIENT):
                await self._pool.release(connection)

    async def _settle_once(self, connection: Connection, requests: Sequence[SpinRequest]) -> Folded:
        async with connection.transaction():
            state = await load_batch(connection, requests, self._catalogue, self._vault, self._hits)
            folded = fold_bets(requests, state)
            if folded.writes.bets:
                await store(
                    connection, folded.writes, state.players, state.pools, self._hits, state.now
                )
        self._catalogue = state.catalogue
        return folded

    async def _isolate(self, batch: list[_Waiting], error: Exception) -> None:
        """A batch the database refused: settle its bets one by one, so that one bad bet fails."""
        log.error("batch_refused", bets=len(batch), error=repr(error), exc_info=error)
        if len(batch) == 1:
            batch_metrics.FAILED.inc()
            if not batch[0].future.done():
                batch[0].future.set_exception(error)
            return
        for waiting in batch:
            await self._settle_all([waiting])

    def _answer(self, batch: list[_Waiting], folded: Folded) -> None:
        fresh: list[tuple[SpinRequest, SpinResult]] = []
        deferred: list[_Waiting] = []
        for index, (waiting, outcome) in enumerate(zip(batch, folded.outcomes, strict=True)):
            if outcome is None:
                deferred.append(waiting)
            elif isinstance(outcome, Refusal):
                _refuse(waiting, outcome)
            else:
                replayed = index in folded.replayed
                (batch_metrics.REPLAYED if replayed else batch_metrics.SETTLED).inc()
                if not replayed:
                    fresh.append((waiting.request, outcome))
                if not waiting.future.done():
                    waiting.future.set_result(Settled(outcome, replayed))
        if fresh:
            self._notify(fresh)
        if deferred:
            self._defer(deferred)

    def _defer(self, deferred: list[_Waiting]) -> None:
        """Bets whose wallet somebody else holds wait for the next batch, within their time."""
        now = monotonic()
        for waiting in deferred:
            if now > waiting.give_up_at:
                _refuse(waiting, Refusal("wallet_busy", "The wallet is in use; ask again."))
            else:
                self._queue.append(waiting)
        asyncio.get_running_loop().call_later(BUSY_WALLET_PAUSE_S, self._arrived.set)


def time_to_next_s(bets: int, took_s: float) -> float:
    """How long after a batch began the next one may begin, in seconds; ``took_s`` is how long it
    took.

    Half the time is left to gathering, up to 12 ms from start to start: on a busy machine a few
    bets more share what a batch costs both sides, and on an idle one nobody waits for long. A
    batch of one has nobody to wait for, and one that took longer has gathered meanwhile.

    >>> time_to_next_s(5, took_s=0.002), time_to_next_s(5, took_s=0.007), time_to_next_s(1, 0.007)
    (0.004, 0.012, 0.0)
    """
    return min(2 * took_s, GATHER_S) if bets > 1 else 0.0


def _refuse(waiting: _Waiting, refusal: Refusal) -> None:
    batch_metrics.count_refusal(refusal.code)
    if not waiting.future.done():
        waiting.future.set_exception(refusal)
