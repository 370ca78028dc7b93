"""The HTTP server: routes, errors, and the order of things in a request.

aiohttp serves it, which the async ClickHouse client brings along anyway: it streams requests and
responses with backpressure and cancels a handler whose client has gone. The engine's threads do
the work; the loop only moves bytes, which is why one process and one loop are enough.
"""

from __future__ import annotations

import logging
import re
import socket
import uuid
from collections.abc import AsyncIterator

from aiohttp import web

from warehouse.gateway import codecs, execute, guard, statement
from warehouse.gateway.auth import Role, User, Users, credentials
from warehouse.gateway.engine import Engine, Pool
from warehouse.gateway.errors import GatewayError
from warehouse.gateway.kill_query import is_kill_query, kill_query
from warehouse.gateway.native import NativeDecoder
from warehouse.gateway.reply import Reply, summary
from warehouse.gateway.request import QueryRequest, read
from warehouse.gateway.rows import Rows
from warehouse.gateway.statement import Kind, Statement

log = logging.getLogger(__name__)

# A server's default http_max_uri_size.
_MAX_URI_BYTES = 1 << 20
_MAX_FORM_BYTES = 16 << 20
# Running requests may take this long to end once the process is told to stop.
_SHUTDOWN_SECONDS = 10.0
# What neither a header nor a line of the log may hold.
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class Gateway:
    """Answers requests with the engine's results."""

    def __init__(self, engine: Engine, users: Users) -> None:
        self._engine = engine
        self._users = users
        self._guard = guard.Guard(engine)
        self._version = f"{engine.version} (embedded)"
        self._running: set[str] = set()

    def application(self) -> web.Application:
        app = web.Application(client_max_size=_MAX_FORM_BYTES)
        app.router.add_get("/ping", self.ping)
        app.router.add_get("/replicas_status", self.ping)
        app.router.add_get("/", self.query)
        app.router.add_post("/", self.query)
        app.router.add_route("*", "/{path:.*}", self.unknown)
        return app

    async def ping(self, _: web.Request) -> web.Response:
        return web.Response(text="Ok.\n")

    async def unknown(self, http: web.Request) -> web.Response:
        return web.Response(status=404, text=f"There is no handler for {http.method} {http.path}\n")

    async def query(self, http: web.Request) -> web.StreamResponse:
        """Any statement, by GET (which may only read) or POST."""
        if http.method in ("GET", "HEAD") and not http.query_string:
            return web.Response(text="Ok.\n")
        query_id = str(uuid.uuid4())
        try:
            user = self._users.authenticate(*credentials(http.headers, http.query))
            pairs = [*http.query.items(), *await _form_fields(http)]
            request = read(
                pairs,
                http.headers,
                default_database=self._users.database,
                new_query_id=query_id,
                user=user.name,
            )
            query_id = request.query_id
            return await self._run(http, user, request)
        except ConnectionError as error:
            log.info("request %s ended without its result: %s", _line(query_id), error)
            raise
        except web.HTTPException:
            raise  # the form is too long
        except Exception as error:
            return self._error(_as_told(error, query_id), query_id)

    async def _run(
        self, http: web.Request, user: User, request: QueryRequest
    ) -> web.StreamResponse:
        if user.role is Role.ANALYST:
            self._guard.admit(request)
        body = _body(http, request)
        text, more = await _read_text(request, body)
        parsed = await guard.aside(
            statement.parse, text, default_insert_format=request.default_format or "Values"
        )
        if more and parsed.kind is not Kind.INSERT:
            raise GatewayError(
                "SYNTAX_ERROR", f"Max query size exceeded ({request.max_query_bytes} bytes)"
            )
        if http.method != "POST" and not parsed.reads_only:
            raise GatewayError(
                "READONLY", "Cannot execute query in readonly mode: use POST to change data"
            )
        if user.role is Role.ANALYST:
            parsed = await self._guard.allowed(parsed, request)
        if request.query_id in self._running:
            raise GatewayError(
                "QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING",
                f"Query with id = {request.query_id} is already running",
            )
        self._running.add(request.query_id)
        try:
            return await self._answer(http, user, request, parsed, body)
        finally:
            self._running.discard(request.query_id)

    async def _answer(
        self,
        http: web.Request,
        user: User,
        request: QueryRequest,
        parsed: Statement,
        body: AsyncIterator[bytes],
    ) -> web.StreamResponse:
        reply = Reply(
            http,
            request,
            execute.output_format(parsed, request),
            self._headers(request.query_id),
            self._engine.limits,
        )
        pool = self._engine.analysts if user.role is Role.ANALYST else self._engine.writers
        try:
            if parsed.kind is Kind.INSERT:
                return await self._insert(pool, request, parsed, body)
            if is_kill_query(parsed):
                progress = await kill_query(self._engine, request, parsed, reply.write)
                return await reply.finish(progress)
            run = execute.select if parsed.kind is Kind.SELECT else execute.command
            async with pool.lend(request.settings) as handle:
                progress = await run(self._engine, handle, request, parsed, reply.write)
        except ConnectionError:
            raise
        except Exception as error:
            if not reply.started:
                raise
            await reply.fail(_as_told(error, request.query_id), self._version)
        return await reply.finish(progress)

    async def _insert(
        self, pool: Pool, request: QueryRequest, parsed: Statement, body: AsyncIterator[bytes]
    ) -> web.Response:
        """Receives the rows before it takes a handle: a slow client holds up nobody else."""
        with Rows() as rows:
            await rows.receive(_chain(parsed.data, body))
            async with pool.lend(request.settings) as handle:
                progress = await execute.insert(self._engine, handle, request, parsed, rows)
        headers = {
            **self._headers(request.query_id),
            "X-ClickHouse-Summary": summary(progress),
        }
        return web.Response(headers=headers, content_type="text/plain", charset="UTF-8")

    def _headers(self, query_id: str) -> dict[str, str]:
        return {
            "X-ClickHouse-Server-Display-Name": "pitboss-gateway",
            "X-ClickHouse-Query-Id": _line(query_id),
            "X-ClickHouse-Timezone": self._engine.timezone,
        }

    def _error(self, error: GatewayError, query_id: str) -> web.Response:
        headers = {**self._headers(query_id), "X-ClickHouse-Exception-Code": str(error.code)}
        if error.name == "AUTHENTICATION_FAILED":
            headers["WWW-Authenticate"] = 'Basic realm="ClickHouse server HTTP API"'
        return web.Response(
            status=error.http_status,
            body=error.body(self._version),
            content_type="text/plain",
            charset="UTF-8",
            headers=headers,
        )


