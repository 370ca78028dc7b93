"""Money commands as short calls for tests: deposits by webhook, bonuses, free spins, the books."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
from uuid_utils.compat import uuid7

from ledger.account import SpinGrant
from ledger.batch import BetBatcher
from ledger.bet_record import SpinRequest
from ledger.commands import MoneyDesk, player_command
from ledger.database import Role
from ledger.deposits import create_deposit
from ledger.grants import give_bonus, give_free_spins
from ledger.payments import ProviderEvent
from ledger.provider_events import apply_webhook
from ledger.reconcile import Difference, reconcile_ledger
from ledger.transactions import PaymentRequest
from tests.support.world import Player, World

TOMORROW = timedelta(days=1)


def open_desk(world: World) -> MoneyDesk:
    """Where money commands find their pool and vaults."""
    return MoneyDesk(world.pools[Role.BATCH], world.vault, world.hits)


def open_batcher(world: World, **options: int) -> BetBatcher:
    """A running batcher, as an API process has one; the caller stops it."""
    batcher = BetBatcher(
        world.pools[Role.BATCH], world.vault, world.hits, lambda fresh: None, **options
    )
    batcher.start()
    return batcher


def payment(player: Player, amount: int, key: str | None = None) -> PaymentRequest:
    """A wish to pay ``amount`` in or out by card, under ``key`` or a fresh one."""
    return PaymentRequest(
        operator_id=player.operator_id,
        user_id=player.user_id,
        amount=amount,
        method="card",
        idempotency_key=key or str(uuid7()),
        fingerprint=str(amount).encode(),
    )


def webhook(row: Any, event_type: str = "deposit.completed", **changes: Any) -> ProviderEvent:
    """What the provider says of a transaction."""
    event = ProviderEvent(
        provider=row["provider"],
        webhook_id=f"msg_{uuid7()}",
        event_type=event_type,
        transaction_id=str(row["transaction_id"]),
        amount=row["amount"],
        currency=row["currency"],
    )
    return msgspec.structs.replace(event, **changes)


async def deposit(desk: MoneyDesk, player: Player, amount: int) -> Any:
    """A deposit opened, paid and credited; its row as it was opened."""
    row, _ = await create_deposit(desk, payment(player, amount))
    assert (await apply_webhook(desk, webhook(row))).outcome == "applied"
    return row


async def bonus(desk: MoneyDesk, player: Player, amount: int, kind: str = "GRANT") -> UUID:
    """A bonus granted; returns the task's id."""
    async with player_command(desk, player.operator_id, player.user_id) as command:
        return give_bonus(command, amount=amount, kind=kind, source_id=uuid7())


async def free_spins(
    desk: MoneyDesk, player: Player, game_id: int, stake: int, count: int
) -> SpinGrant:
    """Free spins granted."""
    async with player_command(desk, player.operator_id, player.user_id) as command:
        return give_free_spins(
            command,
            game_id=game_id,
            stake=stake,
            count=count,
            source="test",
            source_key=f"{uuid7()}",
        )


def free_spin(player: Player, game_id: int) -> SpinRequest:
    """A request to play a free spin."""
    return msgspec.structs.replace(player.spin(game_id, 0), free_spin=True)


async def wallet(world: World, player: Player) -> dict[str, Any]:
    """The player's wallet row, with experience and level."""
    row = await world.owner.fetchrow(
        'SELECT w.*, u.vip_experience, u.vip_level FROM wallet AS w JOIN "user" AS u '
        "USING (operator_id, user_id) WHERE operator_id = $1 AND user_id = $2",
        player.operator_id,
        player.user_id,
    )
    assert row is not None
    return dict(row)


async def differences(world: World) -> list[Difference]:
    """What reconciliation finds; nothing when every book agrees with every other."""
    connection = await asyncpg.connect(world.owner_url)
    try:
        return await reconcile_ledger(connection)
    finally:
        await connection.close()


def tomorrow() -> datetime:
    """A day from now, in UTC."""
    return datetime.now(UTC) + TOMORROW
