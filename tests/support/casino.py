"""A casino for the money machine: brands, games of every sort, hot pools, and an auditor."""

import asyncio
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import asyncpg
import msgspec

from ledger.batch import BetBatcher
from ledger.bonus import MIXED, STRICT
from ledger.commands import MoneyDesk
from ledger.jackpots import PoolForm, open_pool
from ledger.policies import declare_policy
from tests.support.cashier import open_batcher, open_desk
from tests.support.forced import forced_game
from tests.support.world import Player, World, open_world

T = TypeVar("T")

# Every account of these players against everything that explains it. One row for each violation.
AUDIT = """
WITH mine AS (
    SELECT w.*, u.vip_experience FROM unnest($1::uuid[]) AS m (user_id)
    JOIN wallet AS w USING (user_id) JOIN "user" AS u USING (operator_id, user_id)
),
facts AS (
    SELECT m.*,
        p.posted_real, p.posted_bonus, p.posted_held, p.posted_debt,
        (SELECT coalesce(sum(t.balance), 0) FROM bonus_task AS t WHERE t.operator_id = m.operator_id
            AND t.user_id = m.user_id AND t.status = 'ACTIVE') AS in_tasks,
        (SELECT coalesce(sum(t.amount), 0) FROM transaction AS t
            WHERE t.operator_id = m.operator_id AND t.user_id = m.user_id
            AND t.kind = 'WITHDRAWAL' AND t.status IN ('PENDING', 'APPROVED')) AS in_withdrawals,
        (SELECT coalesce(sum(b.xp_added), 0) FROM bet_log AS b
            LEFT JOIN bet_rollback AS r USING (operator_id, bet_id)
            WHERE b.operator_id = m.operator_id AND b.user_id = m.user_id
            AND r.bet_id IS NULL) AS xp_of_bets,
        (SELECT coalesce(sum((t.detail ->> 'xp')::bigint), 0) FROM transaction AS t
            WHERE t.operator_id = m.operator_id AND t.user_id = m.user_id
            AND t.kind = 'DEPOSIT' AND t.status = 'COMPLETED') AS xp_of_deposits,
        (SELECT coalesce(sum((o.payload -> 'liability_delta')::bigint), 0) FROM outbox AS o
            WHERE o.payload ->> 'user_id' = m.user_id::text
            AND o.topic IN ('bets', 'transactions')) AS told
    FROM mine AS m,
    LATERAL (
        SELECT
            coalesce(sum(amount) FILTER (WHERE account = 'player_real'), 0) AS posted_real,
            coalesce(sum(amount) FILTER (WHERE account = 'player_bonus'), 0) AS posted_bonus,
            coalesce(sum(amount) FILTER (WHERE account = 'player_held'), 0) AS posted_held,
            coalesce(sum(amount) FILTER (WHERE account = 'player_debt'), 0) AS posted_debt
        FROM posting AS p WHERE p.operator_id = m.operator_id AND p.user_id = m.user_id
    ) AS p
)
SELECT * FROM facts WHERE
    (real_balance, bonus_balance, held_balance, debt)
        IS DISTINCT FROM (posted_real, posted_bonus, posted_held, -posted_debt)
    OR real_balance + bonus_balance + held_balance <> told
    OR bonus_balance <> in_tasks
    OR held_balance <> in_withdrawals
    OR vip_experience <> xp_of_bets + xp_of_deposits
    OR least(real_balance, bonus_balance, held_balance, debt) < 0
"""

JOURNALS = """
SELECT journal_id, currency, sum(amount) FROM posting WHERE created_at >= $1
GROUP BY operator_id, journal_id, currency HAVING sum(amount) <> 0
"""

