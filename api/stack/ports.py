"""Free loopback ports, remembered so that a second start is found at the same addresses."""

from __future__ import annotations

import json
import os
import random
import socket
from collections.abc import Mapping
from pathlib import Path

from api.stack.processes import StackError


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


def find_free(host: str = "127.0.0.1", avoid: frozenset[int] = frozenset()) -> int:
    """A free port, not one of `avoid`.

    Not one the kernel would propose (32768 and up on Linux): those also go to outgoing connections,
    and such a connection would keep a restarted server from its port.
    """
    for _ in range(1000):
        port = random.randrange(20_000, 32_768)  # noqa: S311 - not a secret
        if port not in avoid and is_free(port, host):
            return port
    raise StackError(f"no free port found on {host}")


def allot(
    path: Path, preferred: Mapping[str, int], required: Mapping[str, int] | None = None
) -> dict[str, int]:
    """One free port per name in `preferred`, remembered in the file `path`.

    For each name in turn: the required port if one is given, else the one remembered, else the
    preferred one or the next free after it, else any free one. Raises `StackError` if a required
    port is taken.
    """
    remembered = _load(path)
    required = required or {}
    chosen: dict[str, int] = {}
    # Required ports first: nothing else may take them.
    for name in sorted(preferred, key=lambda name: name not in required):
        taken = frozenset(chosen.values())
        if name in required:
            if required[name] in taken or not is_free(required[name]):
                raise StackError(f"port {required[name]} for {name} is in use")
            chosen[name] = required[name]
            continue
        first = preferred[name]
        candidates = [remembered.get(name, first), *range(first, first + 100)]
        usable = (port for port in candidates if port not in taken and is_free(port))
        chosen[name] = next(usable, 0) or find_free(avoid=taken)
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
