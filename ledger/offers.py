"""Deposit offers: which of an operator's offers a deposit earns. Pure; RULES §7.

Every offer whose terms the deposit meets applies. Free spins add up: each offer grants its own. A
match bonus is granted once a deposit, and it is the one worth most to the player; of equal ones,
the first-deposit offer, then the older.
"""

from collections.abc import Sequence

import msgspec

E4 = 10_000


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """An offer's terms, in minor units: from ``min_amount`` the deposit is matched with
    ``match_bps`` of it, at most ``max_bonus``, and ``free_spins`` are granted."""

    offer_id: int
    name: str
    first_deposit_only: bool = False
    min_amount: int
    match_bps: int = 0
    max_bonus: int = 0
    free_spins: int = 0
    free_spin_game_id: int | None = None
    free_spin_stake: int | None = None
    active: bool = True

    def applies(self, amount: int, *, first_deposit: bool) -> bool:
        """Whether a deposit of ``amount`` meets the terms."""
        return (
            self.active
            and amount >= self.min_amount
            and (first_deposit or not self.first_deposit_only)
        )

    def bonus(self, amount: int) -> int:
        """The match bonus for a deposit of ``amount``: rounded down, capped.

        >>> Offer(offer_id=1, name="half", min_amount=100, match_bps=5_000, max_bonus=800
        ...       ).bonus(1_001)
        500
        """
        return min(amount * self.match_bps // E4, self.max_bonus)


class Earned(msgspec.Struct, frozen=True):
    """What a deposit earns: one match bonus at most (0: none), and the offers with free spins."""

    bonus: int = 0
    bonus_offer: Offer | None = None
    spin_offers: tuple[Offer, ...] = ()


def earned_offers(offers: Sequence[Offer], amount: int, *, first_deposit: bool) -> Earned:
    """What a deposit of ``amount`` minor units earns; without offers, nothing."""
    applying = [offer for offer in offers if offer.applies(amount, first_deposit=first_deposit)]
    matching = [offer for offer in applying if offer.bonus(amount) > 0]
    best = max(
        matching,
        key=lambda offer: (offer.bonus(amount), offer.first_deposit_only, -offer.offer_id),
        default=None,
    )
    return Earned(
        bonus=best.bonus(amount) if best else 0,
        bonus_offer=best,
        spin_offers=tuple(offer for offer in applying if offer.free_spins),
    )
