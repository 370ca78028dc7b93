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
import logging
import resource
import time
from pathlib import Path

from warehouse.gateway.engine import Engine
from warehouse.gateway.errors import GatewayError

log = logging.getLogger(__name__)

_STATUS = Path("/proc/self/status")
_EVERY_SECONDS = 0.5
# Of the process itself, beyond twice what the engine may use.
_OWN_BYTES = 2 << 30
# What is left when all is used: requests that are refused need some too.
_LEAST_BYTES = 4 << 20
_PURGE_EVERY_SECONDS = 5.0


async def hold(engine: Engine) -> None:
    """Keeps the wall where it belongs; for good, as a task of its own.

    What the engine has freed it may keep in memory for long; near the wall it is made to give it
    back.
    """
    most = 2 * engine.limits.memory_bytes + _OWN_BYTES
    purged = 0.0
    while True:
        # At the wall there may be no memory for looking either: it stands where it is.
        with contextlib.suppress(MemoryError):
            room = _place(most)
            if room < most // 2 and time.monotonic() - purged > _PURGE_EVERY_SECONDS:
                await _purge(engine)
                purged = time.monotonic()
                continue
        await asyncio.sleep(_EVERY_SECONDS)


def _place(most: int) -> int:
    """Limits the address space, so that no more than `most` bytes are in memory; returns how many
    are left. A lower hard limit, set by whoever started the process, holds."""
    data, resident = _used()
    room = max(most - resident, _LEAST_BYTES)
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = data + room if hard == resource.RLIM_INFINITY else min(data + room, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (wanted, hard))
    return room


async def _purge(engine: Engine) -> None:
    try:
        await engine.purge()
    except GatewayError as error:
        log.warning("freed memory is not given back: %s", error)


def _used() -> tuple[int, int]:
    """Bytes of address space that count, and those of them that are in memory."""
    lines = (line.split() for line in _STATUS.read_text().splitlines())
    kib = {line[0]: int(line[1]) for line in lines if line[0] in ("VmData:", "RssAnon:")}
    return kib["VmData:"] << 10, kib["RssAnon:"] << 10
