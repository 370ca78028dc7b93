"""What a killed supervisor may leave for a moment, ended before the next start."""

from __future__ import annotations

import signal

from api.stack.directory import DataDirectory
from api.stack.postgres import EmbeddedPostgres
from api.stack.processes import end_all, start_marker
from api.stack.state import last_state


def end_leftovers(directory: DataDirectory) -> None:
    """End every process of the last stack on `directory`; blocks until they are gone.

    The kernel told them to stop when their supervisor died, but Postgres may still be at its last
    checkpoint and the gateway at its last insert: they get time. Call with the directory locked and
    before ports are allotted, as they still hold theirs.
    """
    if directory.postgres.exists():
        EmbeddedPostgres(directory.postgres).end_orphans()
    before = last_state(directory)
    if before is None:
        return
    recorded = {one.pid: one.marker for one in before.processes if one.pid and one.marker}

    def living() -> list[int]:
        return [pid for pid, marker in recorded.items() if start_marker(pid) == marker]

    end_all(living, signal.SIGTERM, grace_seconds=20)