# What has gone into and out of each pool by these players' bets, in 1/10,000 minor units. A bet
# rolled back has taken its contribution out again if its cycle was still open.
POOLS = """
SELECT p.pool_id, p.amount_e4, p.cycle_no,
    coalesce((SELECT sum(c.seed) FROM jackpot_cycle AS c WHERE c.pool_id = p.pool_id), 0) * 10000
    - coalesce((SELECT sum(w.amount) FROM jackpot_win AS w WHERE w.pool_id = p.pool_id), 0) * 10000
    + coalesce((
        SELECT sum((fed.effect ->> 2)::bigint)
        FROM unnest($1::uuid[]) AS m (user_id)
        JOIN wallet AS w USING (user_id)
        JOIN bet_log AS b ON b.operator_id = w.operator_id AND b.user_id = w.user_id,
        LATERAL jsonb_array_elements(b.effects -> 'pools') AS fed (effect)
        WHERE (fed.effect ->> 0)::int = p.pool_id AND NOT EXISTS (
            SELECT FROM bet_rollback AS r
            WHERE r.operator_id = b.operator_id AND r.bet_id = b.bet_id AND NOT EXISTS (
                SELECT FROM jackpot_win AS won
                WHERE won.pool_id = p.pool_id AND won.cycle_no = (fed.effect ->> 1)::bigint
                AND won.won_at < r.rolled_back_at
            )
        )
    ), 0) AS explained_e4
FROM jackpot_pool AS p
"""


# How often what the machine is for has happened.
TALLY = """
SELECT jsonb_object_agg(what, times) FROM (
    SELECT 'bonus ' || lower(s.status) AS what, (SELECT count(*) FROM bonus_task AS t
        WHERE t.status = s.status) AS times
    FROM unnest(ARRAY['COMPLETED', 'FORFEITED', 'EXPIRED', 'WAIVED']) AS s (status)
    UNION ALL
    SELECT lower(k.kind) || ' ' || lower(s.status), (SELECT count(*) FROM transaction AS t
        WHERE t.kind = k.kind AND t.status = s.status)
    FROM (VALUES ('DEPOSIT', 'COMPLETED'), ('DEPOSIT', 'FAILED'), ('DEPOSIT', 'EXPIRED'),
        ('DEPOSIT', 'REVERSED'), ('WITHDRAWAL', 'COMPLETED'), ('WITHDRAWAL', 'FAILED'),
        ('WITHDRAWAL', 'REJECTED')) AS k (kind, status),
        LATERAL (SELECT k.status) AS s (status)
    UNION ALL
    SELECT 'spins ' || lower(s.status), (SELECT count(*) FROM free_spin_grant AS g
        WHERE g.status = s.status)
    FROM unnest(ARRAY['USED', 'EXPIRED', 'REVOKED']) AS s (status)
    UNION ALL
    SELECT 'bet ' || lower(s.bet_type), (SELECT count(*) FROM bet_log AS b
        WHERE b.bet_type = s.bet_type)
    FROM unnest(ARRAY['REAL', 'BONUS', 'MIXED', 'FREE_SPIN']) AS s (bet_type)
    UNION ALL SELECT 'cashbacks', count(*) FROM cashback
    UNION ALL SELECT 'jackpots', count(*) FROM jackpot_win
    UNION ALL SELECT 'rollbacks', count(*) FROM bet_rollback
    UNION ALL SELECT 'rollbacks into debt', count(*) FROM bet_rollback WHERE debt > 0
    UNION ALL SELECT 'tombstones', count(*) FROM bet_tombstone
    UNION ALL SELECT 'level-ups', count(*) FROM bet_log WHERE vip_level > vip_level_before
) AS counted
"""


