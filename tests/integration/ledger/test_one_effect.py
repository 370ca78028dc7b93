"""A hundred requests at once under one idempotency key: one effect, one answer, of every kind."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest

from ledger.batch import BetBatcher
from ledger.commands import MoneyDesk
from ledger.deposits import create_deposit
from ledger.errors import Refusal
from ledger.provider_events import apply_webhook
from ledger.rollback import roll_back_key
from ledger.withdrawals import request_withdrawal
from tests.support.cashier import (
    deposit,
    differences,
    free_spin,
    free_spins,
    open_batcher,
    open_desk,
    payment,
    wallet,
    webhook,
)
from tests.support.forced import forced_game
from tests.support.world import World

TIMES = 100


@pytest.fixture
async def batchers(world: World):
    """Two API processes on one database."""
    running = [open_batcher(world) for _ in range(2)]
    yield running
    for batcher in running:
        await batcher.stop()


@pytest.fixture
def desk(world: World) -> MoneyDesk:
    return open_desk(world)


async def hundredfold(ask: Callable[[int], Awaitable[Any]]) -> list[Any]:
    return await asyncio.gather(*(ask(number) for number in range(TIMES)))


async def test_a_bet_asked_of_two_processes(
    world: World, desk: MoneyDesk, batchers: list[BetBatcher]
) -> None:
    player, game = await world.player(), await forced_game(world, 200)
    await deposit(desk, player, 1_000)
    request = player.spin(game, 100, key="one")
    answers = await hundredfold(lambda number: batchers[number % 2].submit(request))
    assert len({answer.result for answer in answers}) == 1
    assert Counter(answer.replayed for answer in answers) == {False: 1, True: TIMES - 1}
    assert await world.real_balance(player) == 1_100
    assert await differences(world) == []


async def test_a_free_spin(world: World, desk: MoneyDesk, batchers: list[BetBatcher]) -> None:
    player, game = await world.player(), await forced_game(world, 200)
    grant = await free_spins(desk, player, game, 100, 5)
    request = free_spin(player, game)
    answers = await hundredfold(lambda number: batchers[number % 2].submit(request))
    assert len({answer.result for answer in answers}) == 1
    used = await world.owner.fetchval(
        "SELECT used FROM free_spin_grant WHERE grant_id = $1", grant.grant_id
    )
    assert (used, (await wallet(world, player))["bonus_balance"]) == (1, 200)


async def test_a_deposit_and_its_webhook(world: World, desk: MoneyDesk) -> None:
    player = await world.player()
    request = payment(player, 1_000, key="one")
    opened = await hundredfold(lambda _: create_deposit(desk, request))
    assert len({row["transaction_id"] for row, _ in opened}) == 1
    assert Counter(replayed for _, replayed in opened) == {False: 1, True: TIMES - 1}
    event = webhook(opened[0][0])
    # Half of the deliveries repeat one id, half come under ids of their own.
    heard = await hundredfold(
        lambda number: apply_webhook(
            desk,
            event if number % 2 else msgspec.structs.replace(event, webhook_id=f"msg_{number}"),
        )
    )
    assert Counter(answer.outcome for answer in heard) == {
        "applied": 1,
        "already_applied": TIMES - 1,
    }
    after = await wallet(world, player)
    assert (after["real_balance"], after["deposit_wagering_required"]) == (1_000, 1_000)
    assert after["vip_experience"] == 10 * 10_000
    assert await differences(world) == []


async def test_a_withdrawal(world: World, desk: MoneyDesk, batchers: list[BetBatcher]) -> None:
    player, game = await world.player(), await forced_game(world, 100)
    await deposit(desk, player, 1_000)
    await batchers[0].submit(player.spin(game, 1_000))
    request = payment(player, 600, key="one")
    steps = await hundredfold(lambda _: request_withdrawal(desk, request))
    assert len({step.row["transaction_id"] for step in steps}) == 1
    assert Counter(step.replayed for step in steps) == {False: 1, True: TIMES - 1}
    after = await wallet(world, player)
    assert (after["real_balance"], after["held_balance"]) == (400, 600)
    assert await differences(world) == []


async def test_a_rollback_and_its_bet_race_to_one_end(
    world: World, desk: MoneyDesk, batchers: list[BetBatcher]
) -> None:
    """Whoever comes first, the bet does not stand afterwards."""
    game = await forced_game(world, 0)
    for number in range(10):
        player = await world.player()
        await deposit(desk, player, 1_000)
        request = player.spin(game, 100, key=f"race {number}")
        answers = await asyncio.gather(
            *(batchers[n % 2].submit(request) for n in range(5)),
            *(
                roll_back_key(desk, player.user_id, f"race {number}", "test", "nobody")
                for _ in range(5)
            ),
            return_exceptions=True,
        )
        codes = {answer.code for answer in answers if isinstance(answer, Refusal)}
        assert codes <= {"bet_rolled_back", "bet_already_rolled_back"}
        assert not [a for a in answers if isinstance(a, Exception) and not isinstance(a, Refusal)]
        assert await world.real_balance(player) == 1_000
    assert await differences(world) == []
