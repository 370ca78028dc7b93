"""A deposit credited, and a deposit taken back: pure rules on the player's state. RULES §7.

Amounts are integer minor units, experience counts 1/10,000 of a point.
"""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from ledger.account import Book, PlayerState, SpinGrant
from ledger.bonus import ClosedTask, end_tasks
from ledger.decision import TaskCredit
from ledger.grants import credit_bonus
from ledger.offers import Offer, earned_offers
from ledger.payments import deposit_requirement
from ledger.settle_bet import FREE_SPIN_LIFETIME, level_up
from ledger.terms import OperatorTerms, Surroundings
from ledger.vip import deposit_xp


class DepositDetail(msgspec.Struct, frozen=True):
    """What a completed deposit brought besides its money, so that a reversal can take it back."""

    xp: int = 0
    bonus: int = 0
    offers: list[str] = []
    grants: list[UUID] = []


class Credited(msgspec.Struct, frozen=True):
    """A completed deposit's consequences; ``book`` holds the journal's legs."""

    after: PlayerState
    book: Book
    detail: DepositDetail
    credits: tuple[TaskCredit, ...]
    new_grants: tuple[SpinGrant, ...]


class Reversed(msgspec.Struct, frozen=True):
    """A charged-back deposit's consequences: bonuses forfeited, free spins revoked."""

    after: PlayerState
    book: Book
    owed: int
    closed: tuple[ClosedTask, ...]
    revoked: tuple[SpinGrant, ...]


def credit_deposit(
    player: PlayerState,
    operator: OperatorTerms,
    amount: int,
    transaction_id: UUID,
    offers: Sequence[Offer],
    around: Surroundings,
    *,
    first_deposit: bool,
) -> Credited:
    """Credit a paid deposit: debt first, then requirement, experience, level and offers.

    All of the amount must be wagered, also the part that repaid debt. A player who may not play
    gets the money, which is theirs, and no offers.
    """
    book = Book(player)
    book.move_real(amount, "operator_settlement")
    book.repay_debt(amount)
    required, progress_e4 = deposit_requirement(
        player.deposit_wagering_required, player.deposit_wagering_progress_e4, amount
    )
    xp = deposit_xp(amount, operator.xp_minor_units_per_point, operator.deposit_xp_bps)
    level, level_grants = level_up(player, operator, player.vip_experience + xp, around)
    credited = msgspec.structs.replace(
        player,
        real_balance=book.real,
        debt=book.debt,
        deposit_wagering_required=required,
        deposit_wagering_progress_e4=progress_e4,
        vip_experience=player.vip_experience + xp,
        vip_level=level,
    )
    earned = earned_offers(
        offers if _may_play(player, around) else (), amount, first_deposit=first_deposit
    )
    after, credits = credited, ()
    if earned.bonus:
        after, credit = credit_bonus(
            credited,
            operator,
            book,
            amount=earned.bonus,
            kind="DEPOSIT",
            source_id=transaction_id,
            now=around.now,
        )
        credits = (credit,)
    offer_grants = _offer_spins(operator, earned.spin_offers, transaction_id, around)
    new_grants = level_grants + offer_grants
    names = [earned.bonus_offer.name] if earned.bonus_offer else []
    names += [offer.name for offer in earned.spin_offers if offer is not earned.bonus_offer]
    return Credited(
        after=msgspec.structs.replace(after, grants=player.grants + new_grants),
        book=book,
        detail=DepositDetail(
            xp=xp,
            bonus=earned.bonus,
            offers=names,
            grants=[grant.grant_id for grant in new_grants],
        ),
        credits=credits,
        new_grants=new_grants,
    )


def reverse_deposit(
    player: PlayerState,
    operator: OperatorTerms,
    amount: int,
    transaction_id: UUID,
    detail: DepositDetail,
) -> Reversed:
    """Take a charged-back deposit back: from real money, what is missing becomes debt.

    Open bonuses that it brought (its match bonus, wins of its free spins) are forfeited, its
    unused free spins revoked and its experience taken back; a level once reached is kept. Money
    held for a withdrawal is left where it is: staff decide on that with the flag before them. What
    must be wagered stays as it is.
    """
    book = Book(player)
    brought = set(detail.grants)
    ended = [
        task.task_id
        for task in player.bonus.tasks
        if task.source_id == transaction_id or task.grant_id in brought
    ]
    policy = operator.policy_of(player)
    requirements, closed = end_tasks(policy, player.bonus, ended, "FORFEITED")
    for task in closed:
        book.close_task(task)
    taken = min(book.real, amount)
    book.move_real(-taken, "operator_settlement")
    book.owe(amount - taken, "operator_settlement")
    return Reversed(
        after=msgspec.structs.replace(
            player,
            real_balance=book.real,
            debt=book.debt,
            bonus=requirements,
            grants=tuple(grant for grant in player.grants if grant.grant_id not in brought),
            vip_experience=max(0, player.vip_experience - detail.xp),
        ),
        book=book,
        owed=amount - taken,
        closed=closed,
        revoked=tuple(grant for grant in player.grants if grant.grant_id in brought),
    )


def _may_play(player: PlayerState, around: Surroundings) -> bool:
    excluded = player.excluded_until is not None and player.excluded_until > around.now
    return player.status == "ACTIVE" and not excluded


def _offer_spins(
    operator: OperatorTerms,
    offers: Sequence[Offer],
    transaction_id: UUID,
    around: Surroundings,
) -> tuple[SpinGrant, ...]:
    """Each offer's free spins; a game that is no longer offered would make them worthless."""
    return tuple(
        SpinGrant(
            grant_id=around.new_id(),
            game_id=offer.free_spin_game_id,
            stake=offer.free_spin_stake,
            count=offer.free_spins,
            used=0,
            source="deposit_offer",
            source_key=f"{transaction_id}:{offer.offer_id}",
            expires_at=around.now + FREE_SPIN_LIFETIME,
            created_at=around.now,
        )
        for offer in offers
        if offer.free_spin_game_id in operator.games
        and operator.games[offer.free_spin_game_id].offered
        and offer.free_spin_stake is not None
    )
