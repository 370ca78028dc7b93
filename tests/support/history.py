"""Months of a casino's life for reports: played through the ledger in seconds, then stretched.

Everything happens by real commands. Then every time in Postgres and in the events not yet sent is
moved by the same linear map, so that a history of seconds covers months and all of it still fits.
"""

import asyncio
import random
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec

from ledger.errors import Refusal
from ledger.grants import waive_bonuses
from ledger.provider_events import apply_webhook
from ledger.rollback import roll_back_bet
from ledger.withdrawals import approve_withdrawal, reject_withdrawal, request_withdrawal
from tests.support.cashier import bonus, deposit, free_spin, free_spins, payment, wallet, webhook
from tests.support.casino import Casino
from tests.support.world import Player, World

FIRST = datetime(2026, 1, 28, 3, 17, 23, 456_789, tzinfo=UTC)
LAST = datetime(2026, 5, 3, 19, 41, 5, 123_456, tzinfo=UTC)
"""The history lies between these: it has months of every length and changes of clocks."""

STRETCHED = {
    "bet_log": ("created_at",),
    "bet_rollback": ("rolled_back_at",),
    "posting": ("created_at",),
    "transaction": ("created_at", "updated_at"),
    "transaction_event": ("occurred_at",),
    "bonus_task": ("created_at", "closed_at"),
    "free_spin_grant": ("created_at",),
    "jackpot_win": ("won_at",),
    '"user"': ("created_at",),
}
PAYLOAD_TIMES = {
    "bets": ("created_at",),
    "transactions": ("created_at", "occurred_at"),
    "players": ("registered_at",),
}


class History(msgspec.Struct, frozen=True):
    """Who played, and where."""

    casino: Casino
    players: list[Player]

    @property
    def brands(self) -> list[int]:
        """The two operators."""
        return self.casino.brands


async def play_history(world: World, *, rounds: int = 90, seed: int = 7) -> History:
    """A history of two brands on the world's database; nothing of it has been sent yet."""
    casino = Casino(world, asyncio.get_running_loop())
    await casino.furnish()
    picked = random.Random(seed)  # noqa: S311 - a test's script, not a secret
    players = [await world.player(brand) for brand in casino.brands for _ in range(6)]
    for number, player in enumerate(players):
        if number % 3 == 2:
            await world.owner.execute(
                'UPDATE "user" SET is_bot = true WHERE operator_id = $1 AND user_id = $2',
                player.operator_id,
                player.user_id,
            )
    script = _Script(casino, players, picked)
    for player in players[:-1]:  # the last of all comes late
        script.deposits.append(await deposit(casino.desk, player, 900))
    for number in range(rounds):
        await script.round(number)
    await _statements(world, casino.brands, picked)
    await stretch(world)
    return History(casino, players)


