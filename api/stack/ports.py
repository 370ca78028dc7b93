"""Free loopback ports, remembered so that a second start is found at the same addresses."""

from __future__ import annotations

import json
import os
import random
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from api.stack.errors import StackError


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a server could listen on `port` now.

    SO_REUSEADDR as servers set it: connections of a previous run in TIME_WAIT do not count.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError:
            return False
    return True


def find_free(host: str = "127.0.0.1") -> int:
    """A free port.

    Not one the kernel would propose (32768 and up on Linux): those also go to outgoing connections,
    and such a connection would keep a restarted server from its port.
    """
    for _ in range(1000):
        port = random.randrange(20_000, 32_768)  # noqa: S311 - not a secret
        if is_free(port, host):
            return port
    raise StackError(f"no free port found on {host}")


class Claims:
    """Ports this process means to use, claimed against other stacks that are starting too.

    A claim is an abstract Unix socket named after the port: like ports themselves it is per network
    namespace, and the kernel drops it when the process dies. Close to release them all.
    """

    def __init__(self) -> None:
        self._held: dict[int, socket.socket] = {}

    def take(self, port: int) -> bool:
        """Claim `port`; false if another stack has it, or any server listens on it."""
        if port in self._held:
            return False
        claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            claim.bind(f"\0pitboss-port-{port}")
        except OSError:
            claim.close()
            return False
        if not is_free(port):
            claim.close()
            return False
        self._held[port] = claim
        return True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for claim in self._held.values():
            claim.close()
        self._held.clear()


def allot(
    path: Path, preferred: Mapping[str, int], required: Mapping[str, int], claims: Claims
) -> dict[str, int]:
    """One free port per name in `preferred`, claimed, and remembered in the file `path`.

    For each name in turn: the required port if one is given, else the one remembered, else the
    preferred one or the next free after it. Raises `StackError` if there is none, or a required
    port is taken.
    """
    remembered = _load(path)
    chosen: dict[str, int] = {}
    # Required ports first: nothing else may take them.
    for name in sorted(preferred, key=lambda name: name not in required):
        first = preferred[name]
        candidates = [remembered.get(name, first), *range(first, first + 100)]
        if name in required:
            candidates = [required[name]]
        port = next(filter(claims.take, candidates), None)
        if port is None:
            raise StackError(f"port {candidates[0]} for {name} is in use")
        chosen[name] = port
    _save(path, chosen)
    return {name: chosen[name] for name in preferred}


def _load(path: Path) -> dict[str, int]:
    try:
        ports = json.loads(path.read_text())
    except (FileNotFoundError, ValueError):  # a torn file costs nothing but other ports
        return {}
    return {name: port for name, port in ports.items() if isinstance(port, int)}


def _save(path: Path, ports: Mapping[str, int]) -> None:
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(ports, indent=2) + "\n")
    os.replace(fresh, path)
