"""What the relay tells of its batches is no more than Redis has room for."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec
import pytest
from redis.asyncio import Redis

from warehouse import relay
from warehouse.outbox import Batch
from warehouse.raw_tables import RawTables
from warehouse.relay import Relay
from warehouse.tail_rows import BET, MONEY
from warehouse.tail_stream import TOLD, TOLD_ROWS

NOON = datetime(2026, 3, 5, 12, tzinfo=UTC)
REDIS = 256 << 20
"""All it has; what carries an expiry is evicted to make room, and that is everybody's session."""


def sent(batch_no: int, rows: int) -> Batch:
    return Batch(
        batch_no=batch_no,
        stream_id=UUID(int=1),
        snapshot="1:1:",
        as_of=NOON + timedelta(milliseconds=200 * batch_no),
        row_count=rows,
        chunk_rows=20_000,
        chunk_bytes=1 << 20,
        serializer_version=1,
        sent=True,
        lower_xid=1,
        stragglers=[],
        upper_xid=1,
        in_progress=[],
    )


@pytest.mark.parametrize("rows", [500, TOLD_ROWS])
def test_the_stream_takes_half_of_redis_at_most(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    row = BET.itemsize + MONEY.itemsize
    monkeypatch.setattr(relay, "packed", lambda *_: bytes(rows * row // 2))
    telling = Relay(
        postgres_dsn="",
        tables=RawTables("http://localhost:1/none"),
        redis=Redis.from_url("redis://"),
    )
    held: list[tuple[datetime, int]] = []
    before, told_some = sent(0, 0), 0
    for batch_no in range(1, 1_000):
        batch = sent(batch_no, rows)
        told = telling._told(batch, before, [])
        assert not (told.bets and told.previous is None)
        told_some += bool(told.bets)
        held.append((batch.as_of, len(msgspec.msgpack.encode(told))))
        held = [(as_of, size) for as_of, size in held if as_of >= batch.as_of - TOLD]
        assert sum(size for _, size in held) <= REDIS / 2
        before = batch
    assert told_some >= 100
