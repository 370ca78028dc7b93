"""Reconciliation finds a single wrong cent, and nothing when the books are right."""

import asyncpg

from ledger.batch import BetBatcher
from ledger.database import Role
from ledger.reconcile import reconcile_ledger
from tests.support.world import World


async def test_honest_books_reconcile_and_one_cent_is_found(world: World) -> None:
    batcher = BetBatcher(world.pools[Role.BATCH], world.vault, world.hits, lambda fresh: None)
    batcher.start()
    player = await world.player(balance=1_000)
    for _ in range(20):
        await batcher.submit(player.spin(world.games["slot"], 10))
    await batcher.stop()

    connection = await asyncpg.connect(world.owner_url)
    # The test world funds players by a journal without a transaction; that, and only that, shows.
    checks = {difference.check for difference in await reconcile_ledger(connection)}
    assert checks == {"transactions_unlike_their_postings"}

    await connection.execute("UPDATE wallet SET real_balance = real_balance + 1")
    found = [d for d in await reconcile_ledger(connection) if d.check.startswith("wallets")]
    await connection.execute("UPDATE wallet SET real_balance = real_balance - 1")
    await connection.close()
    assert [(d.key, d.difference) for d in found] == [(str(player.user_id), 1)]
