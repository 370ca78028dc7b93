"""Settings of the API and the worker, read from the environment in this one place.

Every variable is called ``PITBOSS_`` and the field's name in capitals.
"""

import base64
import binascii
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Self
from urllib.parse import urlsplit


class SettingsError(Exception):
    """One or more variables are missing or wrong; the text has one line for each of them."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(["bad settings:", *(f"  {line}" for line in problems)]))
        self.problems = problems


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a process of Pitboss needs to know of its deployment."""

    postgres_url: str
    """``postgresql://owner:password@host:port/database``; runtime roles are derived from it."""

    redis_url: str
    """``redis://:password@host:port/0``."""

    clickhouse_url: str
    """``http://user:password@host:port/database`` of the writing user."""

    secret_key: str
    """At least 32 characters. Every other secret is derived from it by HMAC-SHA256 and a label."""

    webhook_secret_mock: str
    """``whsec_`` and base64: what the mock payment provider signs its webhooks with."""

    clickhouse_cluster: str = ""
    """Name of the cluster to make ClickHouse's tables on; empty: one server."""

    clickhouse_access: bool = False
    """Migrating makes a role for each operator's analysts; the embedded ClickHouse has none."""

    mock_provider: bool = False
    """Mounts the mock payment provider at ``/mock-provider``; refused in production."""

    host: str = "127.0.0.1"
    """Address that the API listens on."""

    port: int = 8000
    """Port that the API listens on."""

    public_url: str = "http://127.0.0.1:8000"
    """Base URL as clients see it, without a trailing slash; origins are compared with it."""

    worker_port: int = 8001
    """Port of the worker's ``/health/live`` and ``/metrics``."""

    log_level: str = "INFO"
    """DEBUG, INFO, WARNING or ERROR."""

    environment: str = "development"
    """``development`` or ``production``."""

    session_hours: int = 24
    """How long a session lasts after login."""

    login_failures: int = 10
    """Failed logins of one login name from one address within five minutes before it must wait."""

    auth_requests_per_minute: int = 6000
    """Logins and registrations from one address a minute; production wants about 60."""

    trusted_proxies: str = ""
    """Comma-separated addresses whose ``X-Forwarded-For`` is believed; empty: none."""

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Read the settings from ``environ``, by default the process's own environment.

        Raises ``SettingsError`` naming every bad variable at once.
        """
        environ = os.environ if environ is None else environ
        values: dict[str, Any] = {}
        problems: list[str] = []
        for field in fields(cls):
            variable = f"PITBOSS_{field.name.upper()}"
            text = environ.get(variable, "").strip()
            if text:
                try:
                    values[field.name] = _PARSERS[field.name](text)
                except ValueError as error:
                    problems.append(f"{variable}: {error}")
            elif field.name in _REQUIRED:
                problems.append(f"{variable}: is required")
        if values.get("environment") == "production" and values.get("mock_provider"):
            problems.append("PITBOSS_MOCK_PROVIDER: must not be on in production")
        if problems:
            raise SettingsError(problems)
        return cls(**values)


_REQUIRED = frozenset(
    ("postgres_url", "redis_url", "clickhouse_url", "secret_key", "webhook_secret_mock")
)


def _url(*schemes: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        parts = urlsplit(text)
        if parts.scheme not in schemes or not parts.hostname:
            raise ValueError(f"must be a URL {schemes[0]}://…")  # never echoed: it has a password
        return text.rstrip("/")

    return parse


def _one_of(*choices: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        for choice in choices:
            if text.lower() == choice.lower():
                return choice
        raise ValueError(f"must be one of {', '.join(choices)}")

    return parse


def _whole(lowest: int, highest: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not text.isdecimal() or not lowest <= int(text) <= highest:
            raise ValueError(f"must be a whole number from {lowest} to {highest}")
        return int(text)

    return parse


def _flag(text: str) -> bool:
    return _one_of("1", "0", "true", "false")(text) in ("1", "true")


def _secret_key(text: str) -> str:
    if len(text) < 32:
        raise ValueError("must have at least 32 characters")
    return text


def _webhook_secret(text: str) -> str:
    prefix, _, encoded = text.partition("_")
    try:
        key = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        key = b""
    if prefix != "whsec" or len(key) < 24:
        raise ValueError("must be whsec_ and the base64 of at least 24 bytes")
    return text


_PARSERS: dict[str, Callable[[str], Any]] = {
    "postgres_url": _url("postgresql"),
    "redis_url": _url("redis", "rediss"),
    "clickhouse_url": _url("http", "https"),
    "secret_key": _secret_key,
    "webhook_secret_mock": _webhook_secret,
    "clickhouse_cluster": str,
    "clickhouse_access": _flag,
    "mock_provider": _flag,
    "host": str,
    "port": _whole(1, 65535),
    "public_url": _url("http", "https"),
    "worker_port": _whole(1, 65535),
    "log_level": _one_of("DEBUG", "INFO", "WARNING", "ERROR"),
    "environment": _one_of("development", "production"),
    "session_hours": _whole(1, 24 * 30),
    "login_failures": _whole(1, 1000),
    "auth_requests_per_minute": _whole(1, 1_000_000),
    "trusted_proxies": str,
}
