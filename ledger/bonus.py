"""Bonus tasks: how they fund bets, share wins, advance, convert, bust and end. Pure; RULES §3.

A task is one bonus with its own balance and requirement. A policy is declared data: its switches
choose between the rules below and nothing else in the ledger asks for a policy by name. Amounts
are integer minor units, ``*_e4`` counts 1/10,000 of one.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from ledger.errors import Refusal

E4 = 10_000
Ending = Literal["COMPLETED", "FORFEITED", "EXPIRED", "WAIVED"]


class BonusPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """An operator's bonus policy in one version; ``max_bet`` and ``min_bet`` in minor units."""

    name: str
    version: int = 1
    funding: Literal["single", "mixed"]
    wagering_source: Literal["bonus_bets", "all_bets"]
    requirement: Literal["per_task", "pooled"]
    bust: Literal["clears_requirement", "keeps_requirement"]
    multiplier: int
    max_bet: int
    min_bet: int
    expiry_days: int
    bonus_xp_rate_bps: int = 5_000


STRICT = BonusPolicy(
    name="strict",
    funding="single",
    wagering_source="bonus_bets",
    requirement="per_task",
    bust="clears_requirement",
    multiplier=10,
    max_bet=500,
    min_bet=10,
    expiry_days=30,
)
MIXED = BonusPolicy(
    name="mixed",
    funding="mixed",
    wagering_source="all_bets",
    requirement="pooled",
    bust="keeps_requirement",
    multiplier=30,
    max_bet=500,
    min_bet=1,
    expiry_days=30,
)


def check_policy(policy: BonusPolicy, jurisdiction: str, multiplier_cap: int | None) -> None:
    """Refuse a policy that contradicts itself or its jurisdiction.

    Raises :class:`Refusal` ``policy_invalid`` or ``policy_above_cap`` (for example above 10 for
    GB: Gambling Commission, social responsibility code 5.1.1 as of 19 January 2026).
    """
    if min(policy.multiplier, policy.max_bet, policy.min_bet, policy.expiry_days) < 1:
        raise Refusal("policy_invalid", "multiplier, max_bet, min_bet, expiry_days are at least 1.")
    if policy.min_bet > policy.max_bet:
        raise Refusal("policy_invalid", "min_bet is above max_bet.")
    if not 0 <= policy.bonus_xp_rate_bps <= E4:
        raise Refusal("policy_invalid", "bonus_xp_rate_bps is from 0 to 10000.")
    if policy.bust == "keeps_requirement" and policy.requirement == "per_task":
        raise Refusal("policy_invalid", "A requirement that outlives its bonus must be pooled.")
    if multiplier_cap is not None and policy.multiplier > multiplier_cap:
        raise Refusal(
            "policy_above_cap",
            f"In {jurisdiction} a bonus is wagered at most {multiplier_cap} times.",
            jurisdiction=jurisdiction,
            multiplier_cap=multiplier_cap,
        )


class BonusTask(msgspec.Struct, frozen=True, kw_only=True):
    """An open bonus. ``game_id`` restricts it to one game; ``spins_left`` of its free spins.

    Under a pooled requirement ``required`` and ``progress_e4`` stay 0: the wallet has the pool.
    ``event_no`` counts what has been told of the task; ``source_id`` is what granted it.
    """

    task_id: UUID
    kind: str
    granted: int
    balance: int
    required: int
    progress_e4: int
    game_id: int | None
    policy_version: int
    source_id: UUID
    created_at: datetime
    expires_at: datetime
    grant_id: UUID | None = None
    spins_left: int = 0
    event_no: int = 0


class Share(msgspec.Struct, frozen=True):
    """A part of a wager or win: ``task_id`` None for the real part."""

    task_id: UUID | None
    wager: int
    win: int = 0


class ClosedTask(msgspec.Struct, frozen=True):
    """A task's end: what remained of it, and how it ended."""

    task: BonusTask
    ending: Ending


