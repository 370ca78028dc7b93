"""Requests that no client makes by accident: each is answered, with ClickHouse's codes."""

from __future__ import annotations

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import psutil
import pytest

from tests.integration.warehouse.gateway.conftest import Ask, ask_gateway
from tests.support.gateway import Credentials, GatewayProcess


def raw(
    gateway: GatewayProcess, head: str, *, user: Credentials | None, body: bytes = b""
) -> bytes:
    """The answer to a request written by hand; `head` may hold any byte as a character."""
    text = head.replace("\n", "\r\n") + "Host: x\r\nConnection: close\r\n"
    if user is not None:
        text += f"X-ClickHouse-User: {user.user}\r\nX-ClickHouse-Key: {user.password}\r\n"
    answer = b""
    with socket.create_connection((gateway.host, gateway.port), timeout=20) as connection:
        connection.sendall(text.encode("latin-1") + b"\r\n" + body)
        while part := connection.recv(1 << 16):
            answer += part
    return answer


POST = "POST /{path} HTTP/1.1\n{headers}Content-Length: {length}\n"


def post(
    gateway: GatewayProcess, path: str = "", body: bytes = b"SELECT 1", headers: str = "", **more
) -> bytes:
    user = more.get("user", gateway.writer)
    head = POST.format(path=path, headers=headers, length=len(body))
    return raw(gateway, head, user=user, body=body)


FORM = "Content-Type: multipart/form-data{boundary}\n"


@pytest.mark.parametrize(
    ("request_parts", "status", "code"),
    [
        ({"headers": "X-ClickHouse-User: \xff\nX-ClickHouse-Key: \xfe\n", "user": None}, 403, 516),
        ({"headers": "Authorization: Basic \xff\n", "user": None}, 403, 516),
        ({"path": "?user=%ff&password=%ed%a0%80", "user": None}, 403, 516),
        ({"headers": "X-ClickHouse-Format: J\xe9\n"}, 404, 73),
        ({"headers": "X-ClickHouse-Database: \xe9\n"}, 404, 81),
        ({"path": "?max_threads=%ff"}, 400, 27),
        ({"path": "?%ff=1"}, 404, 115),
        ({"headers": FORM.format(boundary="; boundary=x"), "body": b"nothing"}, 400, 36),
        ({"headers": FORM.format(boundary=""), "body": b"nothing"}, 400, 36),
        ({"body": "SELECT 1".encode("utf-16")}, 400, 62),
        ({"body": b"SELECT toDate('\xff')"}, 400, 38),
    ],
)
def test_nonsense_is_refused_by_name(
    gateway: GatewayProcess, request_parts: dict, status: int, code: int
) -> None:
    answer = post(gateway, **request_parts)
    assert answer.startswith(f"HTTP/1.1 {status} ".encode()), answer
    assert f"X-ClickHouse-Exception-Code: {code}\r\n".encode() in answer
    assert f"\r\n\r\nCode: {code}. DB::Exception: ".encode() in answer


@pytest.mark.parametrize("sign", ["\x00", "\x01", "\n", "\r\nX-More: 1", "\x7f", "\u20ac", "\x85"])
def test_any_query_id_comes_back_on_one_line(gateway: GatewayProcess, sign: str) -> None:
    answer = post(gateway, f"?query_id=a{quote(sign)}b")
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.endswith(b"\r\n\r\n1\n")
    assert b"\nX-More" not in answer


def test_an_analyst_may_not_say_how_much_is_read(gateway: GatewayProcess) -> None:
    """Refused before the body arrives, of which it would be all there is."""
    head = POST.format(path="?max_query_size=9000000000", headers="", length=9_000_000_000)
    before = psutil.Process(gateway.process.pid).memory_info().rss
    answer = raw(gateway, head, user=gateway.analyst, body=b"SELECT " + b" " * 1_000_000)
    assert b"X-ClickHouse-Exception-Code: 164\r\n" in answer
    assert psutil.Process(gateway.process.pid).memory_info().rss - before < 100 << 20


LENGTH = 250_000
HOLDING = {
    "heredocs": "SELECT 1 " + " ".join(f"$a{n}$" for n in range(LENGTH // 8)),
    "quotes": "SELECT '" + "\\'" * (LENGTH // 2),
    "names": "SELECT `" + "\\`" * (LENGTH // 2),
    "message": f"SELECT throwIf(1, '(NAME){' ' * LENGTH}x')",
    "aliases": f"SELECT '{' (alias )' * (LENGTH // 9)}x'",
    "combinators": f"SELECT sum{'If' * (LENGTH // 2)}(1)",
    "asterisks": "SELECT name FROM system.tables WHERE 1 IN (SELECT ("
    + ",".join(["t.*"] * (LENGTH // 8))
    + ") FROM numbers(1) AS t)",
    "parentheses": f"SELECT {'(' * (LENGTH // 2)}1{')' * (LENGTH // 2)}",
    "numbers": "SELECT 1 IN (" + ",".join(["1"] * (LENGTH // 4)) + ")",
    "unions": " UNION ALL ".join(["SELECT 1"] * (LENGTH // 40)),
    "identifiers": "SELECT " + ",".join(["{a:Identifier}"] * (LENGTH // 20)),
}


@pytest.mark.parametrize("text", HOLDING.values(), ids=HOLDING.keys())
def test_no_text_of_an_analyst_holds_up_the_writer(
    gateway: GatewayProcess, ask: Ask, text: str
) -> None:
    """Whatever it takes to read the text, others are served meanwhile."""
    with ThreadPoolExecutor(1) as pool:
        read = pool.submit(ask_gateway, gateway, text, user=gateway.analyst, param_a="b")
        longest = 0.0
        while not read.done():
            began = time.monotonic()
            assert ask("SELECT 1").body == b"1\n"
            longest = max(longest, time.monotonic() - began)
        answer = read.result()
    assert answer.status == 200 or answer.code
    assert longest < 2
