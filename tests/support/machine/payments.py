"""The money machine's payments: deposits and withdrawals, providers and staff in any order."""

import asyncio
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import (
    initialize,
    precondition,
    rule,
)

from ledger.deposits import create_deposit, expire_deposits
from ledger.errors import Refusal
from ledger.provider_events import apply_webhook
from ledger.withdrawals import approve_withdrawal, reject_withdrawal, request_withdrawal
from tests.support.cashier import (
    deposit,
    payment,
    tomorrow,
    wallet,
    webhook,
)
from tests.support.machine.base import Machine, picks
from tests.support.world import Player

amounts = st.sampled_from([100, 100, 150, 333, 1_000])


async def nobody(connection: Any) -> None:
    """No audit entry: these acts are the test's."""


class PaymentRules(Machine):
    """Money in and money out, each step at any time, repeated, late or wrong."""

    @initialize()
    def open_the_doors(self) -> None:
        self.gaps = self.run(self.casino.pool_gaps([]))
        for brand in self.casino.brands:
            player = self.run(self.casino.world.player(brand))
            self.run(deposit(self.casino.desk, player, 500))
            self.players.append(player)

    @precondition(lambda self: len(self.players) < 6)
    @rule(pick=picks)
    def register(self, pick: int) -> None:
        brand = self.casino.brands[pick % len(self.casino.brands)]
        self.players.append(self.run(self.casino.world.player(brand)))

    @rule(pick=picks, amount=amounts)
    def open_deposit(self, pick: int, amount: int) -> None:
        row, replayed = self.run(
            create_deposit(self.casino.desk, payment(self.player(pick), amount))
        )
        assert not replayed
        self.deposits.append(row)

    @rule(pick=picks, amount=amounts)
    def pay_in(self, pick: int, amount: int) -> None:
        if pick % 3:
            return
        self.deposits.append(self.run(deposit(self.casino.desk, self.player(pick), amount)))

    @precondition(lambda self: self.deposits)
    @rule(
        pick=picks,
        event_type=st.sampled_from(
            ["deposit.completed", "deposit.completed", "deposit.failed", "deposit.reversed"]
        ),
        surplus=st.sampled_from([0, 0, 0, 1]),
    )
    def provider_speaks(self, pick: int, event_type: str, surplus: int) -> None:
        row = self.deposits[pick % len(self.deposits)]
        event = webhook(row, event_type, amount=row["amount"] + surplus)
        outcome = self.run(apply_webhook(self.casino.desk, event)).outcome
        assert surplus == 0 or outcome == "webhook_amount_mismatch"
        self.webhooks.append(event)

    @rule(pick=picks, times=st.integers(1, 3))
    def provider_repeats_itself(self, pick: int, times: int) -> None:
        if not self.webhooks:
            return
        event = self.webhooks[pick % len(self.webhooks)]

        async def at_once() -> None:
            await asyncio.gather(*(apply_webhook(self.casino.desk, event) for _ in range(times)))

        self.run(at_once())

    @precondition(lambda self: len(self.deposits) % 7 == 6)
    @rule()
    def deposits_expire(self) -> None:
        self.run(expire_deposits(self.casino.desk.pool, tomorrow()))

    @rule(pick=picks, tenths=st.integers(1, 11), freed=st.booleans())
    def withdraw(self, pick: int, tenths: int, freed: bool) -> None:
        """Some of the real money, or more than there is; ``freed`` of the deposits' wagering."""
        player = self.player(pick)
        if freed:
            self.run(self._free(player))
        held = self.run(wallet(self.casino.world, player))["real_balance"]
        request = payment(player, max(100, held * tenths // 10))
        opened = self.attempt(
            request_withdrawal(self.casino.desk, request),
            "withdrawal_not_allowed",
            "insufficient_funds",
        )
        if opened is not None:
            self.withdrawals.append(opened.row)
            again = self.run(request_withdrawal(self.casino.desk, request))
            assert again.replayed
            assert again.row["transaction_id"] == opened.row["transaction_id"]

    async def _free(self, player: Player) -> None:
        """As if everything had been wagered: what playing it off would take hours to reach."""
        await self.casino.world.owner.execute(
            "UPDATE wallet SET deposit_wagering_progress_e4 = deposit_wagering_required * 10000 "
            "WHERE operator_id = $1 AND user_id = $2",
            player.operator_id,
            player.user_id,
        )

    @rule(
        pick=picks,
        approvals=st.sampled_from([1, 2, 1, 0]),
        rejections=st.sampled_from([0, 0, 1, 2]),
    )
    def staff_decide(self, pick: int, approvals: int, rejections: int) -> None:
        """Several at once about one withdrawal: at most one decides."""
        if not self.withdrawals:
            return
        row = self.withdrawals[pick % len(self.withdrawals)]
        key = (self.casino.desk, row["operator_id"], row["transaction_id"])

        async def at_once() -> list[Any]:
            return await asyncio.gather(
                *(approve_withdrawal(*key, actor="a", witness=nobody) for _ in range(approvals)),
                *(
                    reject_withdrawal(*key, reason="test", actor="b", witness=nobody)
                    for _ in range(rejections)
                ),
                return_exceptions=True,
            )

        answers = self.run(at_once())
        refused = [answer for answer in answers if isinstance(answer, Refusal)]
        assert {r.code for r in refused} <= {"withdrawal_not_pending", "withdrawal_not_allowed"}
        assert not [a for a in answers if isinstance(a, Exception) and not isinstance(a, Refusal)]
        assert len(answers) - len(refused) <= 1
        if not all(isinstance(answer, Refusal) for answer in answers[:approvals]):
            self.approved.append(row)

    @rule(
        pick=picks,
        event_type=st.sampled_from(["payout.completed", "payout.failed"]),
        in_order=st.booleans(),
    )
    def payout_ends(self, pick: int, event_type: str, in_order: bool) -> None:
        """Of an approved withdrawal, or of any: a provider may be wrong."""
        rows = (self.approved if in_order else None) or self.withdrawals
        if not rows:
            return
        event = webhook(rows[pick % len(rows)], event_type)
        self.run(apply_webhook(self.casino.desk, event))
        self.webhooks.append(event)
