"""Withdrawals on a real database: held, decided once whoever races, paid or returned."""

import asyncio
from collections import Counter
from datetime import timedelta

import pytest

from ledger.errors import Refusal
from ledger.withdrawals import request_withdrawal, unreported_payouts
from tests.support.payments import Payments
from tests.support.world import World


@pytest.fixture(scope="module")
def payments(world: World) -> Payments:
    return Payments(world)


async def outcomes(*steps) -> Counter[str]:
    """How many steps did what: a status reached, or a refusal's code."""
    answers = await asyncio.gather(*steps, return_exceptions=True)
    return Counter(
        answer.code if isinstance(answer, Refusal) else answer["status"]  # type: ignore[index]
        for answer in answers
    )


async def refused(step) -> Refusal:
    with pytest.raises(Refusal) as refusal:
        await step
    return refusal.value


async def test_money_is_held_approved_and_paid(payments: Payments) -> None:
    player = await payments.rich_player()
    row = await payments.withdraw(player, 20_000)
    assert row["status"] == "PENDING"
    assert await payments.wallet(player) == (30_000, 0, 20_000, 0)
    approved = await payments.approve(row)
    assert approved["status"] == "APPROVED"
    assert await payments.wallet(player) == (30_000, 0, 20_000, 0)
    assert (await payments.hear(row, "payout.completed")).outcome == "applied"
    assert await payments.wallet(player) == (30_000, 0, 0, 0)
    assert (await payments.hear(row, "payout.completed")).outcome == "already_applied"
    assert (await payments.hear(row, "payout.failed")).outcome == "transaction_finished"
    assert await payments.history(row["transaction_id"]) == ["PENDING", "APPROVED", "COMPLETED"]
    assert await payments.differences() == []


@pytest.mark.parametrize("ending", ["rejected", "failed"])
async def test_returned_money_is_real_and_opens_no_wagering(
    payments: Payments, ending: str
) -> None:
    player = await payments.rich_player()
    row = await payments.withdraw(player, 20_000)
    if ending == "rejected":
        assert (await payments.reject(row))["status"] == "REJECTED"
    else:
        await payments.approve(row)
        assert (await payments.hear(row, "payout.failed")).outcome == "applied"
    assert await payments.wallet(player) == (50_000, 0, 0, 0)
    assert (await payments.withdraw(player, 50_000))["status"] == "PENDING"
    assert await payments.differences() == []


async def test_open_wagering_debt_and_want_of_money_are_refused_with_the_reason(
    payments: Payments, world: World
) -> None:
    player = await world.player()
    await payments.deposit(player, 10_000)
    refusal = await refused(payments.withdraw(player, 1_000))
    assert (refusal.code, refusal.facts["reason"]) == (
        "withdrawal_not_allowed",
        "deposit_wagering_open",
    )
    await payments.wagered(player)
    refusal = await refused(payments.withdraw(player, 10_001))
    assert (refusal.code, refusal.facts["withdrawable"]) == ("insufficient_funds", 10_000)
    await world.owner.execute(
        "UPDATE \"user\" SET status = 'BLOCKED' WHERE user_id = $1", player.user_id
    )
    assert (await refused(payments.withdraw(player, 1_000))).code == "account_blocked"
    assert await payments.wallet(player) == (10_000, 0, 0, 0)


async def test_a_payout_before_its_approval_is_refused_and_may_come_again(
    payments: Payments, world: World
) -> None:
    player = await payments.rich_player()
    row = await payments.withdraw(player, 20_000)
    early = await payments.hear(row, "payout.completed", webhook_id="early")
    assert early.outcome == "payout_not_approved"
    assert await payments.wallet(player) == (30_000, 0, 20_000, 0)
    await payments.approve(row)
    assert (await payments.hear(row, "payout.completed", webhook_id="early")).outcome == "applied"
    again = await payments.hear(row, "payout.completed", webhook_id="early")
    assert again.outcome == "already_applied"
    receipts = await world.owner.fetch(
        "SELECT outcome FROM webhook_receipt WHERE webhook_id = 'early' ORDER BY attempt"
    )
    assert [receipt[0] for receipt in receipts] == ["payout_not_approved", "applied"]


async def test_approve_and_reject_at_once_one_wins(payments: Payments) -> None:
    for _ in range(20):
        player = await payments.rich_player()
        row = await payments.withdraw(player, 20_000)
        seen = await outcomes(
            payments.approve(row),
            payments.reject(row),
            payments.approve(row),
            payments.reject(row),
        )
        assert seen.pop("withdrawal_not_pending") == 3
        ((status, count),) = seen.items()
        assert count == 1
        held = (30_000, 0, 20_000, 0) if status == "APPROVED" else (50_000, 0, 0, 0)
        assert await payments.wallet(player) == held
        assert await payments.history(row["transaction_id"]) == ["PENDING", status]
    assert await payments.differences() == []


async def test_webhooks_and_admins_at_once_make_one_ending(payments: Payments) -> None:
    for _ in range(10):
        player = await payments.rich_player()
        row = await payments.withdraw(player, 20_000)
        await payments.approve(row)
        results = await asyncio.gather(
            *(payments.hear(row, "payout.completed") for _ in range(5)),
            *(payments.hear(row, "payout.failed") for _ in range(5)),
            outcomes(payments.reject(row), payments.approve(row)),
        )
        assert results.pop() == {"withdrawal_not_pending": 2}
        seen = Counter(result.outcome for result in results)  # type: ignore[union-attr]
        assert seen == {"applied": 1, "already_applied": 4, "transaction_finished": 5}
        status = await payments.status(row["transaction_id"])
        real = 30_000 if status == "COMPLETED" else 50_000
        assert await payments.wallet(player) == (real, 0, 0, 0)
    assert await payments.differences() == []


