"""A made-up past reconciles to the cent in both stores, and nothing of it lies in the future."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime

import asyncpg
import pytest

from api import history
from api.history import HistoryRefused
from api.past_visits import PastDesk
from ledger.affiliates import Figures as AffiliateFigures
from ledger.affiliates import affiliate_share
from ledger.errors import Refusal
from ledger.reconcile import reconcile_pools
from ledger.weeks import Week
from ledger.withdrawals import reject_withdrawal
from tests.integration.warehouse.conftest import Stream
from tests.support.cashier import differences, open_desk
from tests.support.past import BETS, DAYS, PLAYERS, furnish, seed_past
from tests.support.world import World
from warehouse.reconcile import reconcile_warehouse


@pytest.fixture(scope="module")
async def furnished(world: World) -> World:
    await furnish(world)
    return world


@pytest.fixture(scope="module")
async def counts(furnished: World, stream: Stream) -> dict[str, int]:
    counted = await seed_past(furnished)
    await stream.drain()
    return counted


async def test_everything_that_can_happen_has_happened(counts: dict[str, int]) -> None:
    assert counts["players"] == PLAYERS
    assert counts["bets"] > DAYS * BETS
    for what in ("deposits", "withdrawals", "rollbacks", "cashbacks", "affiliate statements"):
        assert counts[what] > 0, what


async def test_the_books_agree_in_both_stores(
    counts: dict[str, int], world: World, clickhouse_url: str
) -> None:
    assert await differences(world) == []
    async with world.owner.acquire() as connection:
        assert await reconcile_pools(connection) == []
    assert await reconcile_warehouse(world.owner_url, clickhouse_url) == []
    assert await world.owner.fetchval("SELECT count(*) FROM bet_log") == counts["bets"]


MOMENTS = """
SELECT 'bet_log' AS source, user_id, created_at AS at FROM bet_log
UNION ALL SELECT 'posting', user_id, created_at FROM posting
UNION ALL SELECT 'transaction', user_id, created_at FROM transaction
UNION ALL SELECT 'updated', user_id, updated_at FROM transaction
UNION ALL SELECT 'bonus_task', user_id, created_at FROM bonus_task
UNION ALL SELECT 'closed', user_id, closed_at FROM bonus_task
UNION ALL SELECT 'free_spin_grant', user_id, created_at FROM free_spin_grant
UNION ALL SELECT 'cashback', user_id, created_at FROM cashback
UNION ALL SELECT 'seed', user_id, created_at FROM fairness_seed
"""


@pytest.mark.usefixtures("counts")
async def test_nothing_is_before_its_player_or_after_now(world: World) -> None:
    rows = await world.owner.fetch(
        f'SELECT source, m.at, u.created_at FROM ({MOMENTS}) AS m JOIN "user" AS u USING (user_id)'
        " WHERE m.at IS NOT NULL AND (m.at < u.created_at OR m.at > now())"
    )
    assert rows == []


@pytest.mark.usefixtures("counts")
async def test_a_players_balances_follow_one_another_in_time(world: World) -> None:
    """In the order of time, each bet begins with the balance that the last posting left."""
    broken = await world.owner.fetchval("""
        SELECT count(*) FROM bet_log AS b
        WHERE b.real_balance_before <> coalesce((
            SELECT p.balance_after FROM posting AS p
            WHERE p.operator_id = b.operator_id AND p.user_id = b.user_id
            AND p.account = 'player_real' AND p.created_at < b.created_at
            ORDER BY p.created_at DESC, p.journal_id DESC, p.leg DESC LIMIT 1
        ), 0)
    """)
    assert broken == 0


@pytest.mark.usefixtures("counts")
async def test_whole_weeks_are_closed_as_they_would_have_been(world: World) -> None:
    statements = await world.owner.fetch("SELECT * FROM affiliate_statement")
    weeks = {row["week"] for row in statements}
    assert len(weeks) >= 2
    for row in statements:
        figures = AffiliateFigures(ggr=row["ggr"], bonus_cost=row["bonus_cost"])
        share = affiliate_share(
            figures, row["rate_bps"], correction=row["correction"], carried_in=row["carried_in"]
        )
        assert row["amount"] == share.amount
        assert row["created_at"] == Week(row["week"]).end
    assert sum(row["ggr"] != 0 for row in statements) > 0
    for row in await world.owner.fetch("SELECT * FROM cashback"):
        lost = await world.owner.fetchval(
            "SELECT sum(wager_real - win_real) FROM bet_log WHERE user_id = $1 "
            "AND created_at >= $2 AND created_at < $3 AND bet_id NOT IN "
            "(SELECT bet_id FROM bet_rollback)",
            row["user_id"],
            Week(row["week"]).start,
            Week(row["week"]).end,
        )
        assert row["net_loss"] == lost
        assert row["created_at"] == Week(row["week"]).end


@pytest.mark.usefixtures("counts")
async def test_players_are_flagged_and_spread_over_the_days(
    world: World, clickhouse_url: str
) -> None:
    rows = await world.owner.fetch('SELECT created_at, is_bot FROM "user"')
    assert all(row["is_bot"] for row in rows)
    days = {row["created_at"].date() for row in rows}
    assert len(days) > DAYS / 3
    assert max(days) < datetime.now(UTC).date() or len(days) > 1


@pytest.mark.usefixtures("counts")
async def test_there_is_one_past(world: World) -> None:
    with pytest.raises(HistoryRefused, match="there is only one past"):
        await seed_past(world)


async def forget_history(postgres_url: str) -> None:
    """Only tests may: lift the guard of the audit trail and take the record of a history away."""
    owner = await asyncpg.connect(postgres_url)
    await owner.execute("SET session_replication_role = 'replica'")
    await owner.execute("DELETE FROM audit_log WHERE action LIKE 'history.%'")
    await owner.close()


class Interrupted(Exception):
    """What stands for a cut cable."""


async def test_a_history_that_broke_off_leaves_books_that_agree(
    postgres_url: str, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever ends it: what is committed is whole, and the next try says what is the matter."""
    await forget_history(postgres_url)
    before = await world.owner.fetchval("SELECT count(*) FROM bet_log")
    times = 0
    leave = PastDesk.leave

    async def cut(self: PastDesk, *arguments: object) -> object:
        nonlocal times
        times += 1
        if times > 40:
            raise Interrupted
        return await leave(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(history.PastDesk, "leave", cut)
    with pytest.raises(Interrupted):
        await seed_past(world)
    assert await world.owner.fetchval("SELECT count(*) FROM bet_log") > before
    assert await differences(world) == []
    with pytest.raises(HistoryRefused, match="broke off"):
        await seed_past(world)


async def test_the_presents_staff_may_be_quicker(postgres_url: str, world: World) -> None:
    """Whoever decides on a withdrawal of the past while the past is written: it is decided once."""
    await forget_history(postgres_url)
    desk, decided = open_desk(world), 0
    done = asyncio.Event()

    async def staff() -> None:
        nonlocal decided
        while not done.is_set():
            for row in await world.owner.fetch(
                "SELECT operator_id, transaction_id FROM transaction "
                "WHERE kind = 'WITHDRAWAL' AND status = 'PENDING'"
            ):
                with suppress(Refusal):
                    await reject_withdrawal(
                        desk, *row.values(), reason="no", actor="test", witness=nobody
                    )
                    decided += 1
            await asyncio.sleep(0.01)

    async def nobody(_: object) -> None:
        pass

    working = asyncio.create_task(staff())
    try:
        await seed_past(world)
    finally:
        done.set()
        await working
    assert decided > 0
    assert await differences(world) == []
