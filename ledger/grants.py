"""Bonuses and free spins given, waived and expired: rules on a player, and their commands.

Source: RULES §3 and §4. A grant is a credit to a bonus task against the operator's bonus account.
"""

from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from uuid_utils.compat import uuid7

from ledger.account import Book, PlayerState, SpinGrant
from ledger.bonus import BonusTask, add_bonus, convert_and_bust, end_tasks
from ledger.commands import Command, MoneyDesk, player_command, with_book
from ledger.decision import TaskCredit
from ledger.errors import Refusal
from ledger.money_events import bonus_granted, spins_event
from ledger.named_sql import named_queries
from ledger.settle_bet import FREE_SPIN_LIFETIME
from ledger.terms import OperatorTerms

SQL = named_queries("grants.sql")


def credit_bonus(
    player: PlayerState,
    operator: OperatorTerms,
    book: Book,
    *,
    amount: int,
    kind: str,
    source_id: UUID,
    now: datetime,
    game_id: int | None = None,
) -> tuple[PlayerState, TaskCredit]:
    """Give a new bonus of ``amount`` minor units under the player's policy. Pure.

    While bonuses are open the policy they are under also takes the new one; without any, the
    operator's current policy does.
    """
    policy = operator.policy_of(player)
    task = BonusTask(
        task_id=uuid7(),
        kind=kind,
        granted=0,
        balance=0,
        required=0,
        progress_e4=0,
        game_id=game_id,
        policy_version=policy.version,
        source_id=source_id,
        created_at=now,
        expires_at=now + timedelta(days=policy.expiry_days),
    )
    book.move_bonus(amount, "operator_bonus")
    after = msgspec.structs.replace(
        player,
        bonus=add_bonus(policy, player.bonus, task, amount),
        bonus_policy_version=policy.version,
    )
    return after, TaskCredit(task, amount)


def give_bonus(
    command: Command, *, amount: int, kind: str, source_id: UUID, game_id: int | None = None
) -> UUID:
    """Credit a bonus inside a command, with its journal and event; returns the task's id."""
    book = Book(command.player)
    after, credit = credit_bonus(
        command.player,
        command.operator,
        book,
        amount=amount,
        kind=kind,
        source_id=source_id,
        now=command.now,
        game_id=game_id,
    )
    command.change(after)
    command.post(book, "bonus", credit.task.task_id)
    command.tell(bonus_granted(after, credit, command.now))
    return credit.task.task_id


def give_free_spins(
    command: Command, *, game_id: int, stake: int, count: int, source: str, source_key: str
) -> SpinGrant:
    """Grant free spins inside a command. The source and its key make a grant unique.

    Raises :class:`Refusal` ``game_not_found``, ``wager_step_mismatch`` or ``limit_exceeded``.
    """
    game = command.operator.games.get(game_id)
    if game is None or not game.offered:
        raise Refusal("game_not_found", "This operator offers no such game.")
    if stake % game.wager_step:
        raise Refusal("wager_step_mismatch", f"Stakes are multiples of {game.wager_step}.")
    if not game.min_wager <= stake <= game.max_wager:
        raise Refusal("limit_exceeded", "The stake is outside the game's limits.", limit="wager")
    grant = SpinGrant(
        grant_id=uuid7(),
        game_id=game_id,
        stake=stake,
        count=count,
        used=0,
        source=source,
        source_key=source_key,
        created_at=command.now,
        expires_at=command.now + FREE_SPIN_LIFETIME,
    )
    player = command.player
    command.change(msgspec.structs.replace(player, grants=(*player.grants, grant)))
    command.tell(spins_event(command.player, grant, "GRANTED", command.now))
    return grant


async def waive_bonuses(
    desk: MoneyDesk, operator_id: int, user_id: UUID, task_id: UUID
) -> list[UUID]:
    """The player gives up all open bonus, so that real money may be withdrawn (RULES §3).

    ``task_id`` names one of the open bonuses. Returns the ids that ended. Raises
    :class:`Refusal` ``bonus_not_found``.
    """
    async with player_command(desk, operator_id, user_id) as command:
        tasks = [task.task_id for task in command.player.bonus.tasks]
        if task_id not in tasks:
            raise Refusal("bonus_not_found", "You have no such open bonus.")
        _end(command, tasks, "WAIVED")
        return tasks


async def expire_benefits(desk: MoneyDesk, now: datetime) -> int:
    """End bonuses and free spins whose time is over; returns how many. Safe to repeat.

    A bonus of free spins is tested for bust once its spins have expired.
    """
    expired = 0
    for row in await desk.pool.fetch(SQL["players_with_expired_benefits"], now):
        async with player_command(desk, row["operator_id"], row["user_id"]) as command:
            expired += _expire_player(command)
    return expired


def _expire_player(command: Command) -> int:
    player, now = command.player, command.now
    tasks = [task.task_id for task in player.bonus.tasks if task.expires_at <= now]
    grants = [grant for grant in player.grants if grant.expires_at <= now]
    if tasks:
        _end(command, tasks, "EXPIRED")
    if grants:
        kept = tuple(grant for grant in player.grants if grant not in grants)
        command.change(msgspec.structs.replace(command.player, grants=kept))
        for grant in grants:
            command.loaded.ended_grants.append((grant, "EXPIRED"))
            command.tell(spins_event(command.player, grant, "EXPIRED", now))
        _bust(command)
    return len(tasks) + len(grants)


def _end(command: Command, task_ids: list[UUID], ending: str) -> None:
    player = command.player
    policy = command.operator.policy_of(player)
    bonus, closed = end_tasks(policy, player.bonus, task_ids, ending)  # pyright: ignore[reportArgumentType]
    book = Book(player)
    for task in closed:
        book.close_task(task)
    after = msgspec.structs.replace(with_book(player, book), bonus=bonus)
    command.change(after, closed)
    command.post(book, "bonus", task_ids[0])


def _bust(command: Command) -> None:
    """Test the bonuses again now that their free spins are gone."""
    player = command.player
    bonus, closed = convert_and_bust(command.operator.policy_of(player), player.bonus)
    if not closed:
        return
    book = Book(player)
    for task in closed:
        book.close_task(task)
    command.change(msgspec.structs.replace(with_book(player, book), bonus=bonus), closed)
    command.post(book, "bonus", closed[0].task.task_id)
