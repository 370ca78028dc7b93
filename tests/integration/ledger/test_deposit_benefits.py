"""What deposits bring and chargebacks take, on a real database; velocity limits under races."""

import asyncio
import json
from collections import Counter
from typing import Any

import pytest
from uuid_utils.compat import uuid7

from ledger.batch import BetBatcher
from ledger.database import Role
from ledger.declared_terms import declare_methods, declare_offers, read_balance
from ledger.deposits import create_deposit
from ledger.errors import Refusal
from ledger.offers import Offer
from ledger.payment_terms import PaymentMethod
from tests.support.payments import Payments
from tests.support.world import World


@pytest.fixture(scope="module")
async def payments(world: World) -> Payments:
    """Payments at an operator (alpha) with a match, spins from 100.00 and a welcome offer."""
    alpha, slot = world.operators[0], world.games["slot"]
    spins: dict[str, Any] = {"free_spin_game_id": slot, "free_spin_stake": 20}
    offers = [
        Offer(offer_id=0, name="match", min_amount=2_000, match_bps=5_000, max_bonus=20_000),
        Offer(offer_id=0, name="spins", min_amount=10_000, free_spins=10, **spins),
        Offer(
            offer_id=0,
            name="welcome",
            first_deposit_only=True,
            min_amount=10_000,
            free_spins=20,
            **spins,
        ),
    ]
    async with world.owner.acquire() as connection, connection.transaction():
        declared = await declare_offers(connection, alpha, offers)
        assert await declare_offers(connection, alpha, offers) == declared
    return Payments(world)


async def grants(payments: Payments, player) -> list[tuple[str, int, str]]:
    rows = await payments.world.owner.fetch(
        "SELECT source, count, status FROM free_spin_grant WHERE user_id = $1 ORDER BY count",
        player.user_id,
    )
    return [tuple(row) for row in rows]  # type: ignore[misc]


async def tasks(payments: Payments, player) -> list[tuple[str, int, str]]:
    rows = await payments.world.owner.fetch(
        "SELECT kind, balance, status FROM bonus_task WHERE user_id = $1", player.user_id
    )
    return [tuple(row) for row in rows]  # type: ignore[misc]


async def told(payments: Payments, player) -> Counter[tuple[str, str]]:
    """(kind, status) of everything the warehouse hears of the player."""
    rows = await payments.world.owner.fetch(
        "SELECT payload FROM outbox WHERE topic = 'transactions' AND payload->>'user_id' = $1",
        str(player.user_id),
    )
    events = [json.loads(row[0]) for row in rows]
    return Counter((event["kind"], event["status"]) for event in events)


async def test_the_first_hundred_brings_a_bonus_thirty_spins_and_a_hundred_points(
    payments: Payments,
) -> None:
    player = await payments.world.player()
    row = await payments.deposit(player, 10_000)
    assert await payments.wallet(player) == (10_000, 5_000, 0, 0)
    assert await tasks(payments, player) == [("DEPOSIT", 5_000, "ACTIVE")]
    assert await grants(payments, player) == [
        ("deposit_offer", 10, "ACTIVE"),
        ("deposit_offer", 20, "ACTIVE"),
    ]
    xp = await payments.world.owner.fetchval(
        'SELECT vip_experience FROM "user" WHERE user_id = $1', player.user_id
    )
    assert xp == 1_000_000
    assert json.loads(row["detail"])["xp"] == xp
    assert await told(payments, player) == {
        ("DEPOSIT", "PENDING"): 1,
        ("DEPOSIT", "COMPLETED"): 1,
        ("BONUS", "GRANTED"): 1,
        ("FREE_SPINS", "GRANTED"): 2,
        ("XP", "EARNED"): 1,
    }
    await payments.deposit(player, 10_000)
    assert len(await grants(payments, player)) == 3
    assert await payments.differences() == []


async def test_an_operator_without_offers_gives_none(payments: Payments) -> None:
    player = await payments.world.player(payments.world.operators[1])
    await payments.deposit(player, 50_000)
    assert await payments.wallet(player) == (50_000, 0, 0, 0)
    assert await grants(payments, player) == []


async def test_a_thousand_reaches_level_two_and_its_free_spins(payments: Payments) -> None:
    player = await payments.world.player(payments.world.operators[1])
    await payments.deposit(player, 100_000)
    assert await grants(payments, player) == [("vip_level", 10, "ACTIVE")]
    seen = await told(payments, player)
    assert seen["VIP_LEVEL", "REACHED"] == 1


async def test_a_chargeback_after_spending_leaves_debt_and_a_flag(payments: Payments) -> None:
    world = payments.world
    player = await world.player()
    row = await payments.deposit(player, 10_000)
    batcher = BetBatcher(world.pools[Role.BATCH], world.vault, world.hits, lambda fresh: None)
    batcher.start()
    for _ in range(10):
        await batcher.submit(player.spin(world.games["slot"], 500))
    await batcher.stop()
    real, _, _, _ = await payments.wallet(player)
    results = await asyncio.gather(*(payments.hear(row, "deposit.reversed") for _ in range(10)))
    assert Counter(r.outcome for r in results) == {"applied": 1, "already_applied": 9}
    taken = min(real, 10_000)
    assert await payments.wallet(player) == (real - taken, 0, 0, 10_000 - taken)
    assert await payments.history(row["transaction_id"]) == ["PENDING", "COMPLETED", "REVERSED"]
    assert {status for _, _, status in await tasks(payments, player)} == {"FORFEITED"}
    assert {status for _, _, status in await grants(payments, player)} == {"REVOKED"}
    flag = await world.owner.fetchval(
        'SELECT flagged_reason FROM "user" WHERE user_id = $1', player.user_id
    )
    assert flag == "deposit_reversed"
    assert await payments.differences() == []


