"""Limits on logins and registrations, counted in Redis for all processes together.

While Redis is away each process counts for itself: guessing stays limited, logging in possible.
"""

from collections.abc import Awaitable, Callable
from time import time

import structlog
from limits import RateLimitItem, RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import FixedWindowRateLimiter
from redis.exceptions import RedisError

from api.problems import Problem
from api.settings import Settings

FAILURE_WINDOW_MINUTES = 5

log = structlog.get_logger(__name__)


class RateLimits:
    """Two budgets: requests of an address, and failed logins of a login name from an address."""

    def __init__(self, settings: Settings) -> None:
        storage = RedisStorage(
            f"async+{settings.redis_url}",
            implementation="redispy",
            key_prefix="limits",
            socket_timeout=1,
            socket_connect_timeout=1,
        )
        self._shared = FixedWindowRateLimiter(storage)
        self._own = FixedWindowRateLimiter(MemoryStorage())
        self._requests = RateLimitItemPerMinute(settings.auth_requests_per_minute)
        self._failures = RateLimitItemPerMinute(settings.login_failures, FAILURE_WINDOW_MINUTES)

    async def spend_request(self, address: str) -> dict[str, str]:
        """Count one login or registration; returns the ``RateLimit-*`` headers for its answer.

        Raises ``Problem`` ``rate_limited`` when the address has none left.
        """
        allowed = await self._ask(lambda limiter: limiter.hit(self._requests, "auth", address))
        headers = await self._headers(self._requests, "auth", address)
        if not allowed:
            raise _too_many(headers)
        return headers

    async def require_attempt(self, namespace: int, login: str, address: str) -> None:
        """Raise ``Problem`` ``rate_limited`` when this login has failed too often from there."""
        key = (str(namespace), login, address)
        if not await self._ask(lambda limiter: limiter.test(self._failures, *key)):
            raise _too_many(await self._headers(self._failures, *key))

    async def count_failure(self, namespace: int, login: str, address: str) -> None:
        """Count one failed login."""
        key = (str(namespace), login, address)
        await self._ask(lambda limiter: limiter.hit(self._failures, *key))

    async def _headers(self, item: RateLimitItem, *key: str) -> dict[str, str]:
        stats = await self._ask(lambda limiter: limiter.get_window_stats(item, *key))
        return {
            "RateLimit-Limit": str(item.amount),
            "RateLimit-Remaining": str(max(0, stats.remaining)),
            "RateLimit-Reset": str(max(1, round(stats.reset_time - time()))),
        }

    async def _ask(self, question: Callable[[FixedWindowRateLimiter], Awaitable]):
        try:
            return await question(self._shared)
        except (RedisError, OSError) as error:
            log.warning("rate_limits_local", error=repr(error))
            return await question(self._own)


def _too_many(headers: dict[str, str]) -> Problem:
    return Problem(
        "rate_limited",
        "Too many attempts; wait a while and try again.",
        headers={"Retry-After": headers["RateLimit-Reset"], **headers},
    )
