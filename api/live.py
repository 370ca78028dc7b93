"""Live push: what happened, sent to the sockets of those whom it concerns.

Every API process publishes on Redis channels and hears what all of them publish. A message is a
hint: it may be lost while Redis is away or when a socket reads too slowly; clients read their state
anew when they connect. Nothing here ever makes a bet wait.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable
from typing import Any
from uuid import UUID

import msgspec
import structlog
from litestar.channels import ChannelsPlugin
from litestar.channels.backends.redis import RedisChannelsPubSubBackend
from prometheus_client import Counter, Gauge
from redis.asyncio import Redis
from redis.exceptions import RedisError

PLAYERS_CHANNEL = "players"
WAREHOUSE_CHANNEL = "warehouse"
SESSIONS_CHANNEL = "sessions"
OPERATORS_CHANNEL = "operators"
SOCKET_BACKLOG = 200
PUBLISH_BACKLOG = 1000
GATHER_SECONDS = 0.02
RECONNECT_SECONDS = 0.2
SUBSCRIBE_SECONDS = 0.5

SOCKETS = Gauge(
    "pitboss_live_sockets", "Open WebSockets", ["audience"], multiprocess_mode="livesum"
)
DROPPED = Counter("pitboss_live_dropped_total", "Live messages not delivered", ["reason"])

log = structlog.get_logger(__name__)

_encode = msgspec.json.Encoder().encode
_decode_notices = msgspec.json.Decoder(list[tuple[str, msgspec.Raw]]).decode


class WarehouseNews(msgspec.Struct):
    """What the relay says after each batch: everything before ``as_of`` is in the warehouse."""

    as_of: str
    operators: list[int] = []


_decode_news = msgspec.json.Decoder(WarehouseNews).decode
_decode_operator_notices = msgspec.json.Decoder(list[tuple[int, msgspec.Raw]]).decode
_decode_ended = msgspec.json.Decoder(list[str]).decode


class PersistentPubSub(RedisChannelsPubSubBackend):
    """Redis channels that outlive a Redis restart.

    Litestar's workers end at the first error that the client does not retry away, and push would
    never come back. Nor need Redis be there when the API starts: until it is, nothing is pushed.
    """

    def __init__(self, redis: Redis) -> None:
        super().__init__(redis=redis)
        self._one_at_a_time = asyncio.Lock()
        self._subscribing: set[asyncio.Task[None]] = set()

    async def subscribe(self, channels: Iterable[str]) -> None:
        """Subscribe at once if Redis answers, else as soon as it does."""
        task = asyncio.create_task(self._subscribe(list(channels)), name="live-subscribe")
        self._subscribing.add(task)
        task.add_done_callback(self._subscribing.discard)
        await asyncio.wait({task}, timeout=SUBSCRIBE_SECONDS)

    async def _subscribe(self, channels: list[str]) -> None:
        async with self._one_at_a_time:
            while True:
                try:
                    return await super().subscribe(channels)
                except (RedisError, OSError) as error:
                    log.warning("live_channels_not_subscribed", error=repr(error))
                    await asyncio.sleep(RECONNECT_SECONDS)

    async def stream_events(self) -> AsyncGenerator[tuple[str, Any], None]:
        """Events of the subscribed channels, for ever."""
        while True:
            try:
                async for event in super().stream_events():
                    yield event
            except (RedisError, OSError) as error:
                log.warning("live_channels_reconnecting", error=repr(error))
                await asyncio.sleep(RECONNECT_SECONDS)

    async def on_shutdown(self) -> None:
        """Close the subscription and the client, which is this backend's own."""
        for task in self._subscribing:
            task.cancel()
        await super().on_shutdown()
        await self._redis.aclose()

    async def publish(self, data: bytes, channels: Iterable[str]) -> None:
        """Publish, or drop the message when Redis cannot be reached."""
        try:
            await super().publish(data, channels)
        except (RedisError, OSError) as error:
            DROPPED.labels("redis").inc()
            log.warning("live_message_dropped", error=repr(error))


async def tell_operators(redis: Redis, notices: list[tuple[int, Any]]) -> None:
    """Send each message to every socket of its operator, on every API process; from a process that
    has no sockets itself. Dropped without a word to the caller when Redis is away.
    """
    if not notices:
        return
    try:
        await redis.publish(OPERATORS_CHANNEL, _encode(notices))
    except (RedisError, OSError) as error:
        DROPPED.labels("redis").inc(len(notices))
        log.warning("live_message_dropped", error=repr(error))


class Feed:
    """One socket's queue. ``closed`` is set when the socket read too slowly or must end.

    ``logged_out`` tells which: its session has ended.
    """

    def __init__(self) -> None:
        self.logged_out = False
        self.messages: asyncio.Queue[bytes] = asyncio.Queue(SOCKET_BACKLOG)
        self.closed = asyncio.Event()

    def put(self, message: bytes) -> None:
        """Queue a message, or give the socket up; never blocks."""
        try:
            self.messages.put_nowait(message)
        except asyncio.QueueFull:
            DROPPED.labels("slow_socket").inc()
            self.closed.set()

    def log_out(self) -> None:
        """The session behind this socket has ended."""
        self.logged_out = True
        self.closed.set()


