"""Free spins: a granted stake costs nothing, its wins become one bonus task. Pure; RULES §4."""

from datetime import datetime, timedelta

import msgspec

from ledger.account import Book, PlayerState, SpinGrant
from ledger.bonus import (
    BonusPolicy,
    BonusTask,
    Requirements,
    add_bonus,
    convert_and_bust,
    expire_tasks,
)
from ledger.decision import Decision, TaskCredit
from ledger.errors import Refusal
from ledger.terms import GameTerms, OperatorTerms, Surroundings


def settle_free_spin(
    player: PlayerState, operator: OperatorTerms, game: GameTerms, drawn: int, around: Surroundings
) -> Decision:
    """Play the oldest free spin granted for this game; its win goes to the grant's bonus task.

    It costs nothing, feeds no pool, earns no XP and advances no requirement (RULES §4). Raises
    :class:`Refusal` ``no_free_spins``.
    """
    grant = spendable_grant(player, game.game_id, around.now)
    policy = operator.policy_of(player)
    multiplier = game.paytable.multiplier_at(drawn)
    win = grant.stake * multiplier // 100
    used = msgspec.structs.replace(grant, used=grant.used + 1)
    requirements, expired = expire_tasks(policy, player.bonus, around.now)
    task = _open_task(requirements, grant)
    credits = ()
    if win:
        task = task or _new_task(grant, policy, around)
        task = msgspec.structs.replace(task, spins_left=used.count - used.used)
        used = msgspec.structs.replace(used, task_id=task.task_id)
        credits = (TaskCredit(task, win),)
        requirements = add_bonus(policy, requirements, task, win)
    elif task is not None:
        requirements = _count_spin(requirements, task, used)
    requirements, ended = convert_and_bust(policy, requirements)
    closed = expired + ended
    book = Book(player)
    book.move_bonus(win, "operator_bonus")
    for over in closed:
        book.close_task(over)
    return Decision(
        bet_type="FREE_SPIN",
        wager=0,
        wager_real=0,
        wager_bonus=0,
        win=0,
        win_real=0,
        win_bonus=0,
        multiplier_hundredths=multiplier,
        ggr=0,
        theoretical_ggr_e4=0,
        policy=policy,
        after=msgspec.structs.replace(
            player,
            real_balance=book.real,
            bonus=requirements,
            bonus_policy_version=policy.version if credits else player.bonus_policy_version,
            grants=tuple(used if g.grant_id == used.grant_id else g for g in player.grants),
            nonce=player.nonce + 1,
        ),
        legs=tuple(book.legs),
        closed=closed,
        credits=credits,
        free_spin_stake=grant.stake,
        free_spin_win=win,
        grant_id=grant.grant_id,
    )


def spendable_grant(player: PlayerState, game_id: int, now: datetime) -> SpinGrant:
    """The oldest grant with a spin left on this game. Raises ``Refusal`` ``no_free_spins``."""
    for grant in player.grants:
        if grant.game_id == game_id and grant.used < grant.count and grant.expires_at > now:
            return grant
    raise Refusal("no_free_spins", "There are no free spins to play on this game.")


def _open_task(bonus: Requirements, grant: SpinGrant) -> BonusTask | None:
    """The grant's bonus task; None before its first win, and after the task has ended."""
    return next((task for task in bonus.tasks if task.task_id == grant.task_id), None)


def _count_spin(bonus: Requirements, task: BonusTask, used: SpinGrant) -> Requirements:
    """A spin without a win changes nothing of its task but the spins to come."""
    counted = msgspec.structs.replace(task, spins_left=used.count - used.used)
    return msgspec.structs.replace(
        bonus,
        tasks=tuple(counted if other.task_id == task.task_id else other for other in bonus.tasks),
    )


def _new_task(grant: SpinGrant, policy: BonusPolicy, around: Surroundings) -> BonusTask:
    """The task that a win of the grant opens."""
    return BonusTask(
        task_id=around.new_id(),
        kind="FREE_SPINS",
        granted=0,
        balance=0,
        required=0,
        progress_e4=0,
        game_id=None,
        policy_version=policy.version,
        source_id=grant.grant_id,
        created_at=around.now,
        expires_at=around.now + timedelta(days=policy.expiry_days),
        grant_id=grant.grant_id,
    )
