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
SOCKET_BACKLOG = 200
PUBLISH_BACKLOG = 1000
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


class Feed:
    """One socket's queue. ``closed`` is set when the socket read too slowly or must end."""

    def __init__(self) -> None:
        self.messages: asyncio.Queue[bytes] = asyncio.Queue(SOCKET_BACKLOG)
        self.closed = asyncio.Event()

    def put(self, message: bytes) -> None:
        """Queue a message, or give the socket up; never blocks."""
        try:
            self.messages.put_nowait(message)
        except asyncio.QueueFull:
            DROPPED.labels("slow_socket").inc()
            self.closed.set()


class Live:
    """Sends notices to players and operators. One a process."""

    def __init__(self, channels: ChannelsPlugin) -> None:
        self._channels = channels
        self._players: dict[str, set[Feed]] = {}
        self._operators: dict[int, set[Feed]] = {}
        self._outgoing: asyncio.Queue[bytes] = asyncio.Queue(PUBLISH_BACKLOG)
        self._tasks: list[asyncio.Task[None]] = []

    def notify_players(self, notices: list[tuple[UUID, Any]]) -> None:
        """Send each message to every socket of its player, on every API process.

        Never blocks and never raises for want of Redis: one publish carries the whole list.
        A message is anything msgspec writes as a JSON object.
        """
        if not notices:
            return
        data = _encode([(str(user_id), message) for user_id, message in notices])
        try:
            self._outgoing.put_nowait(data)
        except asyncio.QueueFull:
            DROPPED.labels("backlog").inc(len(notices))

    async def start(self) -> None:
        """Begin to publish and to hear; the channels plugin must have been started."""
        subscriber = await self._channels.subscribe([PLAYERS_CHANNEL])
        warehouse = await self._channels.subscribe([WAREHOUSE_CHANNEL])
        self._tasks = [
            asyncio.create_task(self._publish(), name="live-publish"),
            asyncio.create_task(
                _hear(subscriber.iter_events(), self._tell_players), name="live-players"
            ),
            asyncio.create_task(
                _hear(warehouse.iter_events(), self._tell_operators), name="live-warehouse"
            ),
        ]

    async def stop(self) -> None:
        """Stop the background tasks; sockets are closed by the server."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def healthy(self) -> bool:
        """Whether every background task still runs."""
        return bool(self._tasks) and not any(task.done() for task in self._tasks)

    def follow_player(self, user_id: UUID) -> "Subscription":
        """A context manager that yields the feed of one player's notices."""
        return Subscription(self._players, str(user_id), "player")

    def follow_operator(self, operator_id: int) -> "Subscription":
        """A context manager that yields the feed of one operator's news."""
        return Subscription(self._operators, operator_id, "operator")

    async def _publish(self) -> None:
        while True:
            await self._channels.wait_published(await self._outgoing.get(), PLAYERS_CHANNEL)

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


class Subscription:
    """Keeps a feed registered while a socket is open."""

    def __init__(self, feeds: dict[Any, set[Feed]], key: Any, audience: str) -> None:
        self._feeds, self._key, self._audience = feeds, key, audience
        self._feed = Feed()

    def __enter__(self) -> Feed:
        self._feeds.setdefault(self._key, set()).add(self._feed)
        SOCKETS.labels(self._audience).inc()
        return self._feed

    def __exit__(self, *_: object) -> None:
        siblings = self._feeds[self._key]
        siblings.discard(self._feed)
        if not siblings:
            del self._feeds[self._key]
        SOCKETS.labels(self._audience).dec()


async def _hear(events: AsyncGenerator[Any, None], tell: Callable[[bytes], None]) -> None:
    async for data in events:
        try:
            tell(data)
        except msgspec.MsgspecError as error:
            log.error("live_message_unreadable", error=repr(error))
