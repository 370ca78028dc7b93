"""A gateway of the module's own, and the plainest client there is."""

from __future__ import annotations

import http.client
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import urlencode

import pytest

from tests.support.gateway import Credentials, GatewayProcess, start_gateway


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes
    headers: dict[str, str]

    @property
    def code(self) -> int:
        """ClickHouse's error code, 0 if none."""
        return int(self.headers.get("X-ClickHouse-Exception-Code", 0))


Ask = Callable[..., Answer]


def ask_gateway(
    gateway: GatewayProcess,
    body: bytes | str | Iterable[bytes] = b"",
    *,
    user: Credentials | None = None,
    method: str = "POST",
    headers: dict[str, str] | None = None,
    **params: str | int,
) -> Answer:
    """One request on a connection of its own; as the writer unless told otherwise. An iterable
    body is sent chunked."""
    who = user or gateway.writer
    connection = http.client.HTTPConnection(gateway.host, gateway.port, timeout=20)
    sent = body.encode() if isinstance(body, str) else body
    try:
        connection.request(
            method,
            f"/?{urlencode(params)}",
            body=sent or None,
            headers={
                "X-ClickHouse-User": who.user,
                "X-ClickHouse-Key": who.password,
                **(headers or {}),
            },
            encode_chunked=not isinstance(sent, bytes),
        )
        answer = connection.getresponse()
        return Answer(answer.status, answer.read(), dict(answer.headers))
    finally:
        connection.close()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    process = start_gateway(tmp_path_factory.mktemp("gateway"))
    yield process
    process.stop()


@pytest.fixture
def ask(gateway: GatewayProcess) -> Ask:
    return lambda body=b"", **more: ask_gateway(gateway, body, **more)
