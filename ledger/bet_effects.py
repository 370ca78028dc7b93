"""What a bet did to bonuses, pools and debt: the part of the log that a rollback reads. Pure."""

from uuid import UUID

import msgspec

from ledger.account import PlayerState
from ledger.decision import Decision

_encode = msgspec.json.Encoder().encode


class Effects(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a bet applied beyond its columns, kept so that a rollback restores exactly that.

    ``shares``: (task, wager, win). ``progress``: (task, 1/10,000 added). ``closed``: (task, ending,
    balance). ``credits``: (task, amount). ``pools``: (pool, cycle, 1/10,000 contributed).
    ``pooled_cleared``: the pooled (requirement, progress) before a bet that cleared it.
    ``grants``: free spins that a level-up granted; ``grant_id``: whose spin this was.
    """

    deposit_progress_e4: int = 0
    pooled_progress_e4: int = 0
    pooled_cleared: tuple[int, int] | None = None
    shares: list[tuple[UUID, int, int]] = []
    progress: list[tuple[UUID, int]] = []
    closed: list[tuple[UUID, str, int]] = []
    credits: list[tuple[UUID, int]] = []
    pools: list[tuple[int, int, int]] = []
    grants: list[UUID] = []
    grant_id: UUID | None = None
    debt_repaid: int = 0


def encode_effects(before: PlayerState, decision: Decision) -> str:
    """The effects of a decision made on ``before`` as the log's JSON text."""
    effects = Effects(
        deposit_progress_e4=decision.after.deposit_wagering_progress_e4
        - before.deposit_wagering_progress_e4,
        pools=[
            (pool_id, cycle_no, amount)
            for (pool_id, amount), cycle_no in zip(
                decision.contributions, decision.fed_cycles, strict=True
            )
        ],
        grants=[grant.grant_id for grant in decision.new_grants],
        grant_id=decision.grant_id,
        debt_repaid=before.debt - decision.after.debt,
    )
    if not (before.bonus.idle and decision.after.bonus.idle):
        effects = _with_bonus_effects(effects, before, decision)
    return _encode(effects).decode()


def _with_bonus_effects(effects: Effects, before: PlayerState, decision: Decision) -> Effects:
    after = decision.after
    ended = {closed.task.task_id: closed.task for closed in decision.closed}
    tasks_after = {task.task_id: task for task in after.bonus.tasks} | ended
    pool_reset = after.bonus.pooled_progress_e4 < before.bonus.pooled_progress_e4
    return msgspec.structs.replace(
        effects,
        pooled_progress_e4=0
        if pool_reset
        else after.bonus.pooled_progress_e4 - before.bonus.pooled_progress_e4,
        pooled_cleared=(before.bonus.pooled_required, before.bonus.pooled_progress_e4)
        if before.bonus.pooled_required and not after.bonus.pooled_required
        else None,
        shares=[
            (share.task_id, share.wager, share.win)
            for share in decision.shares
            if share.task_id is not None
        ],
        progress=[
            (task.task_id, tasks_after[task.task_id].progress_e4 - task.progress_e4)
            for task in before.bonus.tasks
            if tasks_after[task.task_id].progress_e4 != task.progress_e4
        ],
        closed=[(c.task.task_id, c.ending, c.task.balance) for c in decision.closed],
        credits=[(credit.task.task_id, credit.amount) for credit in decision.credits],
    )
