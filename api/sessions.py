"""Sessions: rows in Postgres, cached in Redis, looked up many at a time.

The session id is 256 random bits that only the client keeps; the stores hold its SHA-256. Postgres
decides whether a session stands. Redis holds a copy for at most a minute; ending a session puts a
tombstone there that outlives every lookup under way, so that no process accepts it afterwards.
While Redis is away Postgres answers, and tombstones that could not be written are kept and written
as soon as it is back.
"""

import asyncio
import hashlib
import secrets
from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import Path
from time import time
from uuid import UUID

import asyncpg
import msgspec
import redis.asyncio
import structlog
from redis.exceptions import RedisError

from api.tenancy import Principal, PrincipalKind, Transport
from ledger.database import Connection
from ledger.named_sql import named_queries

SQL = named_queries("sessions.sql", Path(__file__).parent / "sql")
CACHE_SECONDS = 60
TOMBSTONE_SECONDS = 300  # longer than a lookup in Postgres may take, and than a cached copy lives
MAX_LOOKUPS = 256
TOMBSTONE = b""

log = structlog.get_logger(__name__)


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A session that stands. Times are seconds since the epoch."""

    kind: PrincipalKind
    subject_id: UUID
    operator_id: int | None
    username: str
    transport: Transport
    created_at: float
    expires_at: float

    def principal(self) -> Principal:
        """Who this session speaks for."""
        return Principal(
            kind=self.kind,
            subject_id=self.subject_id,
            operator_id=self.operator_id,
            username=self.username,
            transport=self.transport,
        )


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Session).decode


def hash_token(token: str) -> bytes:
    """What the stores know of a session id."""
    return hashlib.sha256(token.encode()).digest()


def cache_key(token_hash: bytes) -> str:
    """The Redis key of a session."""
    return f"session:{token_hash.hex()}"


class Sessions:
    """Opens, finds and ends sessions. One a process; ``pool`` is the authentication role's."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        cache: redis.asyncio.Redis,
        lifetime: timedelta,
        on_end: Callable[[list[bytes]], None] | None = None,
    ) -> None:
        """``on_end`` is told of sessions that have ended, by their hashes; it must not block."""
        self._pool = pool
        self._on_end = on_end
        self._cache = cache
        self._lifetime = lifetime
        self._wanted: dict[bytes, asyncio.Future[Session | None]] = {}
        self._lookup: asyncio.Task[None] | None = None
        self._reads: set[asyncio.Task[None]] = set()
        self._untold: set[bytes] = set()
        self._telling: asyncio.Task[None] | None = None

    async def open(
        self,
        connection: Connection,
        kind: PrincipalKind,
        subject_id: UUID,
        operator_id: int | None,
        transport: Transport,
    ) -> str:
        """Open a session in the caller's transaction and return its new random id."""
        token = secrets.token_urlsafe(32)
        await connection.execute(
            SQL["open_session"],
            hash_token(token),
            kind,
            subject_id,
            operator_id,
            transport,
            self._lifetime,
        )
        return token

    async def find(self, token: str) -> Session | None:
        """The session with this id, or None if it does not stand.

        Lookups that arrive while one is under way share the next one: one Redis command answers
        them all. Raises what the Postgres driver raises when neither store can be asked.
        """
        token_hash = hash_token(token)
        future = self._wanted.get(token_hash)
        if future is None:
            future = asyncio.get_running_loop().create_future()
            self._wanted[token_hash] = future
            if self._lookup is None:
                self._lookup = asyncio.create_task(self._look_up(), name="session-lookup")
        # Shielded: others may be waiting for the same answer.
        session = await asyncio.shield(future)
        return session if session is not None and session.expires_at > time() else None

    async def end(self, connection: Connection, token: str) -> bytes | None:
        """Delete one session's row; pass the result to ``forget`` after the commit."""
        return await connection.fetchval(SQL["end_session"], hash_token(token))

    async def end_all(self, connection: Connection, subject_id: UUID) -> list[bytes]:
        """Delete every session of a person; pass the result to ``forget`` after the commit.

        For blocks, exclusions and changed passwords. ``connection`` is the authentication role's.
        """
        rows = await connection.fetch(SQL["end_sessions_of"], subject_id)
        return [row["token_hash"] for row in rows]

    async def forget(self, token_hashes: Iterable[bytes]) -> None:
        """Tell every process that these sessions have ended; never raises for a Redis outage."""
        ended = list(token_hashes)
        self._untold.update(ended)
        if ended and self._on_end is not None:
            self._on_end(ended)
        if self._untold and not await self._tell() and self._telling is None:
            self._telling = asyncio.create_task(self._keep_telling(), name="session-tombstones")

    async def close(self) -> None:
        """Stop what runs in the background."""
        tasks = [task for task in (self._lookup, self._telling, *self._reads) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # --- lookups -----------------------------------------------------------------------------

    async def _look_up(self) -> None:
        """Answer what is wanted, in rounds: whatever arrives during one is the next one's."""
        try:
            while self._wanted:
                hashes = list(self._wanted)[:MAX_LOOKUPS]
                batch = {token_hash: self._wanted.pop(token_hash) for token_hash in hashes}
                missing = await self._answer_from_cache(batch)
                if missing:  # answered apart: those that Redis knows do not wait for Postgres
                    read = asyncio.create_task(self._answer_from_postgres(missing))
                    self._reads.add(read)
                    read.add_done_callback(self._reads.discard)
        finally:
            self._lookup = None

    async def _answer_from_cache(
        self, batch: dict[bytes, "asyncio.Future[Session | None]"]
    ) -> dict[bytes, "asyncio.Future[Session | None]"]:
        """Set what Redis knows; return what it does not."""
        try:
            texts = await self._cache.mget([cache_key(token_hash) for token_hash in batch])
        except (RedisError, OSError) as error:
            log.warning("session_cache_unavailable", error=repr(error))
            return batch
        missing = {}
        for (token_hash, future), text in zip(batch.items(), texts, strict=True):
            session = _session_in(text) if text else None
            if session is None and text != TOMBSTONE:
                missing[token_hash] = future
            elif not future.done():
                future.set_result(session)
        return missing

    async def _answer_from_postgres(
        self, missing: dict[bytes, "asyncio.Future[Session | None]"]
    ) -> None:
        try:
            rows = await self._pool.fetch(SQL["find_sessions"], list(missing), timeout=10)
        except Exception as error:
            for future in missing.values():
                if not future.done():
                    future.set_exception(error)
            return
        found = {row["token_hash"]: _session_of(row) for row in rows}
        for token_hash, future in missing.items():
            if not future.done():
                future.set_result(found.get(token_hash))
        await self._keep_copies(found)

    async def _keep_copies(self, found: dict[bytes, Session]) -> None:
        """Cache what Postgres said. NX: a tombstone set since then must win."""
        now = time()
        try:
            async with self._cache.pipeline(transaction=False) as pipeline:
                for token_hash, session in found.items():
                    seconds = min(CACHE_SECONDS, int(session.expires_at - now))
                    if seconds > 0 and token_hash not in self._untold:
                        pipeline.set(cache_key(token_hash), _encode(session), ex=seconds, nx=True)
                await pipeline.execute()
        except (RedisError, OSError) as error:
            log.warning("session_cache_unavailable", error=repr(error))

    # --- tombstones --------------------------------------------------------------------------

    async def _tell(self) -> bool:
        """Write the tombstones that are due; False if Redis could not be reached."""
        due = list(self._untold)
        try:
            async with self._cache.pipeline(transaction=False) as pipeline:
                for token_hash in due:
                    pipeline.set(cache_key(token_hash), TOMBSTONE, ex=TOMBSTONE_SECONDS)
                await pipeline.execute()
        except (RedisError, OSError) as error:
            log.warning("session_tombstones_delayed", sessions=len(due), error=repr(error))
            return False
        self._untold.difference_update(due)
        return True

    async def _keep_telling(self) -> None:
        try:
            while self._untold:
                await asyncio.sleep(0.1)
                await self._tell()
        finally:
            self._telling = None


async def delete_expired(pool: asyncpg.Pool) -> None:
    """Delete the rows of sessions whose time is over; ``pool`` is the authentication role's."""
    await pool.execute(SQL["delete_expired"])


def _session_in(text: bytes | str) -> Session | None:
    """A cached copy; None for one that another release wrote in another form."""
    try:
        return _decode(text)
    except msgspec.MsgspecError:
        return None


def _session_of(row: asyncpg.Record) -> Session:
    return Session(
        kind=row["kind"],
        subject_id=row["subject_id"],
        operator_id=row["operator_id"],
        username=row["username"],
        transport=row["transport"],
        created_at=row["created_at"].timestamp(),
        expires_at=row["expires_at"].timestamp(),
    )
