"""The API application: what it opens, what it is made of, and every route it has."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import Any

import asyncpg
import msgspec
import redis.asyncio
from litestar import Litestar
from litestar.channels import ChannelsPlugin
from litestar.datastructures import State
from litestar.di import Provide
from litestar.middleware import DefineMiddleware
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff

from api import mock_provider
from api.authentication import SessionMiddleware, csrf_secret
from api.back_office import open_back_office, open_engine
from api.jackpot_ticker import JackpotTicker
from api.job_runs import JobRunner
from api.jobs import Tools
from api.live import Live
from api.passwords import Passwords
from api.payouts import PayoutSender
from api.plugins import (
    channels_plugin,
    openapi_config,
    prometheus_config,
    schema_files,
    structlog_plugin,
)
from api.problems import problem_details_plugin
from api.rate_limits import RateLimits
from api.requests import MAX_BODY_BYTES, StrictRequest
from api.responses import ResponseFinisher
from api.routes import (
    admin,
    affiliates,
    analytics,
    auth,
    exports,
    fairness,
    games,
    health,
    live,
    operator,
    operator_games,
    operator_payments,
    operator_rewards,
    operator_withdrawals,
    payments,
    rewards,
    rtp_monitor,
    spins,
    wallet,
    webhooks,
    withdrawals,
)
from api.sessions import Sessions
from api.settings import Settings
from api.tenancy import provide_operator_id, provide_principal
from ledger.batch import BetBatcher
from ledger.bet_record import SpinRequest, SpinResult
from ledger.commands import MoneyDesk
from ledger.database import Role, create_pool
from ledger.fairness import SeedVault
from ledger.jackpot import HitVault
from warehouse.client import Warehouse
from warehouse.tail import TailReader

# Connections of one API process. A bet batch uses one; the others wait for it or retry. The relay's
# role is for jobs that an admin runs.
POOL_SIZES = {Role.AUTH: 4, Role.APP: 8, Role.BATCH: 4, Role.RELAY: 1}

ROUTE_HANDLERS = [
    auth.router,
    admin.router,
    games.router,
    spins.router,
    wallet.router,
    payments.router,
    fairness.router,
    rewards.router,
    operator_rewards.router,
    operator_games.router,
    operator_payments.router,
    operator_withdrawals.router,
    withdrawals.router,
    webhooks.router,
    operator.router,
    affiliates.router,
    analytics.router,
    exports.router,
    rtp_monitor.router,
    live.router,
    health.router,
    health.Metrics,
]

IN_STATE = (
    "settings",
    "pools",
    "back_office",
    "redis",
    "warehouse",
    "vault",
    "desk",
    "payouts",
    "jobs",
    "bets",
    "live",
    "sessions",
    "passwords",
    "limits",
)
"""What the lifespan puts into ``app.state``; also dependencies of the same names."""


def create_app(settings: Settings | None = None) -> Litestar:
    """The application; ``settings`` default to those of the environment.

    Raises ``SettingsError``. Stores are opened when the server starts it, not before.
    """
    settings = settings or Settings.from_env()
    mock = settings.mock_provider
    return Litestar(
        route_handlers=[
            *ROUTE_HANDLERS,
            schema_files(),
            *([mock_provider.router] if mock else []),
        ],
        lifespan=[_stores, *([mock_provider.mock_provider_lifespan] if mock else [])],
        state=State({"settings": settings, "trusted_proxies": _trusted(settings)}),
        dependencies=_dependencies(),
        middleware=[
            prometheus_config().middleware,
            DefineMiddleware(SessionMiddleware, csrf_secret=csrf_secret(settings.secret_key)),
        ],
        plugins=[structlog_plugin(settings), problem_details_plugin(), channels_plugin(settings)],
        before_send=[ResponseFinisher(settings)],
        openapi_config=openapi_config(),
        request_class=StrictRequest,
        request_max_body_size=MAX_BODY_BYTES,
    )


@asynccontextmanager
async def _stores(app: Litestar) -> AsyncIterator[None]:
    """Open what requests work with, in the order in which one needs another; close it in reverse.

    Postgres and Redis may be away at this moment: connections are made when first needed.
    """
    state: Any = app.state
    settings: Settings = state.settings
    async with AsyncExitStack() as stack:
        state.pools = {
            role: await stack.enter_async_context(await _pool(settings, role, size))
            for role, size in POOL_SIZES.items()
        }
        state.redis = await stack.enter_async_context(_redis(settings))
        state.warehouse = Warehouse(settings.clickhouse_url)
        stack.push_async_callback(state.warehouse.close)
        state.tail = TailReader(state.redis)
        state.tail.start()
        stack.push_async_callback(state.tail.stop)
        engine = open_engine(settings.postgres_url, settings.secret_key)
        stack.push_async_callback(engine.dispose)
        state.back_office = open_back_office(engine)
        state.vault = SeedVault(settings.secret_key)
        hits = HitVault(settings.secret_key)
        state.desk = MoneyDesk(state.pools[Role.BATCH], state.vault, hits)
        state.payouts = PayoutSender(settings)
        stack.push_async_callback(state.payouts.close)
        state.jobs = JobRunner(
            settings.postgres_url,
            settings.secret_key,
            Tools(
                state.pools,
                state.desk,
                state.payouts,
                settings.postgres_url,
                settings.clickhouse_url,
                state.warehouse,
                state.redis,
            ),
        )
        state.limits = RateLimits(settings)
        state.passwords = Passwords()
        stack.callback(state.passwords.close)
        state.live = Live(app.plugins.get(ChannelsPlugin))
        await state.live.start()
        stack.push_async_callback(state.live.stop)
        lifetime = timedelta(hours=settings.session_hours)
        state.sessions = Sessions(
            state.pools[Role.AUTH], state.redis, lifetime, on_end=state.live.end_sessions
        )
        stack.push_async_callback(state.sessions.close)
        state.bets = BetBatcher(
            state.pools[Role.BATCH], state.vault, hits, _bet_notices(state.live)
        )
        state.bets.start()
        stack.push_async_callback(state.bets.stop)
        ticker = JackpotTicker(state.pools[Role.APP], state.live)
        ticker.start()
        stack.push_async_callback(ticker.stop)
        yield


async def _pool(settings: Settings, role: Role, size: int) -> asyncpg.Pool:
    return await create_pool(
        settings.postgres_url, role, settings.secret_key, min_size=0, max_size=size
    )


def _redis(settings: Settings) -> redis.asyncio.Redis:
    """The client of requests: they want an answer soon, or they ask Postgres."""
    return redis.asyncio.Redis.from_url(
        settings.redis_url,
        retry=Retry(ExponentialBackoff(cap=0.05, base=0.01), 1),
        socket_timeout=1,
        socket_connect_timeout=0.5,
    )


def _bet_notices(live: Live) -> Callable[[list[tuple[SpinRequest, SpinResult]]], None]:
    """What the bet batch calls after each commit: every fresh bet to its player's sockets."""

    def notify(settled: list[tuple[SpinRequest, SpinResult]]) -> None:
        live.notify_players(
            [
                (request.user_id, {"type": "bet", **msgspec.structs.asdict(result)})
                for request, result in settled
            ]
        )

    return notify


def _dependencies() -> dict[str, Provide]:
    """The parts in ``app.state`` by their names, and what is worked out of each request."""
    parts = {name: Provide(_from_state(name), sync_to_thread=False) for name in IN_STATE}
    return {
        **parts,
        "principal": Provide(provide_principal, sync_to_thread=False),
        "operator_id": Provide(provide_operator_id),
    }


def _from_state(name: str) -> Callable[[State], Any]:
    def provide(state: State) -> Any:
        return state[name]

    return provide


def _trusted(settings: Settings) -> frozenset[str]:
    return frozenset(filter(None, (part.strip() for part in settings.trusted_proxies.split(","))))
