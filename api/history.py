"""`pitboss seed history`: days of past play, hour by hour, through the ledger's own rules.

The plan of who came when is :mod:`loadgen.history`'s; what they do is :mod:`api.past_visits`'.
Here the hours pass: players register, visits begin, are played and end, and at its time comes what
the scheduled jobs do for the present: unpaid deposits and bonuses expire, cashback is paid,
affiliates get their statements. Only development has a past to make up, so there is no endpoint;
like reconciliation, this works on the running stack's Postgres, and the relay tells the warehouse.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import asyncpg

from api.audit import audit
from api.passwords import Passwords
from api.past_visits import Clock, Lobby, PastDesk, PlayerKey, Visit
from ledger.account import PlayerState
from ledger.affiliates import state_affiliates
from ledger.bet_record import SpinResult
from ledger.cashback import pay_cashback
from ledger.catalogue import current_catalogue
from ledger.commands import MoneyDesk
from ledger.database import Role, create_pool
from ledger.deposits import expire_deposits
from ledger.fairness import SeedVault
from ledger.grants import expire_benefits
from ledger.jackpot import HitVault
from ledger.named_sql import named_queries
from ledger.past_bets import settle_past
from ledger.players import register_player
from ledger.weeks import Week, last_full_week, week_of
from loadgen.history import Brand, History, PastPlayer, brand_of, plan_history
from loadgen.roster import Bot, roster

SQL = named_queries("history.sql", Path(__file__).parent / "sql")
HOUR = timedelta(hours=1)
TURNS_AT_ONCE = 1_000
COMMANDS_AT_ONCE = 4
# A job's run at the present's clock would take the past for long overdue.
HELD_JOBS = ("expire_benefits", "expire_deposits", "pay_cashback", "resend_payouts",
             "state_affiliates")  # fmt: skip

Progress = Callable[[int, int], None]


class HistoryRefused(Exception):
    """The history cannot be written here; says why."""


async def seed_history(
    owner_url: str,
    secret_key: str,
    password: str,
    *,
    days: int,
    players: int,
    bets_per_day: int,
    progress: Progress | None = None,
    seed: int = 1,
) -> dict[str, int]:
    """Write ``days`` of past play up to now; returns how much of what happened.

    ``players`` new bots are dealt over the operators and can log in with ``password``;
    ``bets_per_day`` is each operator's average. Raises :class:`HistoryRefused` if there is a
    history already, or no operator. Whatever ends it, the books agree: every hour's play is
    committed in whole transactions.
    """
    end = datetime.now(UTC).replace(second=0, microsecond=0)
    async with AsyncExitStack() as stack:
        owner = await asyncpg.connect(owner_url)
        stack.push_async_callback(owner.close)
        for job in HELD_JOBS:
            await owner.execute(SQL["hold_job"], job)
        await _require_no_history(owner)
        rng = Random(seed)  # noqa: S311 - variety, not secrets
        plan = await _plan(owner, days, players, bets_per_day, end, rng)
        codes = await _affiliate_codes(owner, plan.start)
        pools = {
            role: await stack.enter_async_context(
                await create_pool(owner_url, role, secret_key, max_size=COMMANDS_AT_ONCE + 1)
            )
            for role in (Role.BATCH, Role.AUTH)
        }
        async with pools[Role.BATCH].acquire() as connection:
            desk = MoneyDesk(pools[Role.BATCH], SeedVault(secret_key), HitVault(secret_key))
            _, desk.catalogue = await current_catalogue(connection, desk.catalogue)
        passwords = Passwords()
        stack.callback(passwords.close)
        past = PastHours(plan, desk, pools, await passwords.hash(password), codes, rng)
        facts = {"days": days, "from": plan.start.isoformat(), "to": plan.end.isoformat()}
        await audit(owner, action="history.begun", detail=facts)
        await past.run(progress)
        await audit(owner, action="history.finished", detail=facts | past.counts)
    return dict(past.counts)


async def _require_no_history(owner: asyncpg.Connection) -> None:
    row = await owner.fetchrow(SQL["begun"])
    if row is None or row["begun_at"] is None:
        return
    when = row["begun_at"].strftime("%Y-%m-%d %H:%M UTC")
    if row["finished"]:
        raise HistoryRefused(f"a history was seeded at {when}; there is only one past")
    raise HistoryRefused(
        f"a history was begun at {when} and broke off; what it wrote stands and cannot be "
        "continued, so start afresh with another data directory"
    )


async def _plan(
    owner: asyncpg.Connection,
    days: int,
    players: int,
    bets_per_day: int,
    end: datetime,
    rng: Random,
) -> History:
    """The plan for new bots of every active operator: the roster's first that do not exist."""
    brands = [brand_of(row) for row in await owner.fetch(SQL["brands"])]
    if not brands:
        raise HistoryRefused("there are no operators yet; run `pitboss seed static` first")
    taken = {(row["operator_id"], row["username"]) for row in await owner.fetch(SQL["usernames"])}
    bots = _new_bots(brands, players, taken)
    return plan_history(brands, bots, days=days, bets_per_day=bets_per_day, end=end, rng=rng)


def _new_bots(
    brands: Sequence[Brand], players: int, taken: set[tuple[int, str]]
) -> dict[int, list[Bot]]:
    entries = [{"operator_id": brand.operator_id, "slug": brand.slug} for brand in brands]
    known = max(sum(operator_id == brand.operator_id for operator_id, _ in taken)
                for brand in brands)  # fmt: skip
    fresh: dict[int, list[Bot]] = defaultdict(list)
    everyone = roster(entries, (known + players) * len(brands))
    free = (bot for bot in everyone if (bot.operator_id, bot.username) not in taken)
    for bot in free:
        place = len(fresh[bot.operator_id]) * len(brands) + _index(brands, bot.operator_id)
        if place < players:
            fresh[bot.operator_id].append(bot)
    return fresh


