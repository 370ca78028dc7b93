"""Months of a casino's life for reports: played through the ledger in seconds, then stretched.

Everything happens by real commands. Then every time in Postgres and in the events not yet sent is
moved by one map that keeps their order, so that a history of seconds covers months, every round as
long as any other however long it took, and all of it still fits.
"""

import asyncio
import random
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec

from ledger.affiliates import AffiliateTerms, create_affiliate
from ledger.bet_record import SpinRequest
from ledger.deposits import create_deposit
from ledger.errors import Refusal
from ledger.grants import expire_benefits, waive_bonuses
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
STAKES = [2, 10, 50, 98, 100, 300, 700, 1_000, 1_500]
"""Minor units; two are where a band of stakes begins."""
OFFERED_FROM = 1_000
"""Deposits from this amount on, in minor units, bring a bonus and free spins."""
PAYLOAD_TIMES = {
    "bets": ("created_at",),
    "transactions": ("created_at", "occurred_at"),
    "players": ("registered_at",),
}


class History(msgspec.Struct, frozen=True):
    """Who played, and where; ``moments`` are when money moved, in order."""

    casino: Casino
    players: list[Player]
    moments: list[datetime]

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
    for brand in casino.brands:
        affiliates = await _terms(world, brand, casino.games[0])
        for number, player in enumerate(p for p in players if p.operator_id == brand):
            await world.owner.execute(
                'UPDATE "user" SET is_bot = $3, affiliate_id = $4 '
                "WHERE operator_id = $1 AND user_id = $2",
                player.operator_id,
                player.user_id,
                number % 3 == 2,
                (*affiliates[:2], affiliates[0], None)[number % 4],
            )
    script = _Script(casino, players, picked)
    for player in players[:-1]:  # the last of all comes late
        script.deposits.append(await deposit(casino.desk, player, 900))
    marks = []
    for number in range(rounds):
        marks.append(await _clock(world))
        await script.round(number)
    await _statements(world, casino.brands, picked)
    await stretch(world, marks)
    await world.owner.execute("ANALYZE")  # or questions to these tables are planned for empty ones
    rows = await world.owner.fetch("SELECT DISTINCT created_at FROM posting ORDER BY created_at")
    return History(casino, players, [row["created_at"] for row in rows])


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
            amount = picked.choice([200, 400, 900, OFFERED_FROM])
            self.deposits.append(await deposit(desk, payer, amount))
        if number % 4 == 1:
            await bonus(desk, player, picked.choice([60, 250, 999]))
        if number % 5 == 2:
            await free_spins(desk, player, picked.choice(self.casino.games[:5]), 20, 3)
        await self._bets()
        await self._attempt(self._other(number, player))
        await self._attempt(self._seldom(number, player))

    async def _bets(self) -> None:
        picked = self.picked
        requests = []
        for _ in range(14):
            player, game = picked.choice(self.players), picked.choice(self.casino.games)
            if picked.random() < 0.2:
                requests.append(free_spin(player, game))
            else:
                requests.append(player.spin(game, picked.choice(STAKES)))
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
                for _ in range(3):
                    bet_id = self.bets.pop(picked.randrange(len(self.bets)))
                    await self._attempt(roll_back_bet(desk, bet_id, "test", "nobody"))
            case 1:
                await self._withdraw(player, number)
            case 2:
                chosen = picked.choice(self.deposits)
                await apply_webhook(desk, webhook(chosen, "deposit.reversed"))
            case 4:
                await self._waive(player)
            case _:
                await self._lose_everything(player)

    async def _seldom(self, number: int, player: Player) -> None:
        """What else can become of deposits and bonuses."""
        desk = self.casino.desk
        match number % 15:
            case 2 | 5 as step:
                row, _ = await create_deposit(desk, payment(player, 300))
                if step == 5:
                    await apply_webhook(desk, webhook(row, "deposit.failed"))
            case 8:
                await bonus(desk, player, 70, kind="CASHBACK")
            case 10:
                await free_spins(desk, player, self.casino.games[4], 20, 3)
                for _ in range(2):
                    await self._play(free_spin(player, self.casino.games[4]))
                await self._undo_newest("credits")
            case 11:
                await bonus(desk, player, 150)
                await self._lose_everything(player)
                await self._undo_newest("closed")
                if number % 2:
                    await self._bet(player, self.casino.games[2], 50)
                    await self._waive(player)
                    await roll_back_bet(desk, self.bets.pop(), "test", "nobody")
            case 13:
                await self._mix(self.players[6 + number % 5])
            case 14:
                await self._expire()

    async def _undo_newest(self, effect: str) -> None:
        """Roll the newest bet back that gave or ended a bonus: ``credits`` or ``closed``."""
        bet_id = await self.casino.world.owner.fetchval(
            "SELECT bet_id FROM bet_log AS b WHERE operator_id = any($1::int[]) AND effects ? $2 "
            "AND jackpot = 0 AND NOT EXISTS (SELECT FROM bet_rollback AS r "
            "WHERE r.operator_id = b.operator_id AND r.bet_id = b.bet_id) "
            "ORDER BY bet_id DESC LIMIT 1",
            self.casino.brands,
            effect,
        )
        if bet_id is not None:
            self.bets.remove(bet_id)
            await roll_back_bet(self.casino.desk, bet_id, "test", "nobody")

    async def _mix(self, player: Player) -> None:
        """A bet that real money pays a little of and a bonus the rest, under that policy."""
        while (left := (await wallet(self.casino.world, player))["real_balance"]) > 7:
            await self._bet(player, self.casino.games[2], min(left - 7, 500))
        await bonus(self.casino.desk, player, 200)
        await self._bet(player, self.casino.games[6], 100)

    async def _expire(self) -> None:
        """The time of a bonus and of some free spins is over."""
        for table, key in (("bonus_task", "task_id"), ("free_spin_grant", "grant_id")):
            await self.casino.world.owner.execute(
                f"UPDATE {table} SET expires_at = clock_timestamp() WHERE {key} = (SELECT {key} "
                f"FROM {table} WHERE status = 'ACTIVE' AND operator_id = any($1::int[]) "
                f"ORDER BY {key} LIMIT 1)",
                self.casino.brands,
            )
        await expire_benefits(self.casino.desk, datetime.now(UTC))

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
        await self._play(player.spin(game, stake))

    async def _play(self, request: SpinRequest) -> None:
        settled = await self.casino.batchers[0].submit(request)
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


