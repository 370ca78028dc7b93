"""Weekly cashback: level's rate x net real loss, as a bonus, once. RULES §6."""

import asyncio

import pytest
from uuid_utils.compat import uuid7

from ledger.batch import BetBatcher
from ledger.cashback import CashbackRun, pay_cashback
from ledger.commands import MoneyDesk, player_command
from ledger.database import Role
from ledger.grants import give_bonus
from ledger.reconcile import reconcile_ledger, reconcile_pools
from ledger.rollback import roll_back_bet
from ledger.snapshot import ledger_snapshot
from tests.support.forced import forced_game
from tests.support.weeks import last_week, move_to
from tests.support.world import Player, World

NOTHING = CashbackRun(players=0, amounts={})


@pytest.fixture
async def batcher(world: World):
    running = BetBatcher(world.pools[Role.BATCH], world.vault, world.hits, lambda fresh: None)
    running.start()
    yield running
    await running.stop()


@pytest.fixture(scope="module")
async def games(world: World) -> dict[int, int]:
    """Games by what they always pay, in hundredths."""
    return {pays: await forced_game(world, pays) for pays in (0, 200)}


@pytest.fixture
def desk(world: World) -> MoneyDesk:
    return MoneyDesk(world.pools[Role.BATCH], world.vault, world.hits)


async def at_level(world: World, level: int, balance: int) -> Player:
    """A player who holds a VIP level."""
    player = await world.player(balance=balance)
    await world.owner.execute(
        'UPDATE "user" SET vip_level = $2, vip_experience = 10000 * '
        "(SELECT xp_from FROM vip_level WHERE level = $2) WHERE user_id = $1",
        player.user_id,
        level,
    )
    return player


async def tasks(world: World, player: Player) -> list[tuple[str, int, str]]:
    rows = await world.owner.fetch(
        "SELECT kind, granted, status FROM bonus_task WHERE user_id = $1", player.user_id
    )
    return [tuple(row) for row in rows]


async def test_a_loss_is_paid_back_in_part_once_however_often_it_runs(
    world: World, batcher: BetBatcher, desk: MoneyDesk, games: dict[int, int]
) -> None:
    player = await at_level(world, 3, balance=100_000)
    lost = (await batcher.submit(player.spin(games[0], 10_321))).result
    won = (await batcher.submit(player.spin(games[200], 1_000))).result
    undone = (await batcher.submit(player.spin(games[0], 50_000))).result
    await roll_back_bet(desk, undone.bet_id, "test", "nobody")
    this_week = (await batcher.submit(player.spin(games[0], 5_000))).result
    await move_to(world, last_week(), lost.bet_id, won.bet_id, undone.bet_id)
    runs = await asyncio.gather(*(pay_cashback(desk, last_week()) for _ in range(4)))
    # 10 % of 103.21 - 10.00, rounded down.
    assert sorted(run.players for run in runs) == [0, 0, 0, 1]
    assert max(runs, key=lambda run: run.players).amounts == {"EUR": 932}
    assert await pay_cashback(desk, last_week()) == NOTHING
    assert await tasks(world, player) == [("CASHBACK", 932, "ACTIVE")]
    row = await world.owner.fetchrow(
        "SELECT week, vip_level, rate_bps, net_loss, amount FROM cashback WHERE user_id = $1",
        player.user_id,
    )
    assert tuple(row or ()) == (last_week().monday, 3, 1_000, 9_321, 932)
    assert this_week.vip.level == 3


async def test_the_level_is_the_one_held_after_the_weeks_last_bet(
    world: World, batcher: BetBatcher, desk: MoneyDesk, games: dict[int, int]
) -> None:
    player = await world.player(balance=200_000)
    climbed = (await batcher.submit(player.spin(games[0], 100_000))).result
    assert climbed.vip.level == 2
    await move_to(world, last_week(), climbed.bet_id)
    await world.owner.execute(
        'UPDATE "user" SET vip_level = 5, vip_experience = 1e9 WHERE user_id = $1', player.user_id
    )
    await pay_cashback(desk, last_week())
    assert await tasks(world, player) == [("CASHBACK", 5_000, "ACTIVE")]


async def test_who_won_lost_bonus_money_or_may_not_play_gets_none(
    world: World, batcher: BetBatcher, desk: MoneyDesk, games: dict[int, int]
) -> None:
    lucky = await at_level(world, 5, balance=1_000)
    win = (await batcher.submit(lucky.spin(games[200], 1_000))).result
    generous = await at_level(world, 5, balance=0)
    async with player_command(desk, generous.operator_id, generous.user_id) as command:
        give_bonus(command, amount=400, kind="GRANT", source_id=uuid7())
    gift = (await batcher.submit(generous.spin(games[0], 300))).result
    blocked = await at_level(world, 5, balance=1_000)
    loss = (await batcher.submit(blocked.spin(games[0], 1_000))).result
    beginner = await world.player(balance=1_000)
    first = (await batcher.submit(beginner.spin(games[0], 1_000))).result
    await move_to(world, last_week(), win.bet_id, gift.bet_id, loss.bet_id, first.bet_id)
    status = 'UPDATE "user" SET status = $2 WHERE user_id = $1'
    await world.owner.execute(status, blocked.user_id, "BLOCKED")
    assert await pay_cashback(desk, last_week()) == NOTHING
    await world.owner.execute(status, blocked.user_id, "ACTIVE")
    assert await pay_cashback(desk, last_week()) == CashbackRun(players=1, amounts={"EUR": 200})


async def test_the_books_balance_afterwards(world: World) -> None:
    async with ledger_snapshot(world.pools[Role.BATCH]) as connection:
        found = await reconcile_ledger(connection)
        assert await reconcile_pools(connection) == []
    # The test world funds players by a journal without a transaction.
    assert [d for d in found if not d.check.startswith("transactions")] == []
