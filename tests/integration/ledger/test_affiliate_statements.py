"""Weekly statements of affiliates from the ledger: exact, once, never edited. RULES §11."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
import msgspec
import pytest
from uuid_utils.compat import uuid7

from ledger.affiliates import (
    AffiliateTerms,
    affiliate_figures,
    change_affiliate,
    create_affiliate,
    read_affiliates,
    state_affiliates,
)
from ledger.batch import BetBatcher
from ledger.commands import MoneyDesk, player_command
from ledger.database import Role
from ledger.errors import Refusal
from ledger.grants import give_bonus, give_free_spins, waive_bonuses
from ledger.rollback import roll_back_bet
from ledger.snapshot import ledger_snapshot
from ledger.weeks import Week
from tests.support.forced import forced_game
from tests.support.weeks import last_week, move_to
from tests.support.world import Player, World


@pytest.fixture
async def batcher(world: World):
    running = BetBatcher(world.pools[Role.BATCH], world.vault, world.hits, lambda fresh: None)
    running.start()
    yield running
    await running.stop()


@pytest.fixture(scope="module")
async def games(world: World) -> dict[int, int]:
    """Games by what they always pay, in hundredths."""
    return {pays: await forced_game(world, pays) for pays in (0, 200)}


@pytest.fixture
def desk(world: World) -> MoneyDesk:
    return MoneyDesk(world.pools[Role.BATCH], world.vault, world.hits)


async def affiliate(world: World, **terms: object) -> int:
    code = uuid7().hex[-12:]
    form = AffiliateTerms(code=code, name="Partner", **terms)  # type: ignore[arg-type]
    async with world.owner.acquire() as connection:
        return await create_affiliate(connection, world.operators[0], form)


async def recruit(world: World, affiliate_id: int, balance: int = 0) -> Player:
    """A player whom the affiliate brought."""
    player = await world.player(balance=balance)
    await world.owner.execute(
        'UPDATE "user" SET affiliate_id = $2 WHERE user_id = $1', player.user_id, affiliate_id
    )
    return player


async def statements(world: World, affiliate_id: int) -> list[asyncpg.Record]:
    return await world.owner.fetch(
        "SELECT week, ggr, bonus_cost, correction, carried_in, rate_bps, amount, carried_out "
        "FROM affiliate_statement WHERE affiliate_id = $1 ORDER BY week",
        affiliate_id,
    )


async def state(world: World, week: Week | None = None) -> int:
    return await state_affiliates(world.pools[Role.BATCH], week or last_week())


async def bonus(desk: MoneyDesk, player: Player, amount: int) -> UUID:
    async with player_command(desk, player.operator_id, player.user_id) as command:
        return give_bonus(command, amount=amount, kind="GRANT", source_id=uuid7())


async def test_a_week_is_stated_once_from_bets_and_bonus_cost(
    world: World, batcher: BetBatcher, desk: MoneyDesk, games: dict[int, int]
) -> None:
    partner, other = await affiliate(world), await affiliate(world)
    player = await recruit(world, partner, balance=100_000)
    stranger = await recruit(world, other, balance=1_000)
    lost = (await batcher.submit(player.spin(games[0], 20_000))).result
    won = (await batcher.submit(player.spin(games[200], 5_000))).result
    undone = (await batcher.submit(player.spin(games[0], 7_777))).result
    theirs = (await batcher.submit(stranger.spin(games[0], 1_000))).result
    today = (await batcher.submit(player.spin(games[0], 900))).result
    given, waived = await bonus(desk, player, 300), await bonus(desk, player, 400)
    await waive_bonuses(desk, player.operator_id, player.user_id, waived)
    kept = await bonus(desk, player, 1_000)
    await roll_back_bet(desk, undone.bet_id, "test", "nobody")
    moved = [lost.bet_id, won.bet_id, undone.bet_id, theirs.bet_id, given, waived, kept]
    await move_to(world, last_week(), *moved)

    assert await state(world) == 2
    assert await state(world) == 0
    # GGR 200.00 - 50.00; what was waived costs nothing; 5 % of 140.00.
    (row,) = await statements(world, partner)
    assert tuple(row) == (last_week().monday, 15_000, 1_000, 0, 0, 500, 700, 0)
    (row,) = await statements(world, other)
    assert (row["ggr"], row["bonus_cost"], row["amount"]) == (1_000, 0, 50)
    assert today.wager == 900


async def test_a_free_spins_win_is_a_cost_and_its_rollback_takes_it_back(
    world: World, batcher: BetBatcher, desk: MoneyDesk, games: dict[int, int]
) -> None:
    partner = await affiliate(world)
    player = await recruit(world, partner)
    async with player_command(desk, player.operator_id, player.user_id) as command:
        give_free_spins(
            command, game_id=games[200], stake=100, count=2, source="test", source_key="1"
        )
    free = [msgspec.structs.replace(player.spin(games[200], 0), free_spin=True) for _ in "ab"]
    first = (await batcher.submit(free[0])).result
    second = (await batcher.submit(free[1])).result
    await roll_back_bet(desk, second.bet_id, "test", "nobody")
    # Whenever the rollback was made, it belongs to the time of its bet.
    await world_bets_back(world, first.bet_id, second.bet_id)
    async with ledger_snapshot(world.pools[Role.BATCH]) as connection:
        figures = await affiliate_figures(connection, player.operator_id, partner, last_week())
    assert (figures.ggr, figures.bonus_cost) == (0, 200)


async def world_bets_back(world: World, *bets: UUID) -> None:
    """Move the bets and their own journals, not what rolled them back."""
    week = last_week()
    async with world.owner.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL session_replication_role = 'replica'")
        await connection.execute(
            "UPDATE bet_log SET created_at = $1 WHERE bet_id = any($2::uuid [])",
            week.start,
            list(bets),
        )
        await connection.execute(
            "UPDATE posting SET created_at = $1 "
            "WHERE reference_kind = 'bet' AND reference_id = any($2::uuid [])",
            week.start,
            list(bets),
        )


async def test_a_late_rollback_corrects_the_next_statement_once(
    world: World, batcher: BetBatcher, desk: MoneyDesk, games: dict[int, int]
) -> None:
    partner = await affiliate(world)
    player = await recruit(world, partner, balance=100_000)
    early = Week(last_week().monday - timedelta(days=14))
    bet = (await batcher.submit(player.spin(games[0], 10_000))).result
    later = (await batcher.submit(player.spin(games[0], 30_000))).result
    await world.owner.execute(
        "UPDATE affiliate SET created_at = $2 WHERE affiliate_id = $1", partner, early.start
    )
    await move_to(world, early, bet.bet_id)
    await move_to(world, early.following, later.bet_id)
    await state(world, early)
    await roll_back_bet(desk, bet.bet_id, "test", "nobody")
    await state(world)
    rows = [
        (row["week"], row["ggr"], row["correction"], row["amount"])
        for row in await statements(world, partner)
    ]
    assert rows == [
        (early.monday, 10_000, 0, 500),
        (early.following.monday, 30_000, -10_000, 1_000),
        (last_week().monday, 0, 0, 0),
    ]


async def test_missed_weeks_are_made_up_and_bad_ones_carried(
    world: World, batcher: BetBatcher, games: dict[int, int]
) -> None:
    partner = await affiliate(world, carries_negative=True, rate_bps=1_000)
    player = await recruit(world, partner, balance=100_000)
    first = Week(last_week().monday - timedelta(days=7))
    won = (await batcher.submit(player.spin(games[200], 4_000))).result
    lost = (await batcher.submit(player.spin(games[0], 9_000))).result
    await world.owner.execute(
        "UPDATE affiliate SET created_at = $2 WHERE affiliate_id = $1", partner, first.start
    )
    await move_to(world, first, won.bet_id)
    await move_to(world, last_week(), lost.bet_id)
    await state(world)
    bad, good = await statements(world, partner)
    assert (bad["ggr"], bad["amount"], bad["carried_out"]) == (-4_000, 0, -4_000)
    assert (good["carried_in"], good["amount"], good["carried_out"]) == (-4_000, 500, 0)


async def test_statements_are_never_edited(world: World) -> None:
    await affiliate(world)
    await state(world)
    with pytest.raises(asyncpg.RestrictViolationError):
        await world.owner.execute("UPDATE affiliate_statement SET amount = amount + 1")


async def test_codes_are_unique_within_an_operator_and_terms_can_be_changed(world: World) -> None:
    async with world.owner.acquire() as connection:
        form = AffiliateTerms(code="same", name="One")
        first = await create_affiliate(connection, world.operators[0], form)
        await create_affiliate(connection, world.operators[1], form)
        with pytest.raises(Refusal, match="affiliate_exists"):
            await create_affiliate(connection, world.operators[0], form)
        changed = AffiliateTerms(code="same", name="Two", rate_bps=700)
        await change_affiliate(connection, world.operators[0], first, changed)
        (row,) = await read_affiliates(connection, world.operators[0], first)
        assert (row["name"], row["rate_bps"], row["players"]) == ("Two", 700, 0)
        with pytest.raises(Refusal, match="affiliate_not_found"):
            await change_affiliate(connection, world.operators[1], first, changed)


def test_last_week_is_over() -> None:
    assert last_week().end <= datetime.now(UTC)
