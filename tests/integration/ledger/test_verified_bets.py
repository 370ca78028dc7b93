"""Bets as the API shows them, after rotation, confirmed by the public verifier; also free spins."""

import asyncio

import msgspec
import pytest

from ledger.database import Role
from ledger.verifier import verify_bet
from ledger.wallets import read_bets, rotate_seed
from tests.support.cashier import (
    deposit,
    free_spin,
    free_spins,
    open_batcher,
    open_desk,
)
from tests.support.world import COIN, SLOT, Player, World


async def shown(world: World, player: Player) -> list[dict]:
    """The player's bets as JSON, read in the tenant's own transaction as the API reads them."""
    async with world.pools[Role.APP].acquire() as connection, connection.transaction():
        await connection.execute(
            "SELECT set_config('app.operator_id', $1, true)", str(player.operator_id)
        )
        bets = await read_bets(
            connection, world.vault, player.operator_id, player.user_id, limit=500
        )
    return msgspec.json.decode(msgspec.json.encode(bets))


async def test_every_bet_is_confirmed_once_its_seed_is_revealed(world: World) -> None:
    desk, batcher, player = open_desk(world), open_batcher(world), await world.player()
    slot, coin = world.games["slot"], world.games["coin"]
    paytables = {slot: SLOT, coin: COIN}
    await deposit(desk, player, 10_000)
    await free_spins(desk, player, slot, 50, 20)
    requests = [player.spin(slot if n % 2 else coin, 10) for n in range(60)]
    requests += [free_spin(player, slot) for _ in range(20)]
    await asyncio.gather(*map(batcher.submit, requests))

    hidden = await shown(world, player)
    assert len(hidden) == 80
    with pytest.raises(ValueError, match="not revealed"):
        verify_bet(hidden[0], paytables[hidden[0]["game_id"]])

    await rotate_seed(desk.pool, world.vault, player.operator_id, player.user_id)
    await batcher.submit(player.spin(coin, 10))
    await batcher.stop()
    newest, *revealed = await shown(world, player)
    assert newest["server_seed"] is None
    for bet in revealed:
        assert verify_bet(bet, paytables[bet["game_id"]]) == []
    spins = [bet for bet in revealed if bet["bet_type"] == "FREE_SPIN"]
    assert len(spins) == 20
    assert {bet["wager"] for bet in spins} == {0}

    won = next(bet for bet in revealed if bet["win"])
    assert verify_bet(won | {"win": won["win"] - 1}, paytables[won["game_id"]])