async def test_the_same_money_is_withdrawn_once(payments: Payments) -> None:
    player = await payments.rich_player()
    seen = await outcomes(*(payments.withdraw(player, 30_000) for _ in range(20)))
    assert seen == {"PENDING": 1, "insufficient_funds": 19}
    assert await payments.wallet(player) == (20_000, 0, 30_000, 0)


async def test_a_hundred_requests_under_one_key_are_one_withdrawal(payments: Payments) -> None:
    player = await payments.rich_player()
    wish = payments.wish(player, 300, key="same")
    steps = await asyncio.gather(*(request_withdrawal(payments.desk, wish) for _ in range(100)))
    assert len({step.row["transaction_id"] for step in steps}) == 1
    assert sum(not step.replayed for step in steps) == 1
    assert await payments.wallet(player) == (49_700, 0, 300, 0)
    other = await refused(payments.withdraw(player, 301, key="same"))
    assert other.code == "idempotency_key_reused"


async def test_a_key_of_a_deposit_is_free_for_a_withdrawal(payments: Payments) -> None:
    from ledger.deposits import create_deposit

    player = await payments.rich_player()
    await create_deposit(payments.desk, payments.wish(player, 100, key="k"))
    assert (await payments.withdraw(player, 100, key="k"))["kind"] == "WITHDRAWAL"


async def test_nobody_decides_another_operators_withdrawal(payments: Payments) -> None:
    player = await payments.rich_player()
    row = await payments.withdraw(player, 100)
    foreign = {**row, "operator_id": payments.world.operators[1]}
    assert (await refused(payments.approve(foreign))).code == "withdrawal_not_found"
    deposit = await payments.deposit(player, 100)
    assert (await refused(payments.reject(deposit))).code == "withdrawal_not_found"


async def test_a_debtors_withdrawal_is_rejected_and_repays(payments: Payments) -> None:
    player = await payments.world.player()
    deposit = await payments.deposit(player, 50_000)
    await payments.wagered(player)
    row = await payments.withdraw(player, 30_000)
    assert (await payments.hear(deposit, "deposit.reversed")).outcome == "applied"
    assert await payments.wallet(player) == (0, 0, 30_000, 30_000)
    refusal = await refused(payments.approve(row))
    assert (refusal.code, refusal.facts["reason"]) == (
        "withdrawal_not_allowed",
        "debt_outstanding",
    )
    await payments.reject(row)
    assert await payments.wallet(player) == (0, 0, 0, 0)
    assert await payments.differences() == []


async def test_the_sixth_thousand_of_an_hour_is_refused_whoever_races(
    payments: Payments, world: World
) -> None:
    player = await payments.rich_player(90_000)
    await world.owner.execute(
        "INSERT INTO payment_limit VALUES ($1, 100000, 1000000, 30000, 60000)",
        world.operators[0],
    )
    try:
        seen = await outcomes(*(payments.withdraw(player, 10_000) for _ in range(8)))
        assert seen == {"PENDING": 3, "limit_exceeded": 5}
        refusal = await refused(payments.withdraw(player, 10_000))
        assert refusal.facts["limit"] == "withdrawal_hour"
        assert refusal.facts["frees_at"] is not None
    finally:
        await world.owner.execute("DELETE FROM payment_limit")
    assert await payments.wallet(player) == (60_000, 0, 30_000, 0)


async def test_a_rejected_withdrawal_frees_its_part_of_the_limit(payments: Payments) -> None:
    player = await payments.rich_player(100_000)
    for _ in range(7):  # 700,000 in all, above the default of 500,000 an hour
        await payments.reject(await payments.withdraw(player, 100_000))


async def test_approved_payouts_are_told_again_until_reported(payments: Payments) -> None:
    player = await payments.rich_player()
    row = await payments.approve(await payments.withdraw(player, 100))
    pool = payments.desk.pool

    async def unreported(age: timedelta) -> bool:
        rows = await unreported_payouts(pool, age)
        return row["transaction_id"] in {item["transaction_id"] for item in rows}

    assert await unreported(timedelta(0))
    assert not await unreported(timedelta(minutes=5))
    await payments.hear(row, "payout.completed")
    assert not await unreported(timedelta(0))


async def test_the_books_check_finds_a_status_that_money_did_not_follow(
    payments: Payments, world: World
) -> None:
    player = await payments.rich_player()
    row = await payments.withdraw(player, 100)
    forge = "UPDATE transaction SET status = $2 WHERE transaction_id = $1"
    await world.owner.execute(forge, row["transaction_id"], "REJECTED")
    found = {(item.check, item.key, item.difference) for item in await payments.differences()}
    await world.owner.execute(forge, row["transaction_id"], "PENDING")
    transaction, user = str(row["transaction_id"]), str(player.user_id)
    assert ("transactions_unlike_their_postings", transaction, -100) in found
    assert ("held_balances_unlike_open_withdrawals", user, 100) in found
    assert await payments.differences() == []
