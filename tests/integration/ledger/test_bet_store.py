"""What a batch locks and reads in its one round trip, and who may."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from ledger.batch import BetBatcher
from ledger.bet_record import SpinRequest
from ledger.bet_store import load_batch
from ledger.catalogue import EMPTY_CATALOGUE, Catalogue
from ledger.database import Connection, Role
from ledger.fold import BatchState
from ledger.jackpots import PoolForm, open_pool
from tests.support.cashier import open_desk
from tests.support.world import World

LOCK_ATTEMPTS = {
    "wallet": "SELECT FROM wallet WHERE user_id = $1 FOR NO KEY UPDATE NOWAIT",
    "pool": "SELECT FROM jackpot_pool WHERE pool_id = $1 FOR NO KEY UPDATE NOWAIT",
}


@pytest.fixture(scope="module")
async def fed_pool(world: World) -> int:
    """A pool that the coin game feeds."""
    form = PoolForm(
        name="fed",
        currency="EUR",
        seed=1_000_000,
        cap=9_000_000,
        rate_bps=100,
        game_ids=[world.games["coin"]],
    )
    return await open_pool(open_desk(world).pool, world.hits, form)


@pytest.fixture
async def connection(world: World) -> AsyncIterator[Connection]:
    """A transaction of the batch's role."""
    async with world.pools[Role.BATCH].acquire() as lent:
        transaction = lent.transaction()
        await transaction.start()
        yield lent
        await transaction.rollback()


async def load(
    world: World,
    connection: Connection,
    requests: list[SpinRequest],
    cached: Catalogue = EMPTY_CATALOGUE,
) -> BatchState:
    return await load_batch(connection, requests, cached, world.vault, world.hits)


async def is_locked(world: World, kind: str, key: object) -> bool:
    try:
        await world.owner.execute(LOCK_ATTEMPTS[kind], key)
    except asyncpg.LockNotAvailableError:
        return True
    return False


async def test_wallets_and_pools_stay_locked_whether_the_catalogue_had_moved_or_not(
    world: World, fed_pool: int
) -> None:
    player = await world.player(balance=1_000)
    requests = [player.spin(world.games["coin"], 100)]
    cached = EMPTY_CATALOGUE
    for _ in ("moved", "known"):
        async with world.pools[Role.BATCH].acquire() as connection, connection.transaction():
            state = await load(world, connection, requests, cached)
            assert await is_locked(world, "wallet", player.user_id)
            assert await is_locked(world, "pool", fed_pool)
        assert not await is_locked(world, "wallet", player.user_id)
        assert not await is_locked(world, "pool", fed_pool)
        assert list(state.pools) == [fed_pool]
        assert (state.catalogue is cached) == (cached is not EMPTY_CATALOGUE)
        cached = state.catalogue


async def test_a_pool_is_read_as_the_lock_found_it(
    world: World, connection: Connection, fed_pool: int
) -> None:
    player = await world.player(balance=1_000)
    requests = [player.spin(world.games["coin"], 100)]
    async with world.pools[Role.BATCH].acquire() as other, other.transaction():
        catalogue = (await load(world, other, requests)).catalogue
    async with world.owner.acquire() as holder:
        transaction = holder.transaction()
        await transaction.start()
        amount = await holder.fetchval(
            "UPDATE jackpot_pool SET amount_e4 = amount_e4 + 7 WHERE pool_id = $1 "
            "RETURNING amount_e4",
            fed_pool,
        )
        loading = asyncio.ensure_future(load(world, connection, requests, catalogue))
        await asyncio.sleep(0.1)
        assert not loading.done()
        await transaction.commit()
    assert (await loading).pools[fed_pool].amount_e4 == amount


async def test_a_held_wallet_is_left_out_and_its_known_bets_are_still_found(
    world: World, connection: Connection
) -> None:
    held, free = await world.player(balance=1_000), await world.player(balance=1_000)
    coin = world.games["coin"]
    batcher = BetBatcher(world.pools[Role.BATCH], world.vault, world.hits, lambda fresh: None)
    batcher.start()
    settled = await batcher.submit(held.spin(coin, 100, key="stands"))
    await batcher.stop()
    async with world.owner.acquire() as holder, holder.transaction():
        await holder.execute(
            "SELECT FROM wallet WHERE user_id = $1 FOR NO KEY UPDATE", held.user_id
        )
        requests = [held.spin(coin, 100, key="stands"), free.spin(coin, 100), free.spin(coin, 50)]
        state = await load(world, connection, requests)
    assert list(state.players) == [(free.operator_id, free.user_id)]
    ((key, known),) = state.known.items()
    assert key == (held.operator_id, held.user_id, "stands")
    assert known.result == settled.result


async def test_an_unknown_player_is_nobody(world: World, connection: Connection) -> None:
    stranger = await world.player()
    elsewhere = SpinRequest(
        operator_id=world.operators[1],
        user_id=stranger.user_id,
        game_id=world.games["coin"],
        wager=1,
        client_seed="seed",
        idempotency_key="k",
        fingerprint=b"",
    )
    state = await load(world, connection, [elsewhere])
    assert state.players == {}
    assert state.known == {}


@pytest.mark.parametrize("role", [Role.APP, Role.AUTH, Role.RELAY])
async def test_only_the_batchs_role_may_call_what_it_calls(world: World, role: Role) -> None:
    for call in (
        "load_players('{}', '{}')",
        "load_batch('{}', '{}', '{}', '{}', '{}', 0, '{}')",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="function load_"):
            await world.pools[role].fetch(f"SELECT * FROM {call}")


async def test_the_batcher_keeps_one_connection_while_bets_come_in(world: World) -> None:
    pool = world.pools[Role.BATCH]
    player, coin = await world.player(balance=1_000), world.games["coin"]
    batcher = BetBatcher(pool, world.vault, world.hits, lambda fresh: None)
    batcher.start()
    for _ in range(3):
        await batcher.submit(player.spin(coin, 1))
        assert pool.get_size() - pool.get_idle_size() == 1
    while pool.get_size() > pool.get_idle_size():  # noqa: ASYNC110  the pool tells nobody
        await asyncio.sleep(0.02)
    await batcher.submit(player.spin(coin, 1))
    await batcher.stop()
    assert pool.get_size() == pool.get_idle_size()
