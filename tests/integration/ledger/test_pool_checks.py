"""The pool checks hold through hits and rollbacks, and find a single sub-unit. RULES §5."""

import pytest

from ledger.batch import BetBatcher
from ledger.commands import MoneyDesk
from ledger.database import Role
from ledger.jackpots import PoolForm, open_pool
from ledger.reconcile import Difference, reconcile_pools
from ledger.rollback import roll_back_bet
from ledger.snapshot import ledger_snapshot
from tests.support.forced import forced_game
from tests.support.world import World


async def differences(world: World) -> list[Difference]:
    async with ledger_snapshot(world.pools[Role.BATCH]) as connection:
        return await reconcile_pools(connection)


@pytest.fixture(scope="module")
async def played(world: World) -> int:
    """A pool that was won several times, with rollbacks before and after the hits; its id."""
    desk = MoneyDesk(world.pools[Role.BATCH], world.vault, world.hits)
    batcher = BetBatcher(world.pools[Role.BATCH], world.vault, world.hits, lambda fresh: None)
    batcher.start()
    game = await forced_game(world, 0, max_wager=1_000)
    form = PoolForm(
        name="test", currency="EUR", seed=1_000, cap=1_400, rate_bps=333, game_ids=[game]
    )
    pool_id = await open_pool(desk.pool, desk.hits, form)
    player = await world.player(balance=1_000_000)
    hits, bets = 0, []
    while hits < 3:
        bet = (await batcher.submit(player.spin(game, 777))).result
        hits += bool(bet.jackpot)
        if not bet.jackpot:
            bets.append(bet.bet_id)
    # One in the cycle that is open; one that hits by chance opens another, and is not rolled back.
    while (bet := (await batcher.submit(player.spin(game, 333))).result).jackpot:
        hits += 1
    bets.append(bet.bet_id)
    for bet_id in {*bets[::5], bets[-1]}:
        await roll_back_bet(desk, bet_id, "test", "nobody")
    await batcher.stop()
    return pool_id


@pytest.mark.usefixtures("played")
async def test_pools_conserve_through_hits_and_rollbacks(world: World) -> None:
    assert await differences(world) == []


@pytest.mark.parametrize(
    ("tampering", "check"),
    [
        ("UPDATE jackpot_pool SET amount_e4 = amount_e4 {}", "pools_unlike_their_contributions"),
        (
            "UPDATE jackpot_cycle SET carried_e4 = carried_e4 {} WHERE cycle_no = 1",
            "cycles_unlike_their_payouts",
        ),
    ],
)
@pytest.mark.usefixtures("played")
async def test_a_single_sub_unit_is_found(world: World, tampering: str, check: str) -> None:
    await world.owner.execute(tampering.format("- 1"))
    found = await differences(world)
    await world.owner.execute(tampering.format("+ 1"))
    assert {difference.check for difference in found} == {check}
    assert [abs(difference.difference) for difference in found] == [1]
    assert await differences(world) == []
