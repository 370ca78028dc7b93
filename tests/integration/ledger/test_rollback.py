"""Rollbacks restore what a bet moved, once; what cannot be taken back becomes debt. RULES §8."""

import asyncio
from uuid import UUID

import asyncpg
import msgspec
import pytest
from uuid_utils.compat import uuid7

from ledger.batch import BetBatcher
from ledger.commands import MoneyDesk, player_command
from ledger.database import Role
from ledger.errors import Refusal
from ledger.grants import give_bonus, give_free_spins, waive_bonuses
from ledger.jackpots import PoolForm, open_pool
from ledger.reconcile import reconcile_ledger
from ledger.rollback import roll_back_bet, roll_back_key
from tests.support.forced import forced_game
from tests.support.world import Player, World


@pytest.fixture
async def batcher(world: World):
    running = BetBatcher(world.pools[Role.BATCH], world.vault, world.hits, lambda fresh: None)
    running.start()
    yield running
    await running.stop()


@pytest.fixture(scope="module")
async def games(world: World) -> dict[int, int]:
    """Games by what they always pay, in hundredths."""
    return {pays: await forced_game(world, pays) for pays in (0, 100, 200)}


@pytest.fixture
def desk(world: World) -> MoneyDesk:
    return MoneyDesk(world.pools[Role.BATCH], world.vault, world.hits)


async def wallet_of(world: World, player: Player) -> dict:
    row = await world.owner.fetchrow(
        'SELECT w.*, u.vip_experience, u.vip_level FROM wallet w JOIN "user" u '
        "USING (operator_id, user_id) WHERE user_id = $1",
        player.user_id,
    )
    assert row is not None
    hidden = ("updated_at", "fairness_nonce", "bonus_policy_version")
    return {key: value for key, value in row.items() if key not in hidden}


async def bonus(desk: MoneyDesk, player: Player, amount: int) -> UUID:
    async with player_command(desk, player.operator_id, player.user_id) as command:
        return give_bonus(command, amount=amount, kind="GRANT", source_id=uuid7())


async def books_balance(world: World) -> None:
    connection = await asyncpg.connect(world.owner_url)
    try:
        found = await reconcile_ledger(connection)
        # The test world funds players by a journal without a transaction.
        assert [d for d in found if not d.check.startswith("transactions")] == []
    finally:
        await connection.close()


@pytest.mark.parametrize("pays", [0, 100, 200])
async def test_a_real_bet_is_undone_to_the_last_counter(
    world: World, batcher: BetBatcher, desk: MoneyDesk, games: dict[int, int], pays: int
) -> None:
    player = await world.player(balance=1_000)
    before = await wallet_of(world, player)
    bet = (await batcher.submit(player.spin(games[pays], 300))).result
    done = await roll_back_bet(desk, bet.bet_id, "test", "nobody")
    assert (done.status, done.debt) == ("rolled_back", 0)
    assert await wallet_of(world, player) == before
    payload = await world.owner.fetchval(
        "SELECT payload::text FROM outbox WHERE topic = 'bets' AND key = $1 ORDER BY seq DESC",
        str(bet.bet_id),
    )
    event = msgspec.json.decode(payload or "")
    assert (event["sign"], event["wager"], event["win"]) == (-1, -300, -3 * pays)
    assert event["created_at"] == bet.created_at
    await books_balance(world)


async def test_it_happens_once_however_many_ask(
    world: World, batcher: BetBatcher, desk: MoneyDesk, games: dict[int, int]
) -> None:
    player = await world.player(balance=1_000)
    bet = (await batcher.submit(player.spin(games[0], 300))).result
    answers = await asyncio.gather(
        *(roll_back_bet(desk, bet.bet_id, "test", "nobody") for _ in range(10)),
        return_exceptions=True,
    )
    refused = [a.code for a in answers if isinstance(a, Refusal)]
    assert refused == ["bet_already_rolled_back"] * 9
    assert await world.real_balance(player) == 1_000


async def test_a_win_already_spent_becomes_debt_and_is_repaid_from_wins(
    world: World, batcher: BetBatcher, desk: MoneyDesk, games: dict[int, int]
) -> None:
    player = await world.player(balance=100)
    won = (await batcher.submit(player.spin(games[200], 100))).result
    await batcher.submit(player.spin(games[0], 200))
    done = await roll_back_bet(desk, won.bet_id, "test", "nobody")
    assert (done.debt, done.real_balance) == (100, 0)
    await books_balance(world)

    await world.fund(player, 80)
    answer = await batcher.submit(player.spin(games[200], 80))
    wallet = await wallet_of(world, player)
    # 160 came in, of which 100 repaid the debt.
    assert (wallet["debt"], answer.result.balances.real) == (0, 60)
    await books_balance(world)