async def test_a_later_deposit_repays_the_debt_first(payments: Payments) -> None:
    player = await payments.world.player(payments.world.operators[1])
    first = await payments.deposit(player, 10_000)
    await payments.wagered(player)
    withdrawal = await payments.withdraw(player, 6_000)
    await payments.approve(withdrawal)
    await payments.hear(withdrawal, "payout.completed")
    await payments.hear(first, "deposit.reversed")
    assert await payments.wallet(player) == (0, 0, 0, 6_000)
    await payments.deposit(player, 8_000)
    assert await payments.wallet(player) == (2_000, 0, 0, 0)
    assert await payments.differences() == []


async def test_a_reversal_that_overtakes_its_completion_moves_nothing(payments: Payments) -> None:
    player = await payments.world.player()
    row, _ = await create_deposit(payments.desk, payments.wish(player, 10_000))
    assert (await payments.hear(row, "deposit.reversed")).outcome == "applied"
    assert (await payments.hear(row, "deposit.completed")).outcome == "transaction_finished"
    assert await payments.history(row["transaction_id"]) == ["PENDING", "FAILED"]
    assert await payments.wallet(player) == (0, 0, 0, 0)
    await payments.deposit(player, 10_000)
    assert ("deposit_offer", 20, "ACTIVE") in await grants(payments, player)  # still the first
    assert await payments.differences() == []


async def test_a_charged_back_deposit_was_the_first_one(payments: Payments) -> None:
    player = await payments.world.player()
    await payments.hear(await payments.deposit(player, 10_000), "deposit.reversed")
    await payments.deposit(player, 10_000)
    active = [grant for grant in await grants(payments, player) if grant[2] == "ACTIVE"]
    assert active == [("deposit_offer", 10, "ACTIVE")]


async def test_racing_deposits_stay_within_the_hours_limit(payments: Payments) -> None:
    player = await payments.world.player()
    answers = await asyncio.gather(
        *(create_deposit(payments.desk, payments.wish(player, 30_000)) for _ in range(10)),
        return_exceptions=True,
    )
    opened = [answer[0] for answer in answers if not isinstance(answer, BaseException)]
    refusals = [answer for answer in answers if isinstance(answer, Refusal)]
    assert (len(opened), {refusal.code for refusal in refusals}) == (3, {"limit_exceeded"})
    assert refusals[0].facts["limit"] == "deposit_hour"
    await payments.hear(opened[0], "deposit.failed")  # what failed does not count
    row, _ = await create_deposit(payments.desk, payments.wish(player, 30_000))
    assert row["status"] == "PENDING"


async def test_methods_carry_their_bounds_and_their_fee(payments: Payments) -> None:
    beta = payments.world.operators[1]
    player = await payments.world.player(beta)
    async with payments.world.owner.acquire() as connection, connection.transaction():
        card = PaymentMethod(method="card", min_amount=500, max_amount=2_000, fee_bps=290)
        await declare_methods(connection, beta, [card])
    try:
        row, _ = await create_deposit(payments.desk, payments.wish(player, 1_999))
        assert row["fee"] == 57  # 57.971, rounded down
        for amount in (499, 2_001):
            with pytest.raises(Refusal) as refused:
                await create_deposit(payments.desk, payments.wish(player, amount))
            assert refused.value.code == "amount_invalid"
        await payments.hear(row, "deposit.completed")
        assert await payments.world.real_balance(player) == 1_999
    finally:
        await payments.world.owner.execute("DELETE FROM payment_method")


async def test_the_settlement_balance_adds_up(payments: Payments) -> None:
    world = payments.world
    gamma = await world.owner.fetchval(
        "INSERT INTO operator (slug, name, currency) VALUES ('gamma', 'Gamma', 'EUR') "
        "RETURNING operator_id"
    )
    player = await world.player(gamma)
    await payments.deposit(player, 10_000)
    reversed_one = await payments.deposit(player, 5_000)
    await payments.hear(reversed_one, "deposit.reversed")
    await payments.wagered(player)
    paid = await payments.approve(await payments.withdraw(player, 4_000))
    await payments.hear(paid, "payout.completed")
    await payments.withdraw(player, 1_000)
    async with world.owner.acquire() as connection:
        balance = await read_balance(connection, gamma)
    assert (balance.received, balance.returned, balance.cash_held) == (15_000, 9_000, 6_000)
    assert (balance.real_balance, balance.held_balance, balance.debt) == (5_000, 1_000, 0)


async def test_a_hundred_deposits_under_one_key_are_one(payments: Payments) -> None:
    player = await payments.world.player()
    wish = payments.wish(player, 100, key=str(uuid7()))
    opened = await asyncio.gather(*(create_deposit(payments.desk, wish) for _ in range(100)))
    assert len({row["transaction_id"] for row, _ in opened}) == 1
    assert sum(not replayed for _, replayed in opened) == 1