class _Script:
    """What happens, at random but the same every time but for the draws."""

    def __init__(self, casino: Casino, players: list[Player], picked: random.Random) -> None:
        self.casino = casino
        self.players = players
        self.picked = picked
        self.deposits: list[Any] = []
        self.bets: list[Any] = []

    async def round(self, number: int) -> None:
        """Some bets at once, and one or two other things."""
        picked, desk = self.picked, self.casino.desk
        player = picked.choice(self.players)
        if number % 2 == 0:
            payer = self.players[number % len(self.players)]
            self.deposits.append(await deposit(desk, payer, picked.choice([200, 400, 900])))
        if number % 4 == 1:
            await bonus(desk, player, picked.choice([60, 250, 999]))
        if number % 5 == 2:
            await free_spins(desk, player, picked.choice(self.casino.games[:5]), 20, 3)
        await self._bets()
        await self._attempt(self._other(number, player))

    async def _bets(self) -> None:
        picked = self.picked
        requests = []
        for _ in range(14):
            player, game = picked.choice(self.players), picked.choice(self.casino.games)
            if picked.random() < 0.2:
                requests.append(free_spin(player, game))
            else:
                requests.append(player.spin(game, picked.choice([2, 10, 50, 98, 300, 700])))
        batcher = self.casino.batchers[0]
        answers = await asyncio.gather(
            *(batcher.submit(request) for request in requests), return_exceptions=True
        )
        for answer in answers:
            if isinstance(answer, BaseException):
                assert isinstance(answer, Refusal), repr(answer)
            else:
                self.bets.append(answer.result.bet_id)

    async def _other(self, number: int, player: Player) -> None:
        desk, picked = self.casino.desk, self.picked
        match number % 6:
            case 0 | 3:
                bet_id = self.bets.pop(picked.randrange(len(self.bets)))
                await roll_back_bet(desk, bet_id, "test", "nobody")
            case 1:
                await self._withdraw(player, number)
            case 2:
                chosen = picked.choice(self.deposits)
                await apply_webhook(desk, webhook(chosen, "deposit.reversed"))
            case 4:
                await self._waive(player)
            case _:
                await self._lose_everything(player)

    async def _waive(self, player: Player) -> None:
        tasks = await self.casino.world.owner.fetch(
            "SELECT task_id FROM bonus_task WHERE user_id = $1 AND status = 'ACTIVE'",
            player.user_id,
        )
        if tasks:
            key = (player.operator_id, player.user_id, tasks[0]["task_id"])
            await waive_bonuses(self.casino.desk, *key)

    async def _lose_everything(self, player: Player) -> None:
        """On the game that never pays: real money but for a little, then that with the bonus."""
        game = self.casino.games[2]
        for kept in (7, 0):
            has = await wallet(self.casino.world, player)
            stake = has["real_balance"] - kept + (0 if kept else has["bonus_balance"])
            while stake > 0:
                part = min(stake, 500)
                await self._attempt(self._bet(player, game, part))
                stake -= part

    async def _bet(self, player: Player, game: int, stake: int) -> None:
        settled = await self.casino.batchers[0].submit(player.spin(game, stake))
        self.bets.append(settled.result.bet_id)

    async def _withdraw(self, player: Player, number: int) -> None:
        """A deposit, as if it had been wagered, is wanted back."""
        owner, desk = self.casino.world.owner, self.casino.desk
        await self._waive(player)
        await deposit(desk, player, 400)
        await owner.execute(
            "UPDATE wallet SET deposit_wagering_progress_e4 = deposit_wagering_required * 10000 "
            "WHERE operator_id = $1 AND user_id = $2",
            player.operator_id,
            player.user_id,
        )
        opened = await request_withdrawal(desk, payment(player, 150))
        key = (desk, player.operator_id, opened.row["transaction_id"])
        if number % 4 == 1:
            await reject_withdrawal(*key, reason="=no", actor="a", witness=_nobody)
            return
        await approve_withdrawal(*key, actor="a", witness=_nobody)
        ending = "payout.failed" if number % 5 == 0 else "payout.completed"
        await apply_webhook(desk, webhook(opened.row, ending))

    async def _attempt(self, work: Any) -> None:
        with suppress(Refusal):
            await work


async def _nobody(connection: Any) -> None:
    """No audit entry: these acts are the test's."""


async def _statements(world: World, brands: list[int], picked: random.Random) -> None:
    """Statements of an affiliate of each brand, made on Mondays of the stretched history."""
    for brand in brands:
        affiliate_id = await world.owner.fetchval(
            "INSERT INTO affiliate (operator_id, code, name, rate_bps) "
            "VALUES ($1, 'friend', 'Friend', 500) RETURNING affiliate_id",
            brand,
        )
        for week in range(12):
            monday = date(2026, 2, 2) + timedelta(weeks=week)
            made = datetime.combine(monday, datetime.min.time(), UTC) + timedelta(days=7, hours=2)
            await world.owner.execute(
                "INSERT INTO affiliate_statement (operator_id, affiliate_id, week, ggr, "
                "bonus_cost, rate_bps, amount, created_at) VALUES ($1, $2, $3, 0, 0, 500, $4, $5)",
                brand,
                affiliate_id,
                monday,
                picked.randrange(100),
                made,
            )


async def stretch(world: World) -> None:
    """Let what happened by now have happened between ``FIRST`` and ``LAST``.

    Only tests may: the owner lifts the guard of append-only tables for it.
    """
    async with world.owner.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL session_replication_role = 'replica'")
        begin, end = await connection.fetchrow(  # type: ignore[misc]
            'SELECT (SELECT min(created_at) FROM "user"), clock_timestamp()'
        )
        await connection.execute(
            "CREATE FUNCTION pg_temp.stretched(moment timestamptz) RETURNS timestamptz "
            "LANGUAGE sql IMMUTABLE AS $$ SELECT "
            f"'{FIRST.isoformat()}'::timestamptz + (moment - '{begin.isoformat()}'::timestamptz) "
            f"* {(LAST - FIRST) / (end - begin)!r}::float8 $$"
        )
        for table, columns in STRETCHED.items():
            changes = ", ".join(f"{column} = pg_temp.stretched({column})" for column in columns)
            await connection.execute(f"UPDATE {table} SET {changes}")
        for topic, fields in PAYLOAD_TIMES.items():
            changes = " || ".join(
                f"jsonb_build_object('{field}', to_char(pg_temp.stretched((payload ->> '{field}')"
                "::timestamptz) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'))"
                for field in fields
            )
            await connection.execute(
                f"UPDATE outbox SET payload = payload || {changes} WHERE topic = $1", topic
            )
