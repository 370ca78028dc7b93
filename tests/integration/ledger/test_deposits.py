"""Deposits through provider webhooks: repeated, reordered, mismatching, raced."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from ledger.commands import MoneyDesk
from ledger.database import Role
from ledger.deposits import create_deposit, expire_deposits
from ledger.errors import Refusal
from ledger.payments import ProviderEvent
from ledger.provider_events import apply_webhook
from ledger.transactions import PaymentRequest
from tests.support.world import Player, World


def desk_of(world: World) -> MoneyDesk:
    return MoneyDesk(world.pools[Role.BATCH], world.vault, world.hits)


def wish(player: Player, amount: int = 5_000, key: str | None = None) -> PaymentRequest:
    return PaymentRequest(
        operator_id=player.operator_id,
        user_id=player.user_id,
        amount=amount,
        method="card",
        idempotency_key=key or str(uuid7()),
        fingerprint=str(amount).encode(),
    )


def event(transaction: UUID | str, **changes) -> ProviderEvent:
    fields = {
        "provider": "mock",
        "webhook_id": f"msg_{uuid7()}",
        "event_type": "deposit.completed",
        "transaction_id": str(transaction),
        "amount": 5_000,
        "currency": "EUR",
    }
    return ProviderEvent(**{**fields, **changes})


async def test_a_completed_deposit_credits_once_whatever_is_repeated(world: World) -> None:
    player, desk = await world.player(), desk_of(world)
    row, replayed = await create_deposit(desk, wish(player))
    assert (row["status"], replayed) == ("PENDING", False)
    assert await world.real_balance(player) == 0

    paid = event(row["transaction_id"])
    answers = await asyncio.gather(
        *(apply_webhook(desk, paid) for _ in range(20)),
        *(apply_webhook(desk, event(row["transaction_id"])) for _ in range(20)),
    )
    assert Counter(a.outcome for a in answers) == {"applied": 1, "already_applied": 39}
    assert await world.real_balance(player) == 5_000
    postings = await world.owner.fetch(
        "SELECT account, amount FROM posting WHERE reference_id = $1 ORDER BY leg",
        row["transaction_id"],
    )
    assert [tuple(p) for p in postings] == [("player_real", 5_000), ("operator_settlement", -5_000)]
    history = await world.owner.fetch(
        "SELECT to_status FROM transaction_event WHERE transaction_id = $1 ORDER BY event_no",
        row["transaction_id"],
    )
    assert [h[0] for h in history] == ["PENDING", "COMPLETED"]


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({"amount": 5_001}, "webhook_amount_mismatch"),
        ({"currency": "SEK"}, "webhook_currency_mismatch"),
        ({"event_type": "payout.completed"}, "webhook_type_mismatch"),
        ({"transaction_id": str(UUID(int=1))}, "transaction_not_found"),
        ({"transaction_id": "no uuid"}, "transaction_not_found"),
        ({"provider": "other"}, "webhook_provider_mismatch"),
    ],
)
async def test_a_mismatching_webhook_changes_nothing_and_is_recorded(
    world: World, changes: dict, outcome: str
) -> None:
    player, desk = await world.player(), desk_of(world)
    row, _ = await create_deposit(desk, wish(player))
    wrong = event(row["transaction_id"], **changes)
    assert (await apply_webhook(desk, wrong)).outcome == outcome
    assert (await apply_webhook(desk, wrong)).outcome == outcome
    assert await world.real_balance(player) == 0
    recorded = await world.owner.fetchval(
        "SELECT outcome FROM webhook_receipt WHERE webhook_id = $1", wrong.webhook_id
    )
    assert recorded == outcome
    assert (await apply_webhook(desk, event(row["transaction_id"]))).outcome == "applied"


async def test_the_first_final_word_stands(world: World) -> None:
    player, desk = await world.player(), desk_of(world)
    row, _ = await create_deposit(desk, wish(player))
    failed = event(row["transaction_id"], event_type="deposit.failed")
    assert (await apply_webhook(desk, failed)).outcome == "applied"
    late = await apply_webhook(desk, event(row["transaction_id"]))
    assert late.outcome == "transaction_finished"
    assert await world.real_balance(player) == 0


async def test_one_key_opens_one_deposit(world: World) -> None:
    player, desk = await world.player(), desk_of(world)
    same = wish(player, key="k")
    opened = await asyncio.gather(*(create_deposit(desk, same) for _ in range(30)))
    assert len({row["transaction_id"] for row, _ in opened}) == 1
    assert sum(not replayed for _, replayed in opened) == 1
    with pytest.raises(Refusal) as refused:
        await create_deposit(desk, wish(player, amount=1, key="k"))
    assert refused.value.code == "idempotency_key_reused"


async def test_unpaid_deposits_expire_once_and_take_no_money_afterwards(world: World) -> None:
    player, desk = await world.player(), desk_of(world)
    row, _ = await create_deposit(desk, wish(player))
    later = datetime.now(UTC) + timedelta(hours=2)
    await asyncio.gather(*(expire_deposits(desk.pool, later) for _ in range(3)))
    status, events = await world.owner.fetchrow(  # pyright: ignore[reportGeneralTypeIssues]
        "SELECT status, event_no FROM transaction WHERE transaction_id = $1", row["transaction_id"]
    )
    assert (status, events) == ("EXPIRED", 2)
    assert (await apply_webhook(desk, event(row["transaction_id"]))).outcome == (
        "transaction_finished"
    )


async def test_a_blocked_player_opens_no_deposit(world: World) -> None:
    player = await world.player()
    await world.owner.execute(
        "UPDATE \"user\" SET status = 'BLOCKED' WHERE user_id = $1", player.user_id
    )
    with pytest.raises(Refusal) as refused:
        await create_deposit(desk_of(world), wish(player))
    assert refused.value.code == "account_blocked"
