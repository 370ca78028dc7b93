"""Rollback of a bet: everything it moved is moved back by a new journal, once. RULES §8."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import msgspec

from ledger.account import Book, Leg, PlayerState, SpinGrant
from ledger.bet_effects import Effects
from ledger.bet_record import BetRow
from ledger.bonus import E4, BonusTask, ClosedTask, Requirements
from ledger.commands import Command, MoneyDesk, player_command, with_book
from ledger.errors import Refusal
from ledger.events import BetEvent, timestamp
from ledger.jackpot import Pool, posted_contribution
from ledger.money_events import bonus_returned, bonus_reversed, spins_event
from ledger.named_sql import named_queries
from ledger.store import lock_pools, read_task
from ledger.vip import level_at

SQL = named_queries("rollback.sql")
NEGATED = (
    "wager", "wager_real", "wager_bonus", "win", "win_real", "win_bonus", "jackpot",
    "jackpot_contribution_e4", "free_spin_stake", "free_spin_win", "ggr", "theoretical_ggr_e4",
    "xp_added",
)  # fmt: skip


class RolledBack(msgspec.Struct, frozen=True, kw_only=True):
    """What a rollback did; ``status`` is ``rolled_back``, or ``tombstoned`` for an unknown key.

    ``debt`` is what could not be taken back, in minor units.
    """

    status: str
    operator_id: int
    user_id: UUID
    bet_id: UUID | None = None
    debt: int = 0
    real_balance: int | None = None
    bonus_balance: int | None = None


async def roll_back_bet(desk: MoneyDesk, bet_id: UUID, reason: str, actor: str) -> RolledBack:
    """Reverse a bet by its id. Raises :class:`Refusal` ``bet_not_found``,
    ``bet_already_rolled_back`` or ``bet_hit_jackpot``."""
    found = await desk.pool.fetchrow(SQL["bet_by_id"], bet_id)
    if found is None:
        raise Refusal("bet_not_found", "There is no such bet.")
    async with player_command(desk, found["operator_id"], found["user_id"]) as command:
        return await _reverse(command, bet_id, reason, actor)


async def roll_back_key(
    desk: MoneyDesk, user_id: UUID, idempotency_key: str, reason: str, actor: str
) -> RolledBack:
    """Reverse the bet under a player's key, or leave a tombstone that refuses it when it comes.

    Raises :class:`Refusal` as :func:`roll_back_bet`, and ``player_not_found``.
    """
    operator_id = await desk.pool.fetchval(SQL["operator_of_player"], user_id)
    if operator_id is None:
        raise Refusal("player_not_found", "There is no such player.")
    async with player_command(desk, operator_id, user_id) as command:
        bet_id = await command.connection.fetchval(
            SQL["bet_by_key"], operator_id, user_id, idempotency_key
        )
        if bet_id is not None:
            return await _reverse(command, bet_id, reason, actor)
        await command.connection.execute(
            SQL["insert_tombstone"], operator_id, user_id, idempotency_key, reason, actor
        )
    return RolledBack(status="tombstoned", operator_id=operator_id, user_id=user_id)


async def _reverse(command: Command, bet_id: UUID, reason: str, actor: str) -> RolledBack:
    """Reverse a bet of the locked player."""
    player, connection = command.player, command.connection
    record = await connection.fetchrow(SQL["bet_with_game"], player.operator_id, bet_id)
    if record is None:
        raise Refusal("bet_not_found", "There is no such bet.")
    if record["rolled_back"]:
        raise Refusal("bet_already_rolled_back", "This bet was rolled back before.")
    bet = BetRow.of_record(record)
    if bet.jackpot:
        raise Refusal("bet_hit_jackpot", "A bet that hit a jackpot is not rolled back by itself.")
    effects = msgspec.json.decode(bet.effects, type=Effects)
    reversal = Reversal(player, bet, effects, await _other_tasks(command, effects))
    reversal.move_money()
    await _restore_pools(command, effects, reversal.book)
    kept_level = await _restore_spins(command, effects)
    after = reversal.state_after(command, kept_level)
    command.change(msgspec.structs.replace(after, grants=command.player.grants), reversal.closed)
    command.loaded.tasks_before = {}  # write every open task: a reopened one counts as changed
    command.post(reversal.book, "rollback", bet_id)
    _tell_bonuses(command, reversal)
    command.tell(_negative_event(bet, record, command.player))
    await connection.execute(
        SQL["insert_rollback"],
        bet.operator_id,
        bet_id,
        bet.user_id,
        reason,
        actor,
        reversal.debt,
        command.now,
    )
    return RolledBack(
        status="rolled_back",
        operator_id=bet.operator_id,
        user_id=bet.user_id,
        bet_id=bet_id,
        debt=reversal.debt,
        real_balance=command.player.real_balance,
        bonus_balance=command.player.bonus_balance,
    )


class Reversal:
    """The pure part: a bet's effects undone on the player's present state.

    ``ended`` are tasks the bet touched that are no longer open, with how they ended.
    ``bonus_events`` collects (task, status, amount) for the warehouse, ``returned`` what went to
    the house instead of to a bonus, ``taken_back`` the free-spin wins that left open bonuses.
    """

    def __init__(
        self,
        player: PlayerState,
        bet: BetRow,
        effects: Effects,
        ended: Mapping[UUID, tuple[BonusTask, str]],
    ) -> None:
        self.player = player
        self.bet = bet
        self.effects = effects
        self.ended = ended
        self.book = Book(player)
        self.debt = 0
        self.returned = 0
        self.bonus_events: list[tuple[BonusTask, str, int]] = []
        self.tasks = {task.task_id: task for task in player.bonus.tasks}
        self.closed: list[ClosedTask] = []
        self.taken_back = 0
        self._completed_by_bet = {t for t, how, _ in effects.closed if how == "COMPLETED"}

    def move_money(self) -> None:
        """Give the wager back and take the win, by what funded the bet."""
        self._reopen_busted()
        self._real(self.bet.wager_real - self.bet.win_real)
        for task_id, wager, win in self.effects.shares:
            self._share(task_id, wager - win)
        for task_id, amount in self.effects.credits:
            self._take_credit(task_id, amount)
        self._close_emptied()
        self._restore_progress()

    def state_after(self, command: Command, kept_level: int) -> PlayerState:
        """The player with balances, requirements and experience restored.

        Levels up to ``kept_level`` are kept: their free spins are not to be had again.
        """
        bet, effects, player = self.bet, self.effects, self.player
        experience = max(0, player.vip_experience - bet.xp_added)
        level = player.vip_level
        if bet.vip_level_up:
            earned = level_at(command.catalogue.levels, experience).level
            level = max(bet.vip_level_before, earned, kept_level)
        required, progress = player.bonus.pooled_required, player.bonus.pooled_progress_e4
        policy = command.operator.policies[bet.bonus_policy_version]
        if required and policy.requirement == "pooled":
            required = max(0, required - self.taken_back * policy.multiplier)
            progress = min(max(0, progress - effects.pooled_progress_e4), required * E4)
        tasks = tuple(self.tasks[task_id] for task_id in sorted(self.tasks))
        if effects.pooled_cleared and tasks and not required:
            required, progress = effects.pooled_cleared  # the bust that cleared it is undone
        return msgspec.structs.replace(
            with_book(player, self.book),
            deposit_wagering_progress_e4=max(
                0, player.deposit_wagering_progress_e4 - effects.deposit_progress_e4
            ),
            bonus=Requirements(tasks, required, progress),
            bonus_policy_version=player.bonus_policy_version or bet.bonus_policy_version,
            vip_experience=experience,
            vip_level=level,
        )

    def _real(self, amount: int) -> None:
        """Move real money against the gaming account; what is not there becomes debt."""
        taken = max(amount, -self.book.real)
        self.book.move_real(taken, "operator_gaming")
        if amount < taken:
            self.debt += taken - amount
            self.book.owe(taken - amount, "operator_gaming")

    def _share(self, task_id: UUID, amount: int) -> None:
        """A bonus share goes back to its task, or where RULES §8 sends it if that has ended."""
        if task_id in self.tasks:
            self._task_balance(task_id, amount, "operator_gaming")
        elif task_id in self._completed_by_bet:
            self._real(amount)
        else:
            self._to_house(amount)

    def _task_balance(self, task_id: UUID, amount: int, against: str) -> None:
        """Move a task's balance; a win that has been played away since stays with the house."""
        task = self.tasks[task_id]
        moved = max(amount, -task.balance)
        self.tasks[task_id] = msgspec.structs.replace(task, balance=task.balance + moved)
        self.book.move_bonus(moved, against)
        if amount < moved and against == "operator_gaming":
            self._to_house(amount - moved)

    def _reopen_busted(self) -> None:
        """Bonuses that the bet's bust ended are open again, whether they played or not.

        One that the bet itself granted, and nothing but that, is left ended: it came to nothing.
        """
        credits = dict(self.effects.credits)
        for task_id, how, left in self.effects.closed:
            if how != "FORFEITED":
                continue
            task, ended_how = self.ended[task_id]
            if ended_how == "FORFEITED" and task.granted != credits.get(task_id):
                self._reopen(task_id, left)

    def _close_emptied(self) -> None:
        """A bonus of free spins without any win left is none: it would only block withdrawals."""
        for task_id, _ in self.effects.credits:
            task = self.tasks.get(task_id)
            if task is not None and task.granted == 0 and task.balance == 0:
                self.closed.append(ClosedTask(self.tasks.pop(task_id), "FORFEITED"))

    def _reopen(self, task_id: UUID, left: int) -> None:
        self.tasks[task_id] = msgspec.structs.replace(
            self.ended[task_id][0], balance=left, event_no=self.ended[task_id][0].event_no + 1
        )
        self.book.move_bonus(left, "operator_bonus")
        self.bonus_events.append((self.tasks[task_id], "REOPENED", left))

    def _to_house(self, amount: int) -> None:
        if amount:
            self.returned += amount
            self.book.legs += (Leg("operator_gaming", -amount), Leg("operator_bonus", amount))

    def _take_credit(self, task_id: UUID, amount: int) -> None:
        """A free spin's win leaves its task, and what it required with it."""
        if task_id not in self.tasks:
            return
        self.taken_back += amount
        before = self.tasks[task_id].balance
        self._task_balance(task_id, -amount, "operator_bonus")
        task = self.tasks[task_id]
        requirement = task.required * amount // task.granted if task.granted else 0
        required = task.required - requirement
        self.tasks[task_id] = msgspec.structs.replace(
            task,
            granted=task.granted - amount,
            required=required,
            progress_e4=min(task.progress_e4, required * E4),
            event_no=task.event_no + 1,
        )
        self.bonus_events.append((self.tasks[task_id], "REVOKED", before - task.balance))

    def _restore_progress(self) -> None:
        for task_id, progress_e4 in self.effects.progress:
            task = self.tasks.get(task_id)
            if task is not None:
                self.tasks[task_id] = msgspec.structs.replace(
                    task, progress_e4=max(0, task.progress_e4 - progress_e4)
                )


