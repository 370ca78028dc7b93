"""Partitions are made ahead; consumed ones go, and nothing that is still to be sent."""

from datetime import UTC, date, datetime, timedelta

import asyncpg
import pytest

from ledger.database import Role, create_pool
from ledger.events import encode
from tests.integration.warehouse.conftest import Stream
from tests.support.outbox import bet_event
from warehouse import outbox_upkeep
from warehouse.outbox_upkeep import maintain_outbox

TODAY = datetime.now(UTC).date()


async def partitions(pool: asyncpg.Pool) -> set[str]:
    rows = await pool.fetch(
        "SELECT inhrelid::regclass::text AS name FROM pg_inherits "
        "WHERE inhparent = 'outbox'::regclass"
    )
    return {row["name"] for row in rows}


def name_of(day: date) -> str:
    return f"outbox_{day:%Y%m%d}"


async def write_on(pool: asyncpg.Pool, day: date) -> None:
    """An outbox row whose transaction began on that day."""
    await pool.execute(
        "INSERT INTO outbox (topic, key, payload, created_at) VALUES ('bets', '', $1, $2)",
        encode(bet_event()),
        datetime(day.year, day.month, day.day, 12, tzinfo=UTC),
    )


async def test_partitions_come_ahead_and_go_when_consumed(
    ledger_pool: asyncpg.Pool, stream: Stream, postgres_url: str, secret_key: str
) -> None:
    old = [TODAY - timedelta(days=days) for days in (5, 4)]
    async with await create_pool(postgres_url, Role.RELAY, secret_key) as pool:
        for day in old:
            await pool.execute("SELECT outbox_create_partition($1)", day)
        await write_on(ledger_pool, old[0])
        await stream.drain()
        await write_on(ledger_pool, old[1])
        assert await maintain_outbox(pool) == [name_of(old[0])]
        assert name_of(old[1]) in await partitions(ledger_pool)
        await stream.drain()
        assert await maintain_outbox(pool) == [name_of(old[1])]
        assert await maintain_outbox(pool) == []
    ahead = {name_of(TODAY + timedelta(days=days)) for days in range(4)}
    assert ahead <= await partitions(ledger_pool)


async def test_upkeep_gives_way_to_an_open_writer(
    ledger_pool: asyncpg.Pool,
    postgres_url: str,
    secret_key: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(outbox_upkeep, "ATTEMPTS", 2)
    later = TODAY + timedelta(days=30)
    async with await create_pool(postgres_url, Role.RELAY, secret_key) as pool:
        async with ledger_pool.acquire() as writer, writer.transaction():
            await writer.execute("LOCK TABLE outbox IN ROW EXCLUSIVE MODE")
            await writer.execute("LOCK TABLE outbox_default IN ROW EXCLUSIVE MODE")
            with pytest.raises(asyncpg.LockNotAvailableError):
                await maintain_outbox(pool, today=later)
        await maintain_outbox(pool, today=later)
    assert name_of(later) in await partitions(ledger_pool)


async def test_old_batches_are_forgotten_but_never_the_last(
    ledger_pool: asyncpg.Pool, stream: Stream, postgres_url: str, secret_key: str
) -> None:
    last = await stream.drain()
    await ledger_pool.execute("UPDATE relay_batch SET planned_at = now() - interval '9 days'")
    async with await create_pool(postgres_url, Role.RELAY, secret_key) as pool:
        await maintain_outbox(pool)
    async with stream.outbox() as outbox:
        assert (await outbox.last_batch()).batch_no == last.batch_no
