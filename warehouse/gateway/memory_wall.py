"""A wall around the memory of the process, far behind the engine's own limit.

Some of the engine's functions allocate without asking its accounts, gigabytes at once. Without a
wall the machine runs out of memory, and the kernel ends whatever it likes; with one the function
gets std::bad_alloc, and its query fails.

The kernel limits address space, of which the engine keeps what it has freed. So the limit follows:
what there is now, and as much more as may become resident.
"""

from __future__ import annotations

import asyncio
import contextlib
import resource
from pathlib import Path

_STATUS = Path("/proc/self/status")
_EVERY_SECONDS = 0.5
# Of the process itself, beyond twice what the engine may use.
_OWN_BYTES = 1 << 30
# What is left when all is used: requests that are refused need some too.
_LEAST_BYTES = 4 << 20


async def hold(engine_bytes: int) -> None:
    """Keeps the wall where it belongs; for good, as a task of its own."""
    while True:
        # At the wall there may be no memory for looking either: it stands where it is.
        with contextlib.suppress(MemoryError):
            place(engine_bytes)
        await asyncio.sleep(_EVERY_SECONDS)


def place(engine_bytes: int) -> None:
    """Limits the address space to what the process may still use, now.

    A lower hard limit, set by whoever started the process, holds.
    """
    data, resident = _used()
    room = max(2 * engine_bytes + _OWN_BYTES - resident, _LEAST_BYTES)
    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = data + room if most == resource.RLIM_INFINITY else min(data + room, most)
    resource.setrlimit(resource.RLIMIT_DATA, (wanted, most))


def _used() -> tuple[int, int]:
    """Bytes of address space that count, and those of them that are in memory."""
    lines = (line.split() for line in _STATUS.read_text().splitlines())
    kib = {line[0]: int(line[1]) for line in lines if line[0] in ("VmData:", "RssAnon:")}
    return kib["VmData:"] << 10, kib["RssAnon:"] << 10
