"""One request of ClickHouse's HTTP interface, read from its URL, headers and form fields.

Every parameter is either one the gateway serves, a `param_…` of the query, or a setting for the
engine, which refuses the ones it doesn't know. Nothing is dropped without a word.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from warehouse.gateway import codecs
from warehouse.gateway.errors import GatewayError

# Accepted without effect, each for a reason a client can rely on:
_WITHOUT_EFFECT = frozenset(
    {
        "user",  # read by `auth`
        "password",
        "quota_key",  # no quotas are defined
        "session_id",  # sessions keep no state: SET, USE and temporary tables are refused
        "session_timeout",
        "close_session",
        "client_protocol_version",  # results come in revision 0; clients detect that
        "send_progress_in_http_headers",  # the summary comes with the result
        "http_headers_progress_interval_ms",
        "cancel_http_readonly_queries_on_client_close",  # always done
        "add_http_cors_header",  # for browsers; no cross-origin page may talk to the gateway
    }
)
# Features of a server that are absent; the value that asks for their absence is fine.
_ABSENT = {
    "role": "",
    "stacktrace": "0",
    "session_check": "0",
    "http_write_exception_in_output_format": "0",
}
DEFAULT_BUFFER_BYTES = 1 << 20
DEFAULT_MAX_QUERY_BYTES = 256 << 10


@dataclass(frozen=True, slots=True)
class QueryRequest:
    """What a request asks for, apart from its body."""

    query: bytes
    """The `query` parameter; the body continues it."""
    database: str
    query_id: str
    user: str
    default_format: str | None
    settings: dict[str, str] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)
    buffer_bytes: int = DEFAULT_BUFFER_BYTES
    """Held back before the status is sent, so that an early error still gets its own status."""
    wait_end_of_query: bool = False
    coding: str | None = None
    """Content coding of the response."""
    coding_level: int = 3
    native_response: bool = False
    native_body: bool = False
    verify_native: bool = True

    @property
    def max_query_bytes(self) -> int:
        return _integer("max_query_size", self.settings.get("max_query_size")) or (
            DEFAULT_MAX_QUERY_BYTES
        )


def read(
    pairs: Iterable[tuple[str, str]],
    headers: Mapping[str, str],
    *,
    default_database: str,
    new_query_id: str,
    user: str = "",
) -> QueryRequest:
    """Builds the request. Raises GatewayError BAD_ARGUMENTS or NOT_IMPLEMENTED."""
    given = _unique(pairs)
    params = {k[6:]: given.pop(k) for k in [*given] if k.startswith("param_")}
    for name, neutral in _ABSENT.items():
        if given.pop(name, neutral) not in (neutral, ""):
            raise GatewayError("NOT_IMPLEMENTED", f"{name} is not supported by this gateway")
    for name in _WITHOUT_EFFECT:
        given.pop(name, None)
    take = given.pop
    compressible = _flag("enable_http_compression", take("enable_http_compression", None))
    coding = codecs.choose_coding(headers.get("Accept-Encoding", "")) if compressible else None
    wait = _flag("wait_end_of_query", take("wait_end_of_query", None))
    wait = _flag("http_wait_end_of_query", take("http_wait_end_of_query", None)) or wait
    buffer = _integer("buffer_size", take("buffer_size", None))
    buffer = (
        _integer("http_response_buffer_size", take("http_response_buffer_size", None)) or buffer
    )
    unverified = "http_native_compression_disable_checksumming_on_decompress"
    level = _integer("http_zlib_compression_level", take("http_zlib_compression_level", None))
    return QueryRequest(
        query=take("query", "").encode("utf-8", "surrogateescape"),
        database=take("database", "") or headers.get("X-ClickHouse-Database") or default_database,
        query_id=take("query_id", "") or headers.get("X-ClickHouse-Query-Id") or new_query_id,
        user=user,
        default_format=take("default_format", "") or headers.get("X-ClickHouse-Format"),
        params=params,
        buffer_bytes=DEFAULT_BUFFER_BYTES if buffer is None else min(buffer, 64 << 20),
        wait_end_of_query=wait,
        coding=coding,
        coding_level=min(max(level if level is not None else 3, 1), 9),
        native_response=_flag("compress", take("compress", None)),
        native_body=_flag("decompress", take("decompress", None)),
        verify_native=not _flag(unverified, take(unverified, None)),
        settings=given,
    )


def _unique(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    given: dict[str, str] = {}
    for name, value in pairs:
        if given.setdefault(name, value) != value:
            raise GatewayError("BAD_ARGUMENTS", f"Parameter {name!r} is given twice")
    return given


def _flag(name: str, value: str | None) -> bool:
    if value is None or value.lower() in ("", "0", "false"):
        return False
    if value.lower() in ("1", "true"):
        return True
    raise GatewayError("BAD_ARGUMENTS", f"{name} must be 0 or 1, not {value!r}")


def _integer(name: str, value: str | None) -> int | None:
    if value is None or value == "":
        return None
    if not value.isascii() or not value.isdigit():
        raise GatewayError("BAD_ARGUMENTS", f"{name} must be a whole number, not {value!r}")
    return int(value)