class Requirements(msgspec.Struct, frozen=True):
    """A player's open tasks (oldest first) and the pooled requirement, before or after a rule."""

    tasks: tuple[BonusTask, ...]
    pooled_required: int
    pooled_progress_e4: int

    @property
    def balance(self) -> int:
        """The bonus balance: by definition the sum of the open tasks' balances."""
        return sum(task.balance for task in self.tasks)

    @property
    def idle(self) -> bool:
        """Whether there is no bonus and no requirement, as for most bets: nothing to advance."""
        return not self.tasks and not self.pooled_required

    @property
    def outstanding(self) -> bool:
        """Whether a bonus requirement keeps real money from being withdrawn."""
        return bool(self.tasks) or self.pooled_progress_e4 < self.pooled_required * E4


def fund(
    policy: BonusPolicy,
    real_balance: int,
    tasks: Sequence[BonusTask],
    wager: int,
    *,
    game_id: int,
    game_takes_bonus: bool,
) -> tuple[Share, ...]:
    """Who pays the wager: real first, then bonus, oldest task first.

    Raises :class:`Refusal` ``insufficient_funds``.
    """
    if real_balance >= wager:
        return (Share(None, wager),)
    usable = [
        task
        for task in tasks
        if game_takes_bonus and task.balance > 0 and task.game_id in (None, game_id)
    ]
    if policy.funding == "single":
        for task in usable:
            if task.balance >= wager:
                return (Share(task.task_id, wager),)
        shares: list[Share] = []
    else:
        shares = [Share(None, real_balance)] if real_balance else []
    missing = wager - sum(share.wager for share in shares)
    for task in usable:
        part = min(task.balance, missing)
        if part:
            shares.append(Share(task.task_id, part))
            missing -= part
    if missing:
        raise Refusal(
            "insufficient_funds",
            "The balance does not cover the wager.",
            real_balance=real_balance,
            bonus_balance=sum(task.balance for task in tasks),
        )
    return tuple(shares)