def _tell_bonuses(command: Command, reversal: Reversal) -> None:
    """Let the warehouse take out what the bet did to bonuses, as it takes out the bet."""
    bet = reversal.bet
    for task, status, amount in reversal.bonus_events:
        command.tell(bonus_reversed(command.player, task, status, amount, bet.created_at))
    if reversal.returned:
        command.tell(bonus_returned(command.player, bet.bet_id, reversal.returned, bet.created_at))


async def _other_tasks(command: Command, effects: Effects) -> dict[UUID, tuple[BonusTask, str]]:
    """The tasks the bet touched that are not open any more."""
    touched = {item[0] for item in (*effects.shares, *effects.credits, *effects.closed)}
    known = {task.task_id for task in command.player.bonus.tasks}
    rows = await command.connection.fetch(
        SQL["tasks_by_id"], command.player.operator_id, sorted(touched - known)
    )
    return {row["task_id"]: (read_task(row, 0), row["status"]) for row in rows}


async def _restore_pools(command: Command, effects: Effects, book: Book) -> None:
    """Take contributions out of their pools; where the cycle has ended the platform bears them."""
    pool_ids = [pool_id for pool_id, _, _ in effects.pools]
    pools = await lock_pools(command.connection, pool_ids, command.desk.hits)
    for pool_id, cycle_no, contribution_e4 in effects.pools:
        pool = pools.get(pool_id)
        if pool is not None and pool.cycle_no == cycle_no:
            command.pools[pool_id] = _without(pool, contribution_e4)
            command.writes.pools.add(pool_id)
            whole = -posted_contribution(pool.amount_e4, pool.amount_e4 - contribution_e4)
            account = f"jackpot_pool:{pool_id}"
        else:
            whole, account = contribution_e4 // E4, "platform_jackpot"
        if whole:
            book.legs += (Leg(account, -whole), Leg("operator_jackpot", whole))


