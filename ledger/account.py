"""A player's accounts: their state, and the book that moves money between them. Pure.

Every rule that moves a player's money does it through :class:`Book`, which keeps the balances and
writes the journal's legs in one step, so that neither can say something the other does not.
Amounts are integer minor units of the wallet's currency, ``*_e4`` counts 1/10,000 of one.
"""

from datetime import datetime
from uuid import UUID

import msgspec

from ledger.bonus import ClosedTask, Requirements

E4 = 10_000


class SpinGrant(msgspec.Struct, frozen=True, kw_only=True):
    """Free spins on one game at a fixed ``stake``; ``task_id`` once a spin has won something."""

    grant_id: UUID
    game_id: int
    stake: int
    count: int
    used: int
    source: str
    source_key: str
    expires_at: datetime
    created_at: datetime
    task_id: UUID | None = None


class PlayerState(msgspec.Struct, frozen=True, kw_only=True):
    """A player and wallet as a rule finds them; the wallet row is locked while this is used.

    ``bonus_policy_version`` is the policy that open bonuses are under, None without any.
    ``vip_experience`` counts 1/10,000 of a point.
    """

    operator_id: int
    user_id: UUID
    status: str
    excluded_until: datetime | None
    currency: str
    real_balance: int
    held_balance: int
    debt: int
    deposit_wagering_required: int
    deposit_wagering_progress_e4: int
    bonus: Requirements
    bonus_policy_version: int | None
    grants: tuple[SpinGrant, ...]
    vip_experience: int
    vip_level: int
    is_bot: bool
    affiliate_id: int | None
    seed_id: UUID
    nonce: int

    @property
    def bonus_balance(self) -> int:
        """The sum of the open bonus tasks' balances."""
        return self.bonus.balance

    @property
    def liability(self) -> int:
        """What the operator owes the player, in minor units: real, bonus and held money."""
        return self.real_balance + self.bonus_balance + self.held_balance

    def bonus_wagering(self) -> tuple[int, int]:
        """What must be wagered for bonuses in all, and what of it is done (1/10,000)."""
        if self.bonus.pooled_required:
            return self.bonus.pooled_required, self.bonus.pooled_progress_e4
        return (
            sum(task.required for task in self.bonus.tasks),
            sum(task.progress_e4 for task in self.bonus.tasks),
        )


class Leg(msgspec.Struct, frozen=True):
    """One leg of a journal; ``balance_after`` only for the player's own accounts."""

    account: str
    amount: int
    balance_after: int | None = None


class Book:
    """A player's balances while one decision is made, and the legs of its journal.

    The bonus balance moves by the caller's tasks; the book only mirrors their sum.
    """

    def __init__(self, player: PlayerState) -> None:
        self.real = player.real_balance
        self.bonus = player.bonus_balance
        self.held = player.held_balance
        self.debt = player.debt
        self.legs: list[Leg] = []

    def move_real(self, amount: int, against: str) -> None:
        """Add ``amount`` (negative: take) to the real balance, opposite account ``against``."""
        if amount:
            self.real += amount
            self.legs += (Leg("player_real", amount, self.real), Leg(against, -amount))

    def move_bonus(self, amount: int, against: str) -> None:
        """Add ``amount`` (negative: take) to the bonus balance, opposite account ``against``."""
        if amount:
            self.bonus += amount
            self.legs += (Leg("player_bonus", amount, self.bonus), Leg(against, -amount))

    def convert_bonus(self, amount: int) -> None:
        """Turn bonus into real money."""
        if amount:
            self.bonus -= amount
            self.real += amount
            self.legs += (
                Leg("player_bonus", -amount, self.bonus),
                Leg("player_real", amount, self.real),
            )

    def hold(self, amount: int) -> None:
        """Put real money aside for a withdrawal; negative gives it back."""
        self.real -= amount
        self.held += amount
        self.legs += (
            Leg("player_real", -amount, self.real),
            Leg("player_held", amount, self.held),
        )

    def pay_out(self, amount: int) -> None:
        """Held money leaves by the payment provider."""
        self.held -= amount
        self.legs += (
            Leg("player_held", -amount, self.held),
            Leg("operator_settlement", amount),
        )

    def owe(self, amount: int, against: str) -> None:
        """Record what the player owes because it could not be taken from the balance."""
        if amount:
            self.debt += amount
            self.legs += (Leg("player_debt", -amount, -self.debt), Leg(against, amount))

    def repay_debt(self, at_most: int) -> None:
        """Pay debt out of money that has just come in; ``at_most`` is that money."""
        amount = min(self.debt, at_most, self.real)
        if amount > 0:
            self.real -= amount
            self.debt -= amount
            self.legs += (
                Leg("player_real", -amount, self.real),
                Leg("player_debt", amount, -self.debt),
            )

    def close_task(self, closed: ClosedTask) -> None:
        """Book a bonus's end: completed becomes real money, anything else is the operator's."""
        if closed.ending == "COMPLETED":
            self.convert_bonus(closed.task.balance)
        else:
            self.move_bonus(-closed.task.balance, "operator_bonus")