async def test_a_bonus_that_the_bet_busted_reopens(
    world: World, batcher: BetBatcher, desk: MoneyDesk, games: dict[int, int]
) -> None:
    player = await world.player()
    task = await bonus(desk, player, 300)
    before = await wallet_of(world, player)
    bet = (await batcher.submit(player.spin(games[0], 295))).result  # leaves 5: below min_bet
    assert (bet.bet_type, bet.balances.bonus) == ("BONUS", 0)
    await roll_back_bet(desk, bet.bet_id, "test", "nobody")
    assert await wallet_of(world, player) == before
    status, progress = await world.owner.fetchrow(  # pyright: ignore[reportGeneralTypeIssues]
        "SELECT status, progress_e4 FROM bonus_task WHERE task_id = $1", task
    )
    assert (status, progress) == ("ACTIVE", 0)
    await books_balance(world)


async def test_the_share_of_a_bonus_that_the_bet_completed_returns_to_real(
    world: World, batcher: BetBatcher, desk: MoneyDesk, games: dict[int, int]
) -> None:
    player = await world.player()
    await bonus(desk, player, 100)
    for _ in range(9):
        await batcher.submit(player.spin(games[100], 100))
    last = (await batcher.submit(player.spin(games[200], 100))).result  # 10 x 100 wagered: met
    assert (last.balances.real, last.balances.bonus) == (200, 0)
    done = await roll_back_bet(desk, last.bet_id, "test", "nobody")
    assert (done.real_balance, done.debt) == (100, 0)
    await books_balance(world)


async def test_the_share_of_a_bonus_ended_since_goes_to_the_house(
    world: World, batcher: BetBatcher, desk: MoneyDesk, games: dict[int, int]
) -> None:
    player = await world.player()
    task = await bonus(desk, player, 300)
    bet = (await batcher.submit(player.spin(games[0], 100))).result
    await waive_bonuses(desk, player.operator_id, player.user_id, task)
    done = await roll_back_bet(desk, bet.bet_id, "test", "nobody")
    assert (done.real_balance, done.bonus_balance, done.debt) == (0, 0, 0)
    await books_balance(world)


async def test_a_free_spin_comes_back_and_its_win_leaves(
    world: World, batcher: BetBatcher, desk: MoneyDesk, games: dict[int, int]
) -> None:
    player = await world.player()
    async with player_command(desk, player.operator_id, player.user_id) as command:
        grant = give_free_spins(
            command, game_id=games[200], stake=100, count=1, source="test", source_key="1"
        )
    request = msgspec.structs.replace(player.spin(games[200], 0), free_spin=True)
    bet = (await batcher.submit(request)).result
    assert (bet.bet_type, bet.wager, bet.balances.bonus) == ("FREE_SPIN", 0, 200)
    await roll_back_bet(desk, bet.bet_id, "test", "nobody")
    used, status = await world.owner.fetchrow(  # pyright: ignore[reportGeneralTypeIssues]
        "SELECT used, status FROM free_spin_grant WHERE grant_id = $1", grant.grant_id
    )
    assert (used, status) == (0, "ACTIVE")
    assert (await wallet_of(world, player))["bonus_balance"] == 0
    await books_balance(world)


async def test_a_contribution_leaves_its_pool(
    world: World, batcher: BetBatcher, desk: MoneyDesk
) -> None:
    game = await forced_game(world, 0)
    form = PoolForm(
        name="test", currency="EUR", seed=1_000, cap=10_000_000, rate_bps=150, game_ids=[game]
    )
    pool_id = await open_pool(desk.pool, desk.hits, form)
    player = await world.player(balance=1_000)
    bet = (await batcher.submit(player.spin(game, 333))).result
    amount = "SELECT amount_e4 FROM jackpot_pool WHERE pool_id = $1"
    assert await world.owner.fetchval(amount, pool_id) == 1_000 * 10_000 + 333 * 150
    await roll_back_bet(desk, bet.bet_id, "test", "nobody")
    assert await world.owner.fetchval(amount, pool_id) == 1_000 * 10_000
    await books_balance(world)


async def test_a_rollback_that_comes_first_refuses_the_late_bet(
    world: World, batcher: BetBatcher, desk: MoneyDesk, games: dict[int, int]
) -> None:
    player = await world.player(balance=1_000)
    early = await roll_back_key(desk, player.user_id, "late", "test", "nobody")
    again = await roll_back_key(desk, player.user_id, "late", "test", "nobody")
    assert (early.status, again.status) == ("tombstoned", "tombstoned")
    with pytest.raises(Refusal) as refused:
        await batcher.submit(player.spin(games[0], 100, key="late"))
    assert refused.value.code == "bet_rolled_back"
    assert await world.real_balance(player) == 1_000

    await batcher.submit(player.spin(games[0], 100, key="known"))
    done = await roll_back_key(desk, player.user_id, "known", "test", "nobody")
    assert (done.status, done.real_balance) == ("rolled_back", 1_000)


async def test_an_unknown_bet_and_player_are_told_apart(desk: MoneyDesk) -> None:
    with pytest.raises(Refusal, match="bet_not_found"):
        await roll_back_bet(desk, UUID(int=1), "test", "nobody")
    with pytest.raises(Refusal, match="player_not_found"):
        await roll_back_key(desk, UUID(int=1), "k", "test", "nobody")