async def _terms(world: World, brand: int, game: int) -> list[int]:
    """An offer for large deposits, and three affiliates, whose ids it returns."""
    await world.owner.execute(
        "INSERT INTO deposit_offer (operator_id, name, min_amount, match_bps, max_bonus, "
        "free_spins, free_spin_game_id, free_spin_stake) VALUES ($1, 'half', $2, 5000, 300, 2, "
        "$3, 20)",
        brand,
        OFFERED_FROM,
        game,
    )
    async with world.owner.acquire() as connection:
        return [
            await create_affiliate(connection, brand, AffiliateTerms(code=code, name=code))
            for code in ("friend", "partner", "nobody")
        ]


async def _statements(world: World, brands: list[int], picked: random.Random) -> None:
    """Statements of an affiliate of each brand, made on Mondays of the stretched history."""
    for brand in brands:
        affiliate_id = await world.owner.fetchval(
            "SELECT min(affiliate_id) FROM affiliate WHERE operator_id = $1", brand
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


async def _clock(world: World) -> datetime:
    now = await world.owner.fetchval("SELECT clock_timestamp()")
    assert now is not None
    return now


async def stretch(world: World, marks: list[datetime]) -> None:
    """Let what happened by now have happened between ``FIRST`` and ``LAST``, what was between two
    of the ``marks`` in equal parts of that time.

    Only tests may: the owner lifts the guard of append-only tables for it.
    """
    async with world.owner.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL session_replication_role = 'replica'")
        begin = await connection.fetchval('SELECT min(created_at) FROM "user"')
        assert begin is not None
        cuts = [begin, *marks, await _clock(world)]
        array = ", ".join(f"'{cut.isoformat()}'" for cut in cuts)
        part = (LAST - FIRST) / (len(cuts) - 1)
        await connection.execute(
            "CREATE FUNCTION pg_temp.stretched(moment timestamptz) RETURNS timestamptz "
            "LANGUAGE sql IMMUTABLE AS $$ "
            f"SELECT '{FIRST.isoformat()}'::timestamptz + interval '{part.total_seconds()} seconds'"
            " * (at - 1 + extract(epoch FROM moment - cuts[at]) "
            "/ extract(epoch FROM cuts[at + 1] - cuts[at]))::float8 "
            "FROM (SELECT cuts, "
            f"least(greatest(width_bucket(moment, cuts), 1), {len(cuts) - 1}) AS at "
            f"FROM (VALUES (ARRAY[{array}]::timestamptz[])) AS all_cuts (cuts)) AS found $$"
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
        await connection.execute(
            "UPDATE money_event AS m SET payload = o.payload, "
            "created_at = (o.payload ->> 'created_at')::timestamptz "
            "FROM outbox AS o WHERE o.xid = m.xid AND o.seq = m.seq"
        )
