"""Payments on the test world: wishes, provider events, and the books checked afterwards."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import asyncpg
from uuid_utils.compat import uuid7

from ledger.commands import MoneyDesk
from ledger.database import Connection, Role
from ledger.deposits import create_deposit
from ledger.payments import ProviderEvent
from ledger.provider_events import WebhookResult, apply_webhook
from ledger.reconcile import Difference, reconcile_ledger
from ledger.transactions import PaymentRequest
from ledger.withdrawals import approve_withdrawal, reject_withdrawal, request_withdrawal
from tests.support.world import Player, World


async def unseen(_: Connection) -> None:
    """A witness that writes nothing."""


class Payments:
    """Short ways to move money by payments in a world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.desk = MoneyDesk(world.pools[Role.BATCH], world.vault, world.hits)

    def wish(self, player: Player, amount: int, key: str | None = None) -> PaymentRequest:
        """A request by card."""
        return PaymentRequest(
            operator_id=player.operator_id,
            user_id=player.user_id,
            amount=amount,
            method="card",
            idempotency_key=key or str(uuid7()),
            fingerprint=str(amount).encode(),
        )

    async def hear(self, row: Any, event_type: str, **changes: Any) -> WebhookResult:
        """The provider's webhook about the transaction in ``row``, under a fresh id."""
        fields = {
            "provider": "mock",
            "webhook_id": f"msg_{uuid7()}",
            "event_type": event_type,
            "transaction_id": str(row["transaction_id"]),
            "amount": row["amount"],
            "currency": row["currency"],
        }
        return await apply_webhook(self.desk, ProviderEvent(**{**fields, **changes}))

    async def deposit(self, player: Player, amount: int) -> Any:
        """A completed deposit's row."""
        row, _ = await create_deposit(self.desk, self.wish(player, amount))
        result = await self.hear(row, "deposit.completed")
        assert result.step is not None
        assert result.outcome == "applied"
        return result.step.row

    async def withdraw(self, player: Player, amount: int, key: str | None = None) -> Any:
        """A pending withdrawal's row."""
        return (await request_withdrawal(self.desk, self.wish(player, amount, key))).row

    async def approve(self, row: Any) -> Any:
        """The withdrawal's row, approved."""
        step = await approve_withdrawal(
            self.desk, row["operator_id"], row["transaction_id"], actor="test", witness=unseen
        )
        return step.row

    async def reject(self, row: Any) -> Any:
        """The withdrawal's row, rejected."""
        step = await reject_withdrawal(
            self.desk,
            row["operator_id"],
            row["transaction_id"],
            reason="a test",
            actor="test",
            witness=unseen,
        )
        return step.row

    async def wagered(self, player: Player) -> None:
        """All that must be wagered counts as wagered."""
        await self.world.owner.execute(
            "UPDATE wallet SET deposit_wagering_progress_e4 = deposit_wagering_required * 10000 "
            "WHERE user_id = $1",
            player.user_id,
        )

    async def rich_player(self, amount: int = 50_000) -> Player:
        """A player with ``amount`` of withdrawable money, paid in by a deposit."""
        player = await self.world.player()
        await self.deposit(player, amount)
        await self.wagered(player)
        return player

    async def wallet(self, player: Player) -> tuple[int, int, int, int]:
        """(real, bonus, held, debt) in minor units."""
        row = await self.world.owner.fetchrow(
            "SELECT real_balance, bonus_balance, held_balance, debt FROM wallet WHERE user_id = $1",
            player.user_id,
        )
        assert row is not None
        return tuple(row)  # pyright: ignore[reportReturnType]

    async def status(self, transaction_id: UUID) -> str:
        """The transaction's status as stored."""
        return await self.world.owner.fetchval(  # pyright: ignore[reportReturnType]
            "SELECT status FROM transaction WHERE transaction_id = $1", transaction_id
        )

    async def history(self, transaction_id: UUID) -> Sequence[str]:
        """Every status the transaction reached, in order."""
        rows = await self.world.owner.fetch(
            "SELECT to_status FROM transaction_event WHERE transaction_id = $1 ORDER BY event_no",
            transaction_id,
        )
        return [row[0] for row in rows]

    async def differences(self) -> list[Difference]:
        """What the books check finds."""
        connection = await asyncpg.connect(self.world.owner_url)
        try:
            return await reconcile_ledger(connection)
        finally:
            await connection.close()
