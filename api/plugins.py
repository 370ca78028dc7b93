"""Every plugin of the API, each made in one place."""

import logging
import sys
from pathlib import Path
from typing import Any

import msgspec
import redis.asyncio
import structlog
from litestar import Request, Router
from litestar.channels import ChannelsPlugin
from litestar.exceptions import NotFoundException, ValidationException
from litestar.logging.config import LoggingConfig, StructLoggingConfig
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import OpenAPIRenderPlugin
from litestar.plugins.prometheus import PrometheusConfig
from litestar.plugins.structlog import StructlogConfig, StructlogPlugin
from litestar.static_files import create_static_files_router
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from sqlalchemy.exc import DBAPIError
from swagger_ui_bundle import swagger_ui_path

from api.connection import request_id_of
from api.live import (
    OPERATORS_CHANNEL,
    PLAYERS_CHANNEL,
    SESSIONS_CHANNEL,
    WAREHOUSE_CHANNEL,
    PersistentPubSub,
)
from api.openapi import ContractJson, base_config
from api.problems import OUTAGES, Problem, from_database_error
from api.settings import Settings
from ledger.errors import Refusal
from warehouse.client import WarehouseUnavailable

STATIC = Path(__file__).parent / "static"
UI_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
PUBLIC_FILE = {"no_session": True, "quiet": True}


def structlog_plugin(settings: Settings) -> StructlogPlugin:
    """One JSON line an event on standard error, with the request's id.

    Litestar's logging of whole requests stays off: it writes cookies and bodies, and a line for
    every bet. ``api.responses`` writes what the log needs of a request.
    """
    level = logging.getLevelNamesMapping()[settings.log_level]
    config = StructLoggingConfig(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(serializer=_as_json),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.__stderr__),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        log_exceptions="always",
        exception_logging_handler=_log_exception,
        disable_stack_trace={Refusal, Problem, ValidationException, NotFoundException},
        pretty_print_tty=False,
        standard_lib_logging_config=LoggingConfig(
            root={"level": "WARNING", "handlers": ["queue_listener"]},
            log_exceptions="never",
        ),
    )
    return StructlogPlugin(
        StructlogConfig(structlog_logging_config=config, enable_middleware_logging=False)
    )


def _as_json(event: Any, **_: Any) -> str:
    return msgspec.json.encode(event, enc_hook=repr).decode()


def _log_exception(logger: Any, scope: Any, _: list[str]) -> None:
    error = sys.exc_info()[1]
    facts = {
        "method": scope.get("method"),
        "path": scope["path"],
        "request_id": request_id_of(scope),
    }
    status = getattr(error, "status_code", 500)
    if isinstance(error, DBAPIError):  # a taken name, an outage, or a fault of ours
        status = from_database_error(error).status_code
    if status == 503 or isinstance(error, (*OUTAGES, WarehouseUnavailable)):
        logger.warning("store_unavailable", error=repr(error), **facts)
    elif status >= 500:
        logger.exception("request_failed", **facts)


def prometheus_config() -> PrometheusConfig:
    """Counts and times requests by path template; quiet routes are left out.

    A spin is one: the middleware costs a tenth of it, and the bet batch counts its own.
    """
    return PrometheusConfig(
        app_name="pitboss",
        prefix="pitboss_http",
        group_path=True,
        exclude_opt_key="quiet",
        buckets=[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
    )


def channels_plugin(settings: Settings) -> ChannelsPlugin:
    """Push between processes; a reader that does not keep up loses the oldest messages.

    The client never gives up: after a Redis restart it subscribes again.
    """
    client = redis.asyncio.Redis.from_url(
        settings.redis_url, retry=Retry(ExponentialBackoff(cap=0.5, base=0.05), 1000)
    )
    return ChannelsPlugin(
        PersistentPubSub(redis=client),
        channels=[PLAYERS_CHANNEL, WAREHOUSE_CHANNEL, SESSIONS_CHANNEL, OPERATORS_CHANNEL],
        subscriber_max_backlog=1000,
        subscriber_backlog_strategy="dropleft",
    )


class SchemaPage(OpenAPIRenderPlugin):
    """The schema in Swagger UI, from files of our own: nothing is loaded from elsewhere."""

    def render(self, request: Request, openapi_schema: dict[str, Any]) -> bytes:
        """The page; its script fetches the schema."""
        return (STATIC / "schema.html").read_bytes()


def openapi_config() -> OpenAPIConfig:
    """OpenAPI 3.1 at ``/schema/openapi.json``, and at ``/schema`` for people."""
    return base_config(
        render_plugins=[SchemaPage(path="/"), ContractJson()],
        openapi_router=Router(
            "/schema",
            route_handlers=[],
            include_in_schema=False,
            response_headers={"Content-Security-Policy": UI_POLICY},
            opt=PUBLIC_FILE,
        ),
    )


def schema_files() -> Router:
    """Swagger UI's files and our page's script, below ``/schema-ui``."""
    return create_static_files_router(
        path="/schema-ui",
        directories=[STATIC, str(swagger_ui_path)],
        include_in_schema=False,
        opt=PUBLIC_FILE,
        cache_control=None,
    )
