"""One hot pool under players of three operators and two processes: one winner a cycle, exactly."""

import asyncio
from collections import Counter

import pytest

from ledger.batch import BetBatcher
from ledger.jackpot import E4
from ledger.jackpots import PoolForm, open_pool
from ledger.verifier import verify_jackpot
from tests.support.cashier import deposit, differences, open_batcher, open_desk
from tests.support.forced import forced_game
from tests.support.world import Player, World

PLAYERS = 64
HITS = 20
ALL_AT_ONCE = 15  # hits until which everybody bets at once; the last ones by turns, to stop in time
WAGER = 97
RATE_BPS = 777  # contributions of 7.5369 cents: a fraction in every single one
SEED, CAP = 5_000, 6_000


@pytest.fixture(scope="module")
async def brands(world: World) -> list[int]:
    """Three operators of one currency."""
    rows = await world.owner.fetch(
        "INSERT INTO operator (slug, name, currency) SELECT 'jackpot-' || n, 'Jackpot', 'USD' "
        "FROM generate_series(1, 3) AS n RETURNING operator_id"
    )
    return [row[0] for row in rows]


@pytest.fixture
async def processes(world: World):
    """Two batchers, as two API processes have them, with small batches so that many meet."""
    running = [open_batcher(world, max_batch=16) for _ in range(2)]
    yield running
    for batcher in running:
        await batcher.stop()


async def test_twenty_hits_have_twenty_winners_and_no_sub_unit_is_lost(
    world: World, brands: list[int], processes: list[BetBatcher]
) -> None:
    # The largest wager bounds the largest contribution, which the cap must leave room for.
    game = await forced_game(world, 0, max_wager=WAGER)
    form = PoolForm(
        name="hot", currency="USD", seed=SEED, cap=CAP, rate_bps=RATE_BPS, game_ids=[game]
    )
    pool_id = await open_pool(open_desk(world).pool, world.hits, form)
    players = [await world.player(brands[n % 3]) for n in range(PLAYERS)]
    await asyncio.gather(*(deposit(open_desk(world), player, 50_000) for player in players))

    won: list[tuple[Player, int]] = []
    turns = asyncio.Lock()

    async def bet(player: Player, batcher: BetBatcher) -> None:
        answer = (await batcher.submit(player.spin(game, WAGER))).result
        if answer.jackpot:
            won.append((player, answer.jackpot))

    async def play(player: Player, batcher: BetBatcher) -> int:
        bets = 0
        while len(won) < ALL_AT_ONCE:
            await bet(player, batcher)
            bets += 1
        while True:
            async with turns:
                if len(won) == HITS:
                    return bets
                await bet(player, batcher)
                bets += 1

    played = await asyncio.gather(
        *(play(player, processes[number % 2]) for number, player in enumerate(players))
    )
    wins = await world.owner.fetch(
        "SELECT w.*, c.commitment FROM jackpot_win AS w JOIN jackpot_cycle AS c "
        "USING (pool_id, cycle_no) WHERE pool_id = $1 ORDER BY cycle_no",
        pool_id,
    )
    assert [row["cycle_no"] for row in wins] == list(range(1, HITS + 1))
    assert len(won) == len({row["bet_id"] for row in wins}) == HITS
    assert Counter((row["user_id"], row["amount"]) for row in wins) == Counter(
        (player.user_id, amount) for player, amount in won
    )
    assert {row["operator_id"] for row in wins} <= set(brands)
    for row in wins:
        assert SEED * E4 < row["hit_e4"] <= CAP * E4 - WAGER * RATE_BPS
        assert row["hit_e4"] // E4 <= row["amount"] <= CAP
        assert verify_jackpot(_public(row)) == []
    await _conserved(world, pool_id, sum(played))
    assert await differences(world) == []


def _public(row) -> dict:
    """The part of a won cycle that anyone may see."""
    return {
        "commitment": row["commitment"].hex(),
        "nonce": row["nonce"].hex(),
        "hit_e4": row["hit_e4"],
        "amount": row["amount"],
    }


async def _conserved(world: World, pool_id: int, bets: int) -> None:
    """Σ seeds + Σ contributions − Σ payouts = Σ pools, to 1/10,000 of a cent."""
    fed = await world.owner.fetchrow(
        "SELECT count(*) AS bets, sum(jackpot_contribution_e4) AS contributed_e4, "
        "sum((effect ->> 2)::bigint) AS by_pool_e4, sum(b.jackpot) AS jackpots "
        "FROM bet_log AS b, jsonb_array_elements(b.effects -> 'pools') AS effect "
        "WHERE (effect ->> 0)::int = $1",
        pool_id,
    )
    pool = await world.owner.fetchrow(
        "SELECT p.amount_e4, p.cycle_no, "
        "(SELECT sum(seed) FROM jackpot_cycle AS c WHERE c.pool_id = p.pool_id) AS seeds, "
        "(SELECT sum(amount) FROM jackpot_win AS w WHERE w.pool_id = p.pool_id) AS paid "
        "FROM jackpot_pool AS p WHERE pool_id = $1",
        pool_id,
    )
    assert fed is not None
    assert pool is not None
    assert fed["bets"] == bets
    assert fed["contributed_e4"] == fed["by_pool_e4"] == bets * WAGER * RATE_BPS
    assert pool["seeds"] == pool["cycle_no"] * SEED
    assert fed["jackpots"] == pool["paid"]
    assert pool["amount_e4"] == (pool["seeds"] * E4 + fed["contributed_e4"] - pool["paid"] * E4)
    posted = await world.owner.fetchval(
        "SELECT sum(amount) FROM posting WHERE account = $1", f"jackpot_pool:{pool_id}"
    )
    assert posted == pool["amount_e4"] // E4


async def test_a_bet_feeds_every_pool_of_its_currency_and_of_no_other(
    world: World, brands: list[int], processes: list[BetBatcher]
) -> None:
    game = await forced_game(world, 100)
    desk = open_desk(world)
    fed = [
        await open_pool(
            desk.pool,
            world.hits,
            PoolForm(
                name=name,
                currency=currency,
                seed=seed,
                cap=seed * 100_000,
                rate_bps=rate,
                game_ids=[game],
            ),
        )
        for name, currency, seed, rate in (
            ("mini", "USD", 100, 10),
            ("grand", "USD", 10_000, 25),
            ("mini", "SEK", 100, 10),
        )
    ]
    player = await world.player(brands[0])
    await deposit(desk, player, 1_000)
    await processes[0].submit(player.spin(game, 300))
    amounts = await world.owner.fetch(
        "SELECT amount_e4 - seed * 10000 FROM jackpot_pool WHERE pool_id = any($1) "
        "ORDER BY pool_id",
        fed,
    )
    assert [row[0] for row in amounts] == [300 * 10, 300 * 25, 0]


async def test_the_next_cycles_hit_point_is_secret_and_committed_to(world: World) -> None:
    rows = await world.owner.fetch(
        "SELECT p.pool_id, p.cycle_no, p.commitment, p.encrypted_hit, c.commitment AS opened_with "
        "FROM jackpot_pool AS p JOIN jackpot_cycle AS c USING (pool_id, cycle_no)"
    )
    assert rows
    for row in rows:
        point = world.hits.open_point(row["pool_id"], row["cycle_no"], row["encrypted_hit"])
        assert row["commitment"] == row["opened_with"] == point.commitment
        assert point.nonce not in row["encrypted_hit"]
        assert point.hit_e4.to_bytes(16, "big") not in row["encrypted_hit"]
