"""A small asynchronous client of the platform's HTTP API, for seeds, checks and benches."""

import asyncio
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Any, Self

import httpx

# What a server that is starting, restarting or shedding load answers; safe to ask again, since
# every command that moves money carries an idempotency key.
RETRY_STATUSES = frozenset({429, 502, 503, 504})
_ATTEMPTS = 6
_MAX_PAUSE_SECONDS = 15.0


class ApiError(Exception):
    """The API refused: ``status``, the problem's ``code`` and ``detail``, and the whole body."""

    def __init__(self, response: httpx.Response) -> None:
        try:
            body = response.json()
        except ValueError:
            body = {}
        self.status = response.status_code
        self.body: dict[str, Any] = body if isinstance(body, dict) else {}
        self.code: str = self.body.get("code", "")
        self.detail: str = self.body.get("detail", response.text[:200])
        request = response.request
        super().__init__(
            f"{request.method} {request.url.path}: {self.status} {self.code} {self.detail}"
        )


class ApiClient:
    """One session with the API, bearer transport. Use as an async context manager.

    Lost connections and answers in ``RETRY_STATUSES`` are tried again with growing pauses; the
    caller gives every command that is not repeatable by nature an ``Idempotency-Key``.
    """

    def __init__(self, base_url: str, *, timeout_seconds: float = 30.0) -> None:
        self._http = httpx.AsyncClient(
            base_url=base_url,
            timeout=timeout_seconds,
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=200),
            trust_env=False,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._http.aclose()

    async def log_in(self, login: str, password: str, operator: str | None = None) -> str:
        """Open a session and use it from now on; returns the bearer token.

        Raises :class:`ApiError` with code ``invalid_credentials``.
        """
        token = await self.token_for(login, password, operator)
        self._http.headers["Authorization"] = f"Bearer {token}"
        return token

    async def log_out(self) -> None:
        """End the session."""
        await self.post("/auth/logout", {})

    async def token_for(self, login: str, password: str, operator: str | None = None) -> str:
        """Open a session without using it in this client: the bearer token of another player."""
        form = {"login": login, "password": password, "transport": "bearer"}
        if operator:
            form["operator"] = operator
        return (await self.post("/auth/login", form))["token"]

    async def get(self, path: str, *, token: str | None = None, **query: Any) -> Any:
        """GET a JSON document; raises :class:`ApiError` for anything but success.

        ``token`` speaks for another session than the client's own.
        """
        return (await self.send("GET", path, params=query, headers=_headers(token))).json()

    async def post(
        self, path: str, body: Any, *, key: str | None = None, token: str | None = None
    ) -> Any:
        """POST JSON, with an ``Idempotency-Key`` if given; the answer, None if it is empty."""
        response = await self.send("POST", path, json=body, headers=_headers(token, key))
        return response.json() if response.content else None

    async def put(self, path: str, body: Any) -> Any:
        """PUT JSON."""
        return (await self.send("PUT", path, json=body)).json()

    async def items(
        self, path: str, *, token: str | None = None, **query: Any
    ) -> AsyncIterator[dict[str, Any]]:
        """Every item of a list, page after page."""
        cursor: dict[str, str] = {}
        while True:
            page = await self.get(path, token=token, **query, **cursor)
            for item in page["items"]:
                yield item
            if not page.get("next_cursor"):
                return
            cursor = {"cursor": page["next_cursor"]}

    async def send(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send with retries; raises :class:`ApiError` or, in the end, ``httpx.TransportError``."""
        for attempt in range(1, _ATTEMPTS + 1):
            pause = min(0.1 * 2**attempt, _MAX_PAUSE_SECONDS)
            try:
                response = await self._http.request(method, path, **options)
            except httpx.TransportError:
                if attempt == _ATTEMPTS:
                    raise
            else:
                if response.is_success:
                    return response
                if response.status_code not in RETRY_STATUSES or attempt == _ATTEMPTS:
                    raise ApiError(response)
                pause = min(_retry_after(response, pause), _MAX_PAUSE_SECONDS)
            await asyncio.sleep(pause)
        raise AssertionError("every path above returns or raises")


def _headers(token: str | None, key: str | None = None) -> dict[str, str]:
    headers = {"Idempotency-Key": key} if key else {}
    return headers | ({"Authorization": f"Bearer {token}"} if token else {})


def _retry_after(response: httpx.Response, default: float) -> float:
    text = response.headers.get("Retry-After", "")
    return float(text) if text.isdigit() else default