class Casino:
    """A world with its own event loop, so that synchronous tests can drive it step by step."""

    def __init__(self, world: World, loop: asyncio.AbstractEventLoop) -> None:
        self.world = world
        self.loop = loop
        self.desk: MoneyDesk = open_desk(world)
        self.brands: list[int] = []
        self.games: list[int] = []
        self.batchers: list[BetBatcher] = []
        self.steps = 0
        self._auditor: asyncpg.Connection | None = None

    def run(self, work: Awaitable[T]) -> T:
        """Do some work to its end."""
        return self.loop.run_until_complete(work)

    async def furnish(self) -> None:
        """Two brands of one currency under both policies, games, and two pools, one of them hot.

        Requirements are low and experience is quick, so that conversions and level-ups happen.
        """
        owner = self.world.owner
        for policy in (STRICT, MIXED):
            operator_id = await owner.fetchval(
                "INSERT INTO operator (slug, name, currency, bonus_policy, "
                "xp_minor_units_per_point) VALUES ($1, $1, 'EUR', $2, 2) RETURNING operator_id",
                f"machine-{policy.name}",
                policy.name,
            )
            assert operator_id is not None
            quick = msgspec.structs.replace(policy, multiplier=3)
            async with owner.acquire() as connection, connection.transaction():
                await declare_policy(connection, operator_id, quick)
            await owner.execute(
                "INSERT INTO payment_limit VALUES ($1, $2, $2, $2, $2)", operator_id, 10**12
            )
            self.brands.append(operator_id)
        table_games = await owner.fetchval(
            "INSERT INTO game_category (slug, name, bonus_contribution_bps) "
            "VALUES ('machine-tables', 'Tables', 1000) RETURNING category_id"
        )
        forced = [
            await forced_game(self.world, 0, max_wager=2_000),
            await forced_game(self.world, 100, max_wager=2_000),
            await forced_game(self.world, 200, max_wager=2_000),
            await forced_game(self.world, 1_000),
            await forced_game(self.world, 150, wager_step=2, min_wager=2),
            await forced_game(self.world, 100, bonus_eligible=False, xp_multiplier_tenths=20),
        ]
        self.games = [self.world.games["slot"], self.world.games["coin"], *forced]
        await owner.execute(
            "UPDATE game SET category_id = $1 WHERE game_id = $2", table_games, forced[2]
        )
        # The largest contribution is 5 x 2,000 x 7 % = 700: the hot one hits within 200 of seed.
        for name, cap, rate in (("hot", 1_000, 700), ("cold", 10**7, 33)):
            form = PoolForm(
                name=name,
                currency="EUR",
                seed=100,
                cap=cap,
                rate_bps=rate,
                game_ids=forced[:3],
            )
            await open_pool(self.desk.pool, self.world.hits, form)
        # The auditor asks for one player's and for recent postings after every step.
        await owner.execute("CREATE INDEX ON posting (operator_id, user_id)")
        await owner.execute("CREATE INDEX ON posting (created_at)")
        await owner.execute("CREATE INDEX ON outbox ((payload ->> 'user_id'))")
        self.batchers = [open_batcher(self.world) for _ in range(2)]
        self._auditor = await asyncpg.connect(self.world.owner_url)

    async def close(self) -> None:
        """Stop what runs."""
        for batcher in self.batchers:
            await batcher.stop()
        await self.auditor.close()

    @property
    def auditor(self) -> asyncpg.Connection:
        """The connection that sees every tenant and only reads."""
        assert self._auditor is not None, "not furnished"
        return self._auditor

    async def pool_gaps(self, players: list[Player]) -> dict[int, int]:
        """How far each pool is from what these bets explain; constant while all is well."""
        rows = await self.auditor.fetch(POOLS, [player.user_id for player in players])
        return {row["pool_id"]: row["amount_e4"] - row["explained_e4"] for row in rows}

    async def violations(self, players: list[Player], since: Any) -> list[Any]:
        """Accounts of these players that do not agree, and journals since then out of balance."""
        user_ids = [player.user_id for player in players]
        return [
            *await self.auditor.fetch(AUDIT, user_ids),
            *await self.auditor.fetch(JOURNALS, since),
        ]

    async def tally(self) -> dict[str, int]:
        """How often each kind of thing has happened here."""
        return msgspec.json.decode(await self.world.owner.fetchval(TALLY) or "{}")


@contextmanager
def open_casino(owner_url: str, secret_key: str) -> Iterator[Casino]:
    """A furnished casino on a fresh database."""
    loop = asyncio.new_event_loop()
    opening = open_world(owner_url, secret_key)
    casino = Casino(loop.run_until_complete(opening.__aenter__()), loop)
    try:
        casino.run(casino.furnish())
        yield casino
    finally:
        casino.run(casino.close())
        casino.run(opening.__aexit__(None, None, None))
        loop.close()