def _line(query_id: str) -> str:
    """Fit for a header and for the log."""
    return _CONTROL.sub(" ", query_id)


def _as_told(error: Exception, query_id: str) -> GatewayError:
    """What the client is told: a fault of the gateway's own only by its kind, and the log more."""
    if isinstance(error, GatewayError):
        return error
    log.error("request %s failed", _line(query_id), exc_info=error)
    return GatewayError("STD_EXCEPTION", f"The gateway failed: {type(error).__name__}")


async def serve(gateway: Gateway, listener: socket.socket) -> web.AppRunner:
    """Starts serving on a socket that is bound already; `cleanup()` of the result stops it,
    letting running requests end."""
    runner = web.AppRunner(
        gateway.application(),
        handler_cancellation=True,
        auto_decompress=False,
        access_log=None,
        max_line_size=_MAX_URI_BYTES,
        max_field_size=_MAX_URI_BYTES,
        shutdown_timeout=_SHUTDOWN_SECONDS,
        logger=_http_log(),
    )
    await runner.setup()
    await web.SockSite(runner, listener, backlog=512).start()
    return runner


def _http_log() -> logging.Logger:
    """For what the HTTP server has to tell, without those errors that break a response off: the
    gateway raises them for that, and tells them itself."""

    def is_news(record: logging.LogRecord) -> bool:
        return not (record.exc_info and isinstance(record.exc_info[1], ConnectionError))

    logger = logging.getLogger("warehouse.gateway.http")
    logger.addFilter(is_news)
    return logger


async def _form_fields(http: web.Request) -> list[tuple[str, str]]:
    """Fields of a multipart form: clients put long `query` and `param_…` values there.

    Raises GatewayError NOT_IMPLEMENTED for a file, which would be an external table, and
    BAD_ARGUMENTS for what is no form.
    """
    if not http.content_type.startswith("multipart/"):
        return []
    if http.headers.get("Content-Encoding", "identity") != "identity":
        raise GatewayError("NOT_IMPLEMENTED", "a multipart body can't have a content coding")
    fields = []
    try:
        form = await http.post()
    except (ValueError, LookupError) as error:
        raise GatewayError("BAD_ARGUMENTS", f"The multipart form is damaged: {error}") from None
    for name, value in form.items():
        if not isinstance(value, str):
            raise GatewayError("NOT_IMPLEMENTED", f"external tables are not supported: {name!r}")
        fields.append((name, value))
    return fields


async def _body(http: web.Request, request: QueryRequest) -> AsyncIterator[bytes]:
    """The request's body, freed of its content coding and of the native framing."""
    if http.content_type.startswith("multipart/"):
        return
    body: AsyncIterator[bytes] = http.content.iter_any().__aiter__()
    coding = http.headers.get("Content-Encoding", "identity")
    if coding.lower() not in ("identity", ""):
        body = codecs.decoded(body, codecs.decoder(coding))
    if request.native_body:
        body = codecs.decoded(body, NativeDecoder(verify=request.verify_native))
    async for chunk in body:
        yield chunk


async def _read_text(request: QueryRequest, body: AsyncIterator[bytes]) -> tuple[bytes, bool]:
    """The `query` parameter continued by as much of the body as a statement may take, and
    whether the body goes on."""
    text = bytearray(request.query)
    joined = not text
    async for chunk in body:
        if not joined:
            text += b"\n"
            joined = True
        text += chunk
        if len(text) > request.max_query_bytes:
            return bytes(text), True
    return bytes(text), len(text) > request.max_query_bytes


async def _chain(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    if first:
        yield first
    async for chunk in rest:
        yield chunk
