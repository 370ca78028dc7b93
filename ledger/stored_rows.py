"""Changed players as rows of the tables that hold them, in the tables' column order. Pure."""

from datetime import datetime
from typing import Any

from ledger.account import PlayerState, SpinGrant
from ledger.bonus import BonusTask, ClosedTask
from ledger.writes import LoadedPlayer


def change_row(player: PlayerState) -> tuple[Any, ...]:
    """The row of type ``player_change``: what the transaction leaves of wallet and experience."""
    return (
        player.operator_id,
        player.user_id,
        player.real_balance,
        player.bonus_balance,
        player.held_balance,
        player.debt,
        player.deposit_wagering_required,
        player.deposit_wagering_progress_e4,
        player.bonus.pooled_required,
        player.bonus.pooled_progress_e4,
        player.bonus_policy_version if player.bonus.outstanding else None,
        player.nonce,
        player.vip_experience,
        player.vip_level,
    )


def task_rows(player: LoadedPlayer, now: datetime) -> list[tuple[Any, ...]]:
    """Rows of ``bonus_task`` that are new or changed, the ended ones included."""
    ended = [_closed_row(player.state, closed, now) for closed in player.closed]
    changed = [
        _task_row(player.state, task)
        for task in player.state.bonus.tasks
        if player.tasks_before.get(task.task_id) != task
    ]
    return ended + changed


def grant_rows(player: LoadedPlayer) -> list[tuple[Any, ...]]:
    """Rows of ``free_spin_grant`` that are new or changed, the ended ones included."""
    ended = [_grant_row(player.state, grant, status) for grant, status in player.ended_grants]
    changed = [
        _grant_row(player.state, grant, "USED" if grant.used == grant.count else "ACTIVE")
        for grant in player.state.grants
        if player.grants_before.get(grant.grant_id) != grant
    ]
    return ended + changed


def _task_row(
    player: PlayerState,
    task: BonusTask,
    *,
    status: str = "ACTIVE",
    balance: int | None = None,
    converted: int = 0,
    event_no: int | None = None,
    closed_at: datetime | None = None,
) -> tuple[Any, ...]:
    return (
        player.operator_id,
        task.task_id,
        player.user_id,
        task.kind,
        status,
        player.currency,
        task.granted,
        task.balance if balance is None else balance,
        task.required,
        task.progress_e4,
        converted,
        task.game_id,
        task.grant_id,
        task.source_id,
        task.policy_version,
        task.event_no if event_no is None else event_no,
        task.expires_at,
        task.created_at,
        closed_at,
    )


def _closed_row(player: PlayerState, closed: ClosedTask, now: datetime) -> tuple[Any, ...]:
    completed = closed.ending == "COMPLETED"
    return _task_row(
        player,
        closed.task,
        status=closed.ending,
        balance=0,
        converted=closed.task.balance if completed else 0,
        event_no=closed.task.event_no + 1,
        closed_at=now,
    )


def _grant_row(player: PlayerState, grant: SpinGrant, status: str) -> tuple[Any, ...]:
    return (
        player.operator_id,
        grant.grant_id,
        player.user_id,
        grant.game_id,
        grant.stake,
        grant.count,
        grant.used,
        status,
        grant.source,
        grant.source_key,
        grant.task_id,
        grant.expires_at,
        grant.created_at,
    )