class Live:
    """Sends notices to players and operators. One a process."""

    def __init__(self, channels: ChannelsPlugin) -> None:
        self._channels = channels
        self._players: dict[str, set[Feed]] = {}
        self._operators: dict[int, set[Feed]] = {}
        self._sessions: dict[str, set[Feed]] = {}
        self._outgoing: asyncio.Queue[tuple[str, list[Any]]] = asyncio.Queue(PUBLISH_BACKLOG)
        self._tasks: list[asyncio.Task[None]] = []

    def notify_players(self, notices: list[tuple[UUID, Any]]) -> None:
        """Send each message to every socket of its player, on every API process.

        Never blocks and never raises for want of Redis: one publish carries the whole list, and
        what other bets have queued meanwhile. A message is anything msgspec writes as a JSON
        object.
        """
        if notices:
            self._send(PLAYERS_CHANNEL, notices)

    def end_sessions(self, token_hashes: list[bytes]) -> None:
        """Close the sockets of sessions that have ended, on every API process.

        Never blocks. Where the message does not arrive, the next heartbeat finds out.
        """
        self._send(SESSIONS_CHANNEL, [token_hash.hex() for token_hash in token_hashes])

    def _send(self, channel: str, notices: list[Any]) -> None:
        try:
            self._outgoing.put_nowait((channel, notices))
        except asyncio.QueueFull:
            DROPPED.labels("backlog").inc(len(notices))

    async def start(self) -> None:
        """Begin to publish and to hear; the channels plugin must have been started."""
        self._tasks = [asyncio.create_task(self._publish(), name="live-publish")]
        for channel, tell in (
            (PLAYERS_CHANNEL, self._tell_players),
            (WAREHOUSE_CHANNEL, self._tell_operators),
            (SESSIONS_CHANNEL, self._tell_logged_out),
            (OPERATORS_CHANNEL, self._tell_operator_notices),
        ):
            subscriber = await self._channels.subscribe([channel])
            hearing = _hear(subscriber.iter_events(), tell)
            self._tasks.append(asyncio.create_task(hearing, name=f"live-{channel}"))

    async def stop(self) -> None:
        """Stop the background tasks; sockets are closed by the server."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def healthy(self) -> bool:
        """Whether every background task still runs."""
        return bool(self._tasks) and not any(task.done() for task in self._tasks)

    def follow_player(self, user_id: UUID, session: bytes) -> "Subscription":
        """A context manager that yields the feed of one player's notices.

        ``session`` is the hash of the session id behind the socket.
        """
        places = ((self._players, str(user_id)), (self._sessions, session.hex()))
        return Subscription("player", places)

    def follow_operator(self, operator_id: int, session: bytes) -> "Subscription":
        """A context manager that yields the feed of one operator's news."""
        places = ((self._operators, operator_id), (self._sessions, session.hex()))
        return Subscription("operator", places)

    @property
    def has_players(self) -> bool:
        """Whether any player's socket is open on this process."""
        return bool(self._players)

    def tell_every_player(self, message: dict[str, Any]) -> None:
        """Send a message to every player's socket on this process; never blocks."""
        data = _encode(message)
        for feeds in self._players.values():
            for feed in feeds:
                feed.put(data)

    async def _publish(self) -> None:
        """Publish what is queued, a channel's notices together, and rest a little: every process
        pays for each message, and the bets of a second make a hundred lists."""
        while True:
            gathered: dict[str, list[Any]] = {}
            queued = [await self._outgoing.get()]
            while not self._outgoing.empty():
                queued.append(self._outgoing.get_nowait())
            for channel, notices in queued:
                gathered.setdefault(channel, []).extend(notices)
            for channel, notices in gathered.items():
                await self._channels.wait_published(_encode(notices), channel)
            await asyncio.sleep(GATHER_SECONDS)

    def _tell_players(self, data: bytes) -> None:
        if not self._players:
            return
        for user_id, message in _decode_notices(data):
            for feed in self._players.get(user_id, ()):
                feed.put(bytes(message))

    def _tell_operators(self, data: bytes) -> None:
        if not self._operators:
            return
        news = _decode_news(data)
        message = _encode({"type": "warehouse", "as_of": news.as_of})
        for operator_id in news.operators:
            for feed in self._operators.get(operator_id, ()):
                feed.put(message)

    def _tell_operator_notices(self, data: bytes) -> None:
        for operator_id, message in _decode_operator_notices(data):
            for feed in self._operators.get(operator_id, ()):
                feed.put(bytes(message))

    def _tell_logged_out(self, data: bytes) -> None:
        for session in _decode_ended(data):
            for feed in self._sessions.get(session, ()):
                feed.log_out()


class Subscription:
    """Keeps a feed registered, under a key in each of its places, while a socket is open."""

    def __init__(self, audience: str, places: tuple[tuple[dict[Any, set[Feed]], Any], ...]) -> None:
        self._audience, self._places = audience, places
        self._feed = Feed()

    def __enter__(self) -> Feed:
        for feeds, key in self._places:
            feeds.setdefault(key, set()).add(self._feed)
        SOCKETS.labels(self._audience).inc()
        return self._feed

    def __exit__(self, *_: object) -> None:
        for feeds, key in self._places:
            siblings = feeds[key]
            siblings.discard(self._feed)
            if not siblings:
                del feeds[key]
        SOCKETS.labels(self._audience).dec()


async def _hear(events: AsyncGenerator[Any, None], tell: Callable[[bytes], None]) -> None:
    async for data in events:
        try:
            tell(data)
        except msgspec.MsgspecError as error:
            log.error("live_message_unreadable", error=repr(error))
