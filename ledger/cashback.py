"""Weekly cashback: a share of what a player lost in real money, as a bonus. RULES §6.

The rate is that of the level held after the week's last bet, so that a late run pays what one in
time would have paid. Who may not play gets none while that lasts.
"""

from uuid import UUID

import msgspec
from uuid_utils.compat import uuid7

from ledger.catalogue import current_catalogue
from ledger.commands import Command, MoneyDesk, player_command
from ledger.grants import give_bonus
from ledger.named_sql import named_queries
from ledger.snapshot import ledger_snapshot
from ledger.vip import cashback
from ledger.weeks import Week

SQL = named_queries("cashback.sql")


class CashbackRun(msgspec.Struct, frozen=True, kw_only=True):
    """What a run did: how many players it paid, and minor units by currency."""

    players: int
    amounts: dict[str, int]


async def pay_cashback(desk: MoneyDesk, week: Week) -> CashbackRun:
    """Pay the cashback of a week that is over to everyone who has not had it. Safe to repeat.

    Each player is paid in a transaction of its own, with the record that says so.
    """
    players, amounts = 0, dict[str, int]()
    for operator_id, user_id in await _candidates(desk, week):
        async with player_command(desk, operator_id, user_id) as command:
            amount = await _pay(command, week)
            if amount:
                currency = command.player.currency
                players += 1
                amounts[currency] = amounts.get(currency, 0) + amount
    return CashbackRun(players=players, amounts=amounts)


async def _candidates(desk: MoneyDesk, week: Week) -> list[tuple[int, UUID]]:
    async with ledger_snapshot(desk.pool) as connection:
        _, catalogue = await current_catalogue(connection, desk.catalogue)
        levels = [level.level for level in catalogue.levels if level.cashback_bps]
        rows = await connection.fetch(SQL["due_players"], week.start, week.end, levels, week.monday)
    return [(row["operator_id"], row["user_id"]) for row in rows]


async def _pay(command: Command, week: Week) -> int:
    """Pay the locked player; the amount, 0 if nothing is due."""
    player = command.player
    if player.status != "ACTIVE" or (player.excluded_until and player.excluded_until > command.now):
        return 0
    row = await command.connection.fetchrow(
        SQL["player_week"],
        player.operator_id,
        player.user_id,
        week.start,
        week.end,
        week.monday,
    )
    if row is None:
        return 0
    level = next(item for item in command.catalogue.levels if item.level == row["level"])
    amount = cashback(level, row["wagers"], row["wins"])
    if amount == 0:
        return 0
    task_id = give_bonus(command, amount=amount, kind="CASHBACK", source_id=uuid7())
    await command.connection.execute(
        SQL["insert_cashback"],
        player.operator_id,
        player.user_id,
        week.monday,
        level.level,
        level.cashback_bps,
        row["wagers"] - row["wins"],
        amount,
        task_id,
        command.now,
    )
    return amount
