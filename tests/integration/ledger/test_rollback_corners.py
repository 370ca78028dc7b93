"""Corners of rollbacks: bonuses that a bet busted without playing them, levels reached twice."""

import pytest
from msgspec.structs import replace

from ledger.bonus import MIXED
from ledger.commands import MoneyDesk
from ledger.errors import Refusal
from ledger.grants import waive_bonuses
from ledger.policies import declare_policy
from ledger.rollback import roll_back_bet
from tests.support.cashier import (
    bonus,
    deposit,
    differences,
    free_spin,
    free_spins,
    open_batcher,
    open_desk,
    wallet,
)
from tests.support.forced import forced_game
from tests.support.world import World


@pytest.fixture
async def batcher(world: World):
    running = open_batcher(world)
    yield running
    await running.stop()


@pytest.fixture
def desk(world: World) -> MoneyDesk:
    return open_desk(world)


@pytest.fixture(scope="module")
async def games(world: World) -> dict[int, int]:
    """Games by what they always pay, in hundredths."""
    return {pays: await forced_game(world, pays) for pays in (0, 100, 200)}


@pytest.fixture(scope="module")
async def mixed(world: World) -> int:
    """A brand under ``mixed`` whose smallest bet is 10."""
    operator_id = await world.owner.fetchval(
        "INSERT INTO operator (slug, name, currency, bonus_policy) "
        "VALUES ('corners', 'Corners', 'EUR', 'mixed') RETURNING operator_id"
    )
    assert operator_id is not None
    async with world.owner.acquire() as connection, connection.transaction():
        await declare_policy(connection, operator_id, replace(MIXED, min_bet=10))
    return operator_id


async def open_tasks(world: World, player) -> list[tuple]:
    rows = await world.owner.fetch(
        "SELECT balance, required, progress_e4 FROM bonus_task WHERE user_id = $1 "
        "AND status = 'ACTIVE' ORDER BY task_id",
        player.user_id,
    )
    return [tuple(row) for row in rows]


async def test_every_bonus_of_a_pool_that_the_bet_busted_reopens(
    world, batcher, desk, games, mixed
) -> None:
    player = await world.player(mixed)
    await bonus(desk, player, 205)
    await bonus(desk, player, 4)
    await batcher.submit(player.spin(games[0], 100))  # leaves 105 and 4
    before = await wallet(world, player)
    tasks = await open_tasks(world, player)
    busting = (await batcher.submit(player.spin(games[0], 105))).result
    assert (busting.balances.bonus, await open_tasks(world, player)) == (0, [])
    await roll_back_bet(desk, busting.bet_id, "test", "nobody")
    assert await open_tasks(world, player) == tasks == [(105, 0, 0), (4, 0, 0)]
    after = await wallet(world, player)
    for column in ("bonus_balance", "bonus_wagering_required", "bonus_wagering_progress_e4"):
        assert after[column] == before[column]
    assert await differences(world) == []


async def test_a_bonus_that_a_real_bet_busted_reopens(world, batcher, desk, games) -> None:
    player = await world.player()
    await deposit(desk, player, 1_000)
    await bonus(desk, player, 5)  # below the smallest bet: any bet's test ends it
    bet = (await batcher.submit(player.spin(games[0], 100))).result
    assert (bet.bet_type, bet.balances.bonus) == ("REAL", 0)
    await roll_back_bet(desk, bet.bet_id, "test", "nobody")
    assert await open_tasks(world, player) == [(5, 50, 0)]
    with pytest.raises(Refusal, match="bet_already_rolled_back"):
        await roll_back_bet(desk, bet.bet_id, "test", "nobody")
    assert await world.real_balance(player) == 1_000
    assert await differences(world) == []


async def test_the_dust_of_free_spins_reopens_with_the_last_spin(
    world, batcher, desk, games
) -> None:
    player = await world.player()
    grant = await free_spins(desk, player, games[200], 2, 1)
    spin = (await batcher.submit(free_spin(player, games[200]))).result
    assert (spin.free_spin_win, spin.balances.bonus) == (4, 0)  # won and forfeited at once
    await roll_back_bet(desk, spin.bet_id, "test", "nobody")
    after = await wallet(world, player)
    assert after["bonus_balance"] == 0
    used = await world.owner.fetchval(
        "SELECT used FROM free_spin_grant WHERE grant_id = $1", grant.grant_id
    )
    assert used == 0
    assert await differences(world) == []
    again = (await batcher.submit(free_spin(player, games[200]))).result
    assert again.free_spin_win == 4
    assert await differences(world) == []


