"""JSON of what an operator declares about payments, and of its settlement balance.

Amounts are minor units of the operator's currency.
"""

from typing import Annotated, Literal

import msgspec

from api.schemas.fields import Amount, BasisPoints, Name
from ledger.offers import Offer
from ledger.payment_terms import PaymentMethod

Method = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]{0,31}\Z", examples=["card"])]
Count = Annotated[int, msgspec.Meta(ge=0, le=1_000)]


class MethodForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A payment method; the fee is the provider's, charged to the operator."""

    method: Method
    provider: Literal["mock"] = "mock"
    enabled: bool = True
    min_amount: Amount = 100
    max_amount: Amount = 100_000_000
    fee_bps: BasisPoints = 0


class MethodsForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Every method of the operator; one that is not listed is switched off."""

    items: Annotated[list[MethodForm], msgspec.Meta(min_length=1, max_length=50)]


class MethodsView(msgspec.Struct, frozen=True):
    """The methods in force, the disabled ones too."""

    items: list[PaymentMethod]


class LimitsForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much a player may pay in and out within any hour and any day."""

    deposit_hour: Amount
    deposit_day: Amount
    withdrawal_hour: Amount
    withdrawal_day: Amount


class OfferForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A deposit offer, known by its name: a match bonus, free spins, or both."""

    name: Name
    min_amount: Amount
    first_deposit_only: bool = False
    match_bps: Annotated[int, msgspec.Meta(ge=0, le=100_000)] = 0
    max_bonus: Annotated[int, msgspec.Meta(ge=0, le=10**15)] = 0
    free_spins: Count = 0
    free_spin_game_id: Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)] | None = None
    free_spin_stake: Amount | None = None
    active: bool = True


class OffersForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Every offer of the operator; one that is not listed is withdrawn."""

    items: Annotated[list[OfferForm], msgspec.Meta(max_length=100)]


class OffersView(msgspec.Struct, frozen=True):
    """The operator's offers, the withdrawn ones too."""

    items: list[Offer]


class BalanceView(msgspec.Struct, frozen=True, kw_only=True):
    """Where the operator's money stands.

    ``cash_held`` is what providers brought less what they took; ``owed_to_players`` the real money
    in wallets and on hold; ``own_funds`` what would be left if every player withdrew it. Fees are
    the providers' and not deducted.
    """

    operator_id: int
    currency: str
    cash_held: int
    received: int
    returned: int
    owed_to_players: int
    held_for_withdrawals: int
    bonus_balances: int
    players_debt: int
    own_funds: int
    fees: int
