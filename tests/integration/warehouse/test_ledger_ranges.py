"""Recent hours are found in the ledger by index, however long its history is."""

import pytest

from ledger.batch import BetBatcher
from ledger.database import Role
from tests.support.world import World
from warehouse.sql_files import read_sql

OLD_BETS = """
INSERT INTO bet_log
SELECT made.*
FROM (SELECT * FROM bet_log LIMIT 1) AS b, generate_series(1, 40000) AS n,
    LATERAL jsonb_populate_record(NULL::bet_log, to_jsonb(b) || jsonb_build_object(
        'bet_id', gen_random_uuid(), 'user_id', gen_random_uuid(), 'idempotency_key', n,
        'created_at', b.created_at - (40001 - n) * interval '1 minute'
    )) AS made
"""


@pytest.fixture(scope="module")
async def long_history(world: World) -> None:
    batcher = BetBatcher(world.pools[Role.BATCH], world.vault, world.hits, lambda settled: None)
    batcher.start()
    player = await world.player(balance=1_000)
    await batcher.submit(player.spin(world.games["slot"], 100))
    await batcher.stop()
    async with world.owner.acquire() as connection, connection.transaction():
        # Bets of players that there are not: their number decides about the plan.
        await connection.execute("SET LOCAL session_replication_role = replica")
        await connection.execute(OLD_BETS)
    await world.owner.execute("ANALYZE")


@pytest.mark.usefixtures("long_history")
async def test_the_last_hours_bets_come_by_index(world: World) -> None:
    async with world.owner.acquire() as connection:
        query = read_sql("reconcile", "ledger_bets")
        await connection.execute(f"PREPARE recent (text, timestamptz) AS {query}")
        plan = await connection.fetch(
            "EXPLAIN EXECUTE recent (pg_current_snapshot()::text, now() - interval '3 hours')"
        )
        await connection.execute("DEALLOCATE recent")
    text = "\n".join(row[0] for row in plan)
    assert "bet_log_created_brin" in text, text
    assert "Seq Scan on bet_log" not in text, text
