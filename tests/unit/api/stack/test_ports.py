"""Ports: found free, claimed against other stacks, remembered."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from api.stack import ports
from api.stack.errors import StackError


@contextmanager
def listening(port: int = 0) -> Iterator[int]:
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("127.0.0.1", port))
        server.listen()
        yield server.getsockname()[1]


def allot(path: Path, preferred: dict[str, int], **required: int) -> dict[str, int]:
    with ports.Claims() as claims:
        return ports.allot(path, preferred, required, claims)


def test_a_listening_port_is_not_free() -> None:
    with listening() as port:
        assert not ports.is_free(port)
    assert ports.is_free(port)


def test_found_ports_are_below_those_of_outgoing_connections() -> None:
    assert 20_000 <= ports.find_free() < 32_768


def test_the_next_free_port_is_taken_and_remembered(tmp_path: Path) -> None:
    path, first = tmp_path / "ports.json", ports.find_free()
    with listening(first):
        chosen = allot(path, {"api": first})
    assert chosen["api"] > first
    assert json.loads(path.read_text()) == chosen
    assert allot(path, {"api": first}) == chosen, "though the preferred one is free by now"


def test_a_remembered_port_that_is_taken_is_replaced(tmp_path: Path) -> None:
    path, first = tmp_path / "ports.json", ports.find_free()
    path.write_text(json.dumps({"api": first}))
    with listening(first):
        assert allot(path, {"api": first})["api"] != first


def test_a_required_port_comes_before_what_others_would_like(tmp_path: Path) -> None:
    port = ports.find_free()
    chosen = allot(tmp_path / "ports.json", {"redis": port, "api": 1}, api=port)
    assert chosen["api"] == port
    assert chosen["redis"] != port


def test_a_required_port_that_is_taken_is_an_error(tmp_path: Path) -> None:
    with listening() as port, pytest.raises(StackError, match=f"port {port} for api is in use"):
        allot(tmp_path / "ports.json", {"api": port}, api=port)


def test_two_stacks_that_start_at_once_do_not_take_the_same_port(tmp_path: Path) -> None:
    """Neither listens yet, so only the claims keep them apart."""
    first = ports.find_free()
    with ports.Claims() as one, ports.Claims() as two:
        mine = ports.allot(tmp_path / "one.json", {"api": first}, {}, one)
        theirs = ports.allot(tmp_path / "two.json", {"api": first}, {}, two)
    assert mine != theirs
    assert allot(tmp_path / "three.json", {"api": mine["api"]}) == mine, "claims end with the stack"


def test_a_torn_file_costs_nothing_but_the_memory(tmp_path: Path) -> None:
    path = tmp_path / "ports.json"
    path.write_text('{"api": 80')
    assert allot(path, {"api": ports.find_free()})
