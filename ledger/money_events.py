"""What the warehouse hears of money besides bets: bonuses, free spins, jackpots, levels. Pure.

Each is a :class:`ledger.events.TransactionEvent` whose ``kind`` says what it is about:
BONUS (GRANTED, then COMPLETED, FORFEITED, EXPIRED or WAIVED; by a bet's rollback also REOPENED,
REVOKED or RETURNED), FREE_SPINS (GRANTED, EXPIRED, REVOKED), JACKPOT (WON), VIP_LEVEL (REACHED,
with the level as ``reason``) and XP (EARNED or REVOKED outside of bets, with 1/10,000 points as
``reason``; a bet's is on the bet).
"""

from datetime import datetime
from uuid import UUID

from ledger.account import PlayerState, SpinGrant
from ledger.bonus import BonusTask, ClosedTask
from ledger.decision import TaskCredit
from ledger.events import TransactionEvent, timestamp
from ledger.jackpot import Hit


def player_event(
    player: PlayerState,
    *,
    kind: str,
    status: str,
    transaction_id: UUID,
    now: datetime,
    amount: int = 0,
    event_no: int = 1,
    real_delta: int = 0,
    bonus_delta: int = 0,
    method: str = "",
    reason: str = "",
    created_at: datetime | None = None,
) -> TransactionEvent:
    """An event about ``player``, whose balances are those after it; amounts in minor units."""
    return TransactionEvent(
        operator_id=player.operator_id,
        transaction_id=transaction_id,
        event_no=event_no,
        user_id=player.user_id,
        affiliate_id=player.affiliate_id or 0,
        is_bot=int(player.is_bot),
        kind=kind,
        status=status,
        currency=player.currency,
        amount=amount,
        fee=0,
        real_delta=real_delta,
        bonus_delta=bonus_delta,
        held_delta=0,
        real_balance_after=player.real_balance,
        bonus_balance_after=player.bonus_balance,
        first_deposit=0,
        method=method,
        provider="",
        reason=reason,
        created_at=timestamp(created_at or now),
        occurred_at=timestamp(now),
    )


def bonus_granted(player: PlayerState, credit: TaskCredit, now: datetime) -> TransactionEvent:
    """A credit to a bonus task: a new bonus, or a free spin's win."""
    return player_event(
        player,
        kind="BONUS",
        status="GRANTED",
        transaction_id=credit.task.task_id,
        event_no=credit.task.event_no + 1,
        now=now,
        amount=credit.amount,
        bonus_delta=credit.amount,
        method=credit.task.kind,
        created_at=credit.task.created_at,
    )


def bonus_closed(player: PlayerState, closed: ClosedTask, now: datetime) -> TransactionEvent:
    """A bonus task's end, with what it moved."""
    task = closed.task
    return player_event(
        player,
        kind="BONUS",
        status=closed.ending,
        transaction_id=task.task_id,
        event_no=task.event_no + 1,
        now=now,
        amount=task.balance,
        real_delta=task.balance if closed.ending == "COMPLETED" else 0,
        bonus_delta=-task.balance,
        method=task.kind,
        created_at=task.created_at,
    )


def bonus_reversed(
    player: PlayerState, task: BonusTask, status: str, amount: int, bet_at: datetime
) -> TransactionEvent:
    """What the rollback of a bet did to a bonus, at the bet's own time, where it counted.

    REOPENED: a bonus that the bet had forfeited has ``amount`` again. REVOKED: ``amount`` that the
    bet had credited was taken out. ``task.event_no`` counts this event already.
    """
    return player_event(
        player,
        kind="BONUS",
        status=status,
        transaction_id=task.task_id,
        event_no=task.event_no,
        now=bet_at,
        amount=amount,
        bonus_delta=amount if status == "REOPENED" else -amount,
        method=task.kind,
        created_at=task.created_at,
    )


def bonus_returned(
    player: PlayerState, bet_id: UUID, amount: int, bet_at: datetime
) -> TransactionEvent:
    """A rolled-back bet's share of bonuses that have ended since: ``amount`` of it, negative for a
    win that was played away, is the operator's again and no cost of bonuses any more."""
    return player_event(
        player,
        kind="BONUS",
        status="RETURNED",
        transaction_id=bet_id,
        now=bet_at,
        amount=amount,
        method="ROLLBACK",
    )


def spins_event(
    player: PlayerState, grant: SpinGrant, status: str, now: datetime
) -> TransactionEvent:
    """Free spins granted, or ended unused; ``reason`` tells how many and why."""
    return player_event(
        player,
        kind="FREE_SPINS",
        status=status,
        transaction_id=grant.grant_id,
        event_no=1 if status == "GRANTED" else 2,
        now=now,
        amount=grant.stake,
        method=grant.source,
        reason=f"{grant.count - grant.used} spins",
        created_at=grant.created_at,
    )


def jackpot_won(
    player: PlayerState, hit: Hit, event_id: UUID, pool_name: str, now: datetime
) -> TransactionEvent:
    """A jackpot paid to the player, in real money."""
    return player_event(
        player,
        kind="JACKPOT",
        status="WON",
        transaction_id=event_id,
        now=now,
        amount=hit.amount,
        real_delta=hit.amount,
        method=pool_name,
        reason=f"cycle {hit.cycle_no}",
    )


def level_reached(player: PlayerState, event_id: UUID, now: datetime) -> TransactionEvent:
    """A VIP level reached."""
    return player_event(
        player,
        kind="VIP_LEVEL",
        status="REACHED",
        transaction_id=event_id,
        now=now,
        reason=str(player.vip_level),
    )


def experience_moved(
    player: PlayerState, xp: int, event_id: UUID, source: str, now: datetime
) -> TransactionEvent:
    """Experience earned by something that is no bet, or with a negative ``xp`` taken back."""
    return player_event(
        player,
        kind="XP",
        status="EARNED" if xp > 0 else "REVOKED",
        transaction_id=event_id,
        now=now,
        method=source,
        reason=str(xp),
    )
