"""Batches by pairs of snapshots hold every committed row once, however transactions overlap."""

import asyncio
from contextlib import AsyncExitStack

import asyncpg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.database import Role, role_dsn
from tests.support.outbox import bet_event, write
from warehouse.outbox import Batch, Outbox

ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["write", "commit", "rollback"]), st.integers(0, 4)),
        st.tuples(st.sampled_from(["batch", "checkpoint", "reread"]), st.just(0)),
    ),
    min_size=5,
    max_size=40,
)


@given(actions=ACTIONS)
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_snapshot_pairs_partition_the_committed_rows(
    actions: list[tuple[str, int]], postgres_url: str, secret_key: str
) -> None:
    """However transactions overlap, the batches hold each committed row once and no other."""
    asyncio.run(_play(actions, postgres_url, secret_key))


async def _play(actions: list[tuple[str, int]], postgres_url: str, secret_key: str) -> None:
    committed: set[bytes] = set()
    open_rows: dict[int, set[bytes]] = {}
    relayed: list[bytes] = []
    reads: dict[int, list[bytes]] = {}
    async with AsyncExitStack() as stack:
        connections = [await asyncpg.connect(postgres_url) for _ in range(5)]
        for connection in connections:
            stack.push_async_callback(connection.close)
        dsn = role_dsn(postgres_url, Role.RELAY, secret_key)
        outbox = await stack.enter_async_context(Outbox.connect(dsn))

        async def read(batch: Batch) -> list[bytes]:
            return [row.payload async for page in outbox.rows(batch) for row in page]

        async def relay(force: bool) -> None:
            last = await outbox.last_batch()
            if not last.sent:
                await outbox.mark_sent(last)
                last = await outbox.last_batch()
            look = await outbox.look(last)
            if look.has_rows or force:
                batch = await outbox.plan(last)
                reads[batch.batch_no] = await read(batch)
                relayed.extend(reads[batch.batch_no])
                await outbox.mark_sent(batch)

        await relay(force=True)
        relayed.clear()
        reads.clear()
        for action, number in [*actions, *(("commit", n) for n in range(5)), ("batch", 0)]:
            connection = connections[number]
            if action == "write":
                if number not in open_rows:
                    await connection.execute("BEGIN")
                    open_rows[number] = set()
                event = bet_event()
                await write(connection, event)
                open_rows[number].add(str(event.bet_id).encode())
            elif action in ("commit", "rollback") and number in open_rows:
                await connection.execute(action)
                rows = open_rows.pop(number)
                committed |= rows if action == "commit" else set()
            elif action in ("batch", "checkpoint"):
                await relay(force=action == "checkpoint")
            elif action == "reread" and reads:
                newest = await outbox.last_batch()
                if newest.batch_no in reads:
                    assert await read(newest) == reads[newest.batch_no]
    found = [next(bet for bet in committed if bet in payload) for payload in relayed]
    assert len(found) == len(set(found)) == len(committed)