def _without(pool: Pool, contribution_e4: int) -> Pool:
    return msgspec.structs.replace(pool, amount_e4=pool.amount_e4 - contribution_e4)


async def _restore_spins(command: Command, effects: Effects) -> int:
    """Give a free spin back; revoke the unused spins of a level-up that the bet caused.

    Returns the highest level whose spins the player has, has played or has let run out, 0 for
    none: that level is kept, whatever reached it, since reaching it again would grant them again.
    """
    player = command.player
    kept_level = await command.connection.fetchval(
        SQL["highest_level_kept"], player.operator_id, player.user_id, effects.grants
    )
    grants = []
    for grant in player.grants:
        if grant.grant_id in effects.grants:
            command.loaded.ended_grants.append((grant, "REVOKED"))
            command.tell(spins_event(player, grant, "REVOKED", command.now))
        elif grant.grant_id == effects.grant_id:
            grants.append(msgspec.structs.replace(grant, used=grant.used - 1))
        else:
            grants.append(grant)
    if effects.grant_id and effects.grant_id not in {grant.grant_id for grant in player.grants}:
        row = await command.connection.fetchrow(
            SQL["used_grant"], player.operator_id, effects.grant_id
        )
        if row is not None:
            used = SpinGrant(**{name: row[name] for name in SpinGrant.__struct_fields__})
            grants.append(msgspec.structs.replace(used, used=used.used - 1))
    grants.sort(key=lambda grant: grant.grant_id)
    command.change(msgspec.structs.replace(player, grants=tuple(grants)))
    return kept_level or 0


def _negative_event(bet: BetRow, record: Any, player: PlayerState) -> BetEvent:
    """The event that takes the bet out of every rollup, at the time it was counted."""
    fields = {name: getattr(bet, name) for name in BetEvent.__struct_fields__ if hasattr(bet, name)}
    fields |= {name: -getattr(bet, name) for name in NEGATED}
    return BetEvent(
        **fields
        | {
            "sign": -1,
            "category_id": record["category_id"],
            "provider": record["provider"],
            "rtp_bps": record["rtp_bps"],
            "affiliate_id": bet.affiliate_id or 0,
            "is_bot": int(player.is_bot),
            "real_balance_after": player.real_balance,
            "bonus_balance_after": player.bonus_balance,
            "created_at": timestamp(bet.created_at),
        }
    )