def share_win(shares: Sequence[Share], win: int) -> tuple[Share, ...]:
    """Give the win to what funded the bet, each share rounded down, the remainder to the first.

    The first share is the real one if real money took part, else the oldest task's (RULES §2.6).

    >>> a, b = UUID(int=1), UUID(int=2)
    >>> [s.win for s in share_win([Share(None, 1), Share(a, 1), Share(b, 1)], 200)]
    [68, 66, 66]
    """
    if len(shares) == 1:
        return (Share(shares[0].task_id, shares[0].wager, win),)
    wager = sum(share.wager for share in shares)
    wins = [win * share.wager // wager for share in shares]
    wins[0] += win - sum(wins)
    return tuple(
        Share(share.task_id, share.wager, won) for share, won in zip(shares, wins, strict=True)
    )


def apply_bet(
    policy: BonusPolicy, before: Requirements, shares: Sequence[Share], contribution_bps: int
) -> Requirements:
    """Balances and progress after a funded and paid bet, before conversion and bust.

    ``contribution_bps`` of the wager count towards requirements, under every policy.
    """
    if before.idle:
        return before
    by_task = {share.task_id: share for share in shares if share.task_id is not None}
    real_wager = sum(share.wager for share in shares if share.task_id is None)
    counted = sum(share.wager for share in by_task.values())
    if policy.wagering_source == "all_bets":
        counted += real_wager
    tasks = [_paid(task, by_task.get(task.task_id)) for task in before.tasks]
    if policy.requirement == "pooled":
        progress = before.pooled_progress_e4 + counted * contribution_bps
        return Requirements(
            tuple(tasks),
            before.pooled_required,
            min(progress, before.pooled_required * E4),
        )
    tasks = [
        _advanced(t, by_task[t.task_id].wager * contribution_bps) if t.task_id in by_task else t
        for t in tasks
    ]
    if policy.wagering_source == "all_bets":
        tasks = _advance_oldest(tasks, real_wager * contribution_bps)
    return Requirements(tuple(tasks), before.pooled_required, before.pooled_progress_e4)


def _paid(task: BonusTask, share: Share | None) -> BonusTask:
    if share is None:
        return task
    return msgspec.structs.replace(task, balance=task.balance - share.wager + share.win)


def _advanced(task: BonusTask, by_e4: int) -> BonusTask:
    progress = min(task.progress_e4 + by_e4, task.required * E4)
    return msgspec.structs.replace(task, progress_e4=progress)


def _advance_oldest(tasks: Sequence[BonusTask], by_e4: int) -> list[BonusTask]:
    """Real wagers advance the oldest open task first and spill over to the next."""
    advanced = []
    for task in tasks:
        after = _advanced(task, by_e4)
        by_e4 -= after.progress_e4 - task.progress_e4
        advanced.append(after)
    return advanced


def convert_and_bust(
    policy: BonusPolicy, before: Requirements
) -> tuple[Requirements, tuple[ClosedTask, ...]]:
    """End what the bet has finished: requirements that are met, bonuses too small to bet.

    A completed task's balance becomes real money; a forfeited one's dust goes to the operator.
    """
    if before.idle:
        return before, ()
    if policy.requirement == "pooled":
        return _end_pooled(policy, before)
    open_tasks, closed = [], []
    for task in before.tasks:
        if task.spins_left == 0 and task.progress_e4 >= task.required * E4:
            closed.append(ClosedTask(task, "COMPLETED"))
        elif task.spins_left == 0 and task.balance < policy.min_bet:
            closed.append(ClosedTask(task, "FORFEITED"))
        else:
            open_tasks.append(task)
    after = Requirements(tuple(open_tasks), before.pooled_required, before.pooled_progress_e4)
    return after, tuple(closed)


def _end_pooled(
    policy: BonusPolicy, before: Requirements
) -> tuple[Requirements, tuple[ClosedTask, ...]]:
    required, progress = before.pooled_required, before.pooled_progress_e4
    if required and progress >= required * E4:
        closed = tuple(ClosedTask(task, "COMPLETED") for task in before.tasks)
        return Requirements((), 0, 0), closed
    spins_pending = any(task.spins_left for task in before.tasks)
    if before.tasks and not spins_pending and before.balance < policy.min_bet:
        closed = tuple(ClosedTask(task, "FORFEITED") for task in before.tasks)
        if policy.bust == "clears_requirement":
            required, progress = 0, 0
        return Requirements((), required, progress), closed
    return before, ()


def add_bonus(
    policy: BonusPolicy, before: Requirements, task: BonusTask, amount: int
) -> Requirements:
    """Credit ``amount`` to ``task`` (new, or open already) with its wagering requirement.

    Per task the task must be wagered amount x N; pooled, amount x N is added to what remains.
    """
    requirement = amount * policy.multiplier
    pooled = policy.requirement == "pooled"
    grown = msgspec.structs.replace(
        task,
        granted=task.granted + amount,
        balance=task.balance + amount,
        required=task.required + (0 if pooled else requirement),
        event_no=task.event_no + 1,
    )
    known = any(other.task_id == task.task_id for other in before.tasks)
    tasks = (
        tuple(grown if other.task_id == task.task_id else other for other in before.tasks)
        if known
        else (*before.tasks, grown)
    )
    if not pooled:
        return Requirements(tasks, before.pooled_required, before.pooled_progress_e4)
    required, progress = before.pooled_required, before.pooled_progress_e4
    if progress >= required * E4:  # a requirement that was met starts anew
        required, progress = 0, 0
    return Requirements(tasks, required + requirement, progress)


def end_tasks(
    policy: BonusPolicy, before: Requirements, ended: Sequence[UUID], ending: Ending
) -> tuple[Requirements, tuple[ClosedTask, ...]]:
    """Expire or waive tasks. When no task is left, a pooled requirement is cleared (RULES §3)."""
    closed = tuple(ClosedTask(t, ending) for t in before.tasks if t.task_id in ended)
    tasks = tuple(task for task in before.tasks if task.task_id not in ended)
    if closed and not tasks and policy.requirement == "pooled":
        return Requirements((), 0, 0), closed
    return Requirements(tasks, before.pooled_required, before.pooled_progress_e4), closed


def expire_tasks(
    policy: BonusPolicy, before: Requirements, now: datetime
) -> tuple[Requirements, tuple[ClosedTask, ...]]:
    """End the bonuses whose time is over, also where the sweep has not come around to them yet."""
    over = [task.task_id for task in before.tasks if task.expires_at <= now]
    return end_tasks(policy, before, over, "EXPIRED") if over else (before, ())
