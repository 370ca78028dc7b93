"""What an operator declares about payments: methods, limits, offers; read and declared.

Everything runs in the caller's tenant transaction.
"""

from collections.abc import Sequence

import msgspec

from ledger.database import Connection
from ledger.errors import Refusal
from ledger.named_sql import named_queries
from ledger.offers import Offer
from ledger.payment_terms import DEFAULT_METHODS, PaymentMethod, VelocityLimits

SQL = named_queries("payments.sql")


class SettlementBalance(msgspec.Struct, frozen=True, kw_only=True):
    """An operator's money in minor units of ``currency``.

    ``cash_held`` is ``received`` less ``returned`` through providers; balances are its players'.
    """

    currency: str
    cash_held: int
    received: int
    returned: int
    real_balance: int
    held_balance: int
    bonus_balance: int
    debt: int
    fees: int


async def read_methods(connection: Connection, operator_id: int) -> tuple[PaymentMethod, ...]:
    """The operator's payment methods; the defaults if it has declared none."""
    rows = await connection.fetch(SQL["payment_methods"], operator_id)
    return tuple(PaymentMethod(**row) for row in rows) or DEFAULT_METHODS


async def declare_methods(
    connection: Connection, operator_id: int, methods: Sequence[PaymentMethod]
) -> tuple[PaymentMethod, ...]:
    """Replace the operator's methods; one that is not listed is switched off.

    Raises :class:`Refusal` ``payment_method_invalid``.
    """
    names = [method.method for method in methods]
    if len(set(names)) < len(names):
        raise Refusal("payment_method_invalid", "A method is listed twice.")
    if any(method.min_amount > method.max_amount for method in methods):
        raise Refusal("payment_method_invalid", "min_amount is above max_amount.")
    for method in methods:
        await connection.execute(
            SQL["put_method"],
            operator_id,
            method.method,
            method.provider,
            method.enabled,
            method.min_amount,
            method.max_amount,
            method.fee_bps,
        )
    await connection.execute(SQL["disable_other_methods"], operator_id, names)
    return await read_methods(connection, operator_id)


async def read_limits(connection: Connection, operator_id: int) -> VelocityLimits:
    """The operator's velocity limits; the defaults if it has declared none."""
    row = await connection.fetchrow(SQL["payment_limits"], operator_id)
    return VelocityLimits(**row) if row else VelocityLimits()


async def declare_limits(
    connection: Connection, operator_id: int, limits: VelocityLimits
) -> VelocityLimits:
    """Set the operator's velocity limits. Raises :class:`Refusal` ``payment_limit_invalid``."""
    if limits.deposit_hour > limits.deposit_day or limits.withdrawal_hour > limits.withdrawal_day:
        raise Refusal("payment_limit_invalid", "An hour's limit is above the day's.")
    await connection.execute(SQL["put_limits"], operator_id, *msgspec.structs.astuple(limits))
    return limits


async def read_offers(connection: Connection, operator_id: int) -> list[Offer]:
    """The operator's deposit offers, oldest first, the withdrawn ones too."""
    return [Offer(**row) for row in await connection.fetch(SQL["deposit_offers"], operator_id)]


async def declare_offers(
    connection: Connection, operator_id: int, offers: Sequence[Offer]
) -> list[Offer]:
    """Replace the operator's offers by name; one that is not listed is withdrawn.

    The ``offer_id`` of the given ones does not count. Raises :class:`Refusal` ``offer_invalid``,
    ``game_not_found``, ``wager_step_mismatch`` or ``limit_exceeded``.
    """
    names = [offer.name for offer in offers]
    if len(set(names)) < len(names):
        raise Refusal("offer_invalid", "An offer is listed twice.")
    for offer in offers:
        await _check_offer(connection, operator_id, offer)
        await connection.execute(
            SQL["put_offer"],
            operator_id,
            offer.name,
            offer.first_deposit_only,
            offer.min_amount,
            offer.match_bps,
            offer.max_bonus,
            offer.free_spins,
            offer.free_spin_game_id,
            offer.free_spin_stake,
            offer.active,
        )
    await connection.execute(SQL["withdraw_other_offers"], operator_id, names)
    return await read_offers(connection, operator_id)


async def _check_offer(connection: Connection, operator_id: int, offer: Offer) -> None:
    """An offer grants something, its bonus has a cap, its free spins can be played."""
    if not offer.match_bps and not offer.free_spins:
        raise Refusal("offer_invalid", "An offer grants a match bonus, free spins or both.")
    if bool(offer.match_bps) != bool(offer.max_bonus):
        raise Refusal("offer_invalid", "A match bonus needs match_bps and max_bonus.")
    if not offer.free_spins:
        return
    if offer.free_spin_game_id is None or offer.free_spin_stake is None:
        raise Refusal("offer_invalid", "Free spins need free_spin_game_id and free_spin_stake.")
    game = await connection.fetchrow(SQL["playable_game"], operator_id, offer.free_spin_game_id)
    if game is None:
        raise Refusal("game_not_found", "You offer no such game, or it takes no bonus play.")
    if offer.free_spin_stake % game["wager_step"]:
        raise Refusal("wager_step_mismatch", f"Stakes are multiples of {game['wager_step']}.")
    if not game["min_wager"] <= offer.free_spin_stake <= game["max_wager"]:
        raise Refusal("limit_exceeded", "The stake is outside the game's limits.", limit="wager")


async def read_balance(connection: Connection, operator_id: int) -> SettlementBalance:
    """The operator's settlement balance as of now."""
    row = await connection.fetchrow(SQL["settlement_balance"], operator_id)
    assert row is not None  # noqa: S101 - an operator has always a row
    return SettlementBalance(**row)
