"""Cuts a relay batch into the inserts that carry it; pure, so that a retry cuts the same.

ClickHouse deduplicates an insert by its token alone: the same token with other rows would lose
them in silence. Where a chunk ends therefore depends on nothing but the rows, their order and the
limits stored with the batch.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import msgspec

MAX_CHUNK_ROWS = 20_000
"""Rows in one insert at most; together with the bytes it keeps an insert one block."""

MAX_CHUNK_BYTES = 5_000_000
"""Payload bytes in one insert at most."""

SERIALIZER_VERSION = 1
"""How payloads become a body: 1 is PostgreSQL's own text of the jsonb value, one a line."""


class OutboxRow(msgspec.Struct, frozen=True):
    """One row of the outbox as the relay reads it; ``payload`` stays unparsed.

    ``happened_at`` is when a bet, a step of a transaction or a registration counts; what else
    happens to players, games and operators has none.
    """

    topic: str
    payload: bytes
    operator_id: int | None
    created_at: datetime
    happened_at: datetime | None = None


class Chunk(msgspec.Struct, frozen=True):
    """One insert: ``number`` counts the chunks of its topic within the batch, from 0."""

    topic: str
    number: int
    rows: int
    body: bytes

    def token(self, stream_id: UUID, batch_no: int) -> str:
        """The insert's deduplication token: says which rows these are, whoever sends them."""
        return f"{stream_id}:{self.topic}:{batch_no}:{self.number}"


@dataclass
class _Open:
    """The chunk of a topic that is being filled."""

    number: int = 0
    size: int = 0
    lines: list[bytes] = field(default_factory=list)


class ChunkCutter:
    """Takes a batch's rows in order and yields each chunk as soon as it is full."""

    def __init__(self, max_rows: int, max_bytes: int) -> None:
        self._max_rows = max_rows
        self._max_bytes = max_bytes
        self._open: dict[str, _Open] = {}

    def add(self, rows: Iterable[OutboxRow]) -> Iterator[Chunk]:
        """Chunks that these rows complete. A row larger than the limit makes a chunk alone."""
        for row in rows:
            filling = self._open.setdefault(row.topic, _Open())
            size = len(row.payload) + 1
            full = len(filling.lines) >= self._max_rows or filling.size + size > self._max_bytes
            if filling.lines and full:
                yield _close(row.topic, filling)
                filling = self._open[row.topic] = _Open(filling.number + 1)
            filling.lines.append(row.payload)
            filling.size += size

    def finish(self) -> Iterator[Chunk]:
        """What is left when the batch's rows are all added, topics in alphabetical order."""
        for topic in sorted(self._open):
            yield _close(topic, self._open[topic])
        self._open.clear()


def _close(topic: str, filled: _Open) -> Chunk:
    body = b"\n".join(filled.lines) + b"\n"
    return Chunk(topic=topic, number=filled.number, rows=len(filled.lines), body=body)