def _index(brands: Sequence[Brand], operator_id: int) -> int:
    return next(i for i, brand in enumerate(brands) if brand.operator_id == operator_id)


async def _affiliate_codes(owner: asyncpg.Connection, start: datetime) -> dict[int, list[str]]:
    codes: dict[int, list[str]] = defaultdict(list)
    for row in await owner.fetch(SQL["open_affiliates"], week_of(start).monday):
        codes[row["operator_id"]].append(row["code"])
    return codes


class PastHours:
    """Lets the hours of a plan pass, one after the other."""

    def __init__(
        self,
        plan: History,
        desk: MoneyDesk,
        pools: dict[Role, asyncpg.Pool],
        password_hash: str,
        codes: dict[int, list[str]],
        rng: Random,
    ) -> None:
        self.counts: Counter[str] = Counter()
        self._plan = plan
        self._desk = desk
        self._auth = pools[Role.AUTH]
        self._batch = pools[Role.BATCH]
        self._password_hash = password_hash
        self._codes = codes
        self._rng = rng
        self._clock = Clock()
        self._lobby = Lobby(desk.catalogue)
        self._past = PastDesk(desk, self._clock, rng, self.counts)
        self._to_register = sorted(plan.players, key=lambda player: player.registered_at)
        self._to_come = list(reversed(plan.sessions))
        self._keys: dict[str, PlayerKey] = {}
        self._states: dict[PlayerKey, PlayerState] = {}
        self._here: list[Visit] = []
        self._back: list[Visit] = []

    async def run(self, progress: Progress | None) -> None:
        """Every hour from the first to the last."""
        first = self._plan.start.replace(minute=0, second=0, microsecond=0)
        total = -(-(self._plan.end - first) // HOUR)
        for number in range(total):
            await self._pass(first + number * HOUR)
            if progress:
                progress(number + 1, total)

    async def _pass(self, hour: datetime) -> None:
        until = min(hour + HOUR, self._plan.end)
        await self._housekeeping(hour)
        await self._register(until)
        await self._past.catch_up(hour)
        arriving = self._arriving(until)
        arriving += self._back
        await _some_at_once(self._past.arrive(v, self._states.get(v.key)) for v in arriving)
        self._here += arriving
        await self._play(until)
        leaving = [visit for visit in self._here if visit.over]
        self._here = [visit for visit in self._here if not visit.over]
        self._back = [visit for visit in leaving if visit.comes_back(hour + HOUR)]
        leaving = [visit for visit in leaving if visit not in self._back]
        left = await _some_at_once(
            self._past.leave(visit, visit.last_at + timedelta(seconds=20))
            for visit in leaving
            if visit.last_at + timedelta(minutes=1) < self._plan.end
        )
        self._states |= {(s.operator_id, s.user_id): s for s in left if s is not None}

    async def _housekeeping(self, hour: datetime) -> None:
        """What the jobs of the time did before this hour's play."""
        await expire_deposits(self._batch, hour)
        await expire_benefits(self._desk.at(hour), hour)
        if hour.hour == 0 and hour.weekday() == 0 and hour > self._plan.start:
            await self._close_week(last_full_week(hour), hour)

    async def _close_week(self, week: Week, hour: datetime) -> None:
        paid = await pay_cashback(self._desk.at(hour), week)
        self.counts["cashbacks"] += paid.players
        self.counts["affiliate statements"] += await state_affiliates(self._batch, week, hour)

    async def _register(self, until: datetime) -> None:
        due = []
        while self._to_register and self._to_register[0].registered_at < until:
            due.append(self._to_register.pop(0))
        if not due:
            return
        async with self._auth.acquire() as connection, connection.transaction():
            for player in due:
                await self._register_one(connection, player)
        self.counts["players"] += len(due)

    async def _register_one(self, connection: Any, player: PastPlayer) -> None:
        bot = player.bot
        registered = await register_player(
            connection,
            operator_id=bot.operator_id,
            username=bot.username,
            email=bot.email,
            password_hash=self._password_hash,
            is_bot=True,
            affiliate_code=bot.as_json(self._codes[bot.operator_id])["affiliate_code"],
            vault=self._desk.vault,
            registered_at=player.registered_at,
        )
        self._keys[bot.username] = (bot.operator_id, registered.user_id)

    def _arriving(self, until: datetime) -> list[Visit]:
        visits = []
        while self._to_come and self._to_come[-1].start < until:
            session = self._to_come.pop()
            key = self._keys[session.player.bot.username]
            visits.append(Visit(session, key, self._lobby, self._rng))
        return visits

    async def _play(self, until: datetime) -> None:
        turns = [(turn, visit) for visit in self._here for turn in visit.turns(until, self._clock)]
        turns.sort(key=lambda item: item[0].at)
        waiting = iter(turns)
        while some := list(islice(waiting, TURNS_AT_ONCE)):
            past = await settle_past(self._desk, [turn for turn, _ in some])
            self._states |= past.players
            for (turn, visit), outcome in zip(some, past.outcomes, strict=True):
                visit.settled(turn, outcome, self._clock)
                if isinstance(outcome, SpinResult):
                    self.counts["bets"] += 1
                    self.counts["jackpots"] += outcome.jackpot > 0


async def _some_at_once(work: Iterable[Awaitable[Any]]) -> list[Any]:
    """Run these, a few at a time; the first failure is raised when all have ended."""
    gate = asyncio.Semaphore(COMMANDS_AT_ONCE)

    async def one(task: Awaitable[Any]) -> Any:
        async with gate:
            return await task

    results = await asyncio.gather(*(one(task) for task in work), return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return results