async def test_a_spin_rolled_back_after_its_bonus_ended_leaves_the_next_requirement_alone(
    world, batcher, desk, games, mixed
) -> None:
    player = await world.player(mixed)
    await free_spins(desk, player, games[200], 100, 1)
    spin = (await batcher.submit(free_spin(player, games[200]))).result
    (task,) = await world.owner.fetch(
        "SELECT task_id FROM bonus_task WHERE user_id = $1 AND status = 'ACTIVE'", player.user_id
    )
    await waive_bonuses(desk, player.operator_id, player.user_id, task[0])
    await bonus(desk, player, 1_000)
    await roll_back_bet(desk, spin.bet_id, "test", "nobody")
    after = await wallet(world, player)
    assert (after["bonus_balance"], after["bonus_wagering_required"]) == (1_000, 30_000)
    assert await differences(world) == []


async def spins_of_levels(world: World, player) -> list[tuple]:
    rows = await world.owner.fetch(
        "SELECT source_key, status, used FROM free_spin_grant WHERE user_id = $1 "
        "AND source = 'vip_level' ORDER BY grant_id",
        player.user_id,
    )
    return [tuple(row) for row in rows]


async def test_a_level_lost_by_rollback_may_be_reached_again(world, batcher, desk, games) -> None:
    player = await world.player()
    await deposit(desk, player, 100_000)  # a thousand points: silver
    for _ in range(3):
        last = (await batcher.submit(player.spin(games[100], 100_000))).result
        assert last.vip.level == 2
    level_up = (await batcher.submit(player.spin(games[100], 100_000))).result
    assert level_up.vip.level_up
    assert level_up.vip.level == 3
    await roll_back_bet(desk, level_up.bet_id, "test", "nobody")
    assert (await wallet(world, player))["vip_level"] == 2
    again = (await batcher.submit(player.spin(games[100], 100_000))).result
    assert again.vip.level_up
    assert again.vip.level == 3
    assert await spins_of_levels(world, player) == [
        ("2", "ACTIVE", 0),
        ("3", "REVOKED", 0),
        ("3", "ACTIVE", 0),
    ]
    assert await differences(world) == []


async def test_a_level_whose_spins_were_played_is_kept_and_grants_them_once(
    world, batcher, desk, games
) -> None:
    player = await world.player()
    await deposit(desk, player, 100_000)
    for _ in range(3):
        await batcher.submit(player.spin(games[100], 100_000))
    level_up = (await batcher.submit(player.spin(games[100], 100_000))).result
    assert level_up.vip.level == 3
    game_id = await world.owner.fetchval(
        "SELECT game_id FROM free_spin_grant WHERE user_id = $1 AND source_key = '3'",
        player.user_id,
    )
    await batcher.submit(free_spin(player, game_id))  # of the older grant, level 2's
    for _ in range(10):
        await batcher.submit(free_spin(player, game_id))
    assert ("3", "ACTIVE", 1) in await spins_of_levels(world, player)
    await roll_back_bet(desk, level_up.bet_id, "test", "nobody")
    assert (await wallet(world, player))["vip_level"] == 3
    for _ in range(2):
        again = (await batcher.submit(player.spin(games[100], 500))).result
        assert not again.vip.level_up
    assert [row for row in await spins_of_levels(world, player) if row[0] == "3"] == [
        ("3", "REVOKED", 1)
    ]
    assert await differences(world) == []


async def test_a_level_that_a_later_bet_reached_is_kept_and_grants_its_spins_once(
    world, batcher, desk, games
) -> None:
    player = await world.player(balance=100_000)
    silver = (await batcher.submit(player.spin(games[100], 100_000))).result
    for _ in range(4):
        gold = (await batcher.submit(player.spin(games[100], 100_000))).result
    assert (silver.vip.level, gold.vip.level, gold.vip.level_up) == (2, 3, True)
    await roll_back_bet(desk, silver.bet_id, "test", "nobody")  # leaves 4,800 points of 5,000
    assert (await wallet(world, player))["vip_level"] == 3
    again = (await batcher.submit(player.spin(games[100], 100_000))).result
    assert not again.vip.level_up
    assert await spins_of_levels(world, player) == [("2", "REVOKED", 0), ("3", "ACTIVE", 0)]
