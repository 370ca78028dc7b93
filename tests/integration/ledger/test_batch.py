"""Spins through the real micro-batch against Postgres."""

import asyncio
from collections import Counter
from typing import cast

import asyncpg
import pytest

from ledger.batch import BetBatcher, Settled
from ledger.bet_record import BetRow
from ledger.database import Role
from ledger.errors import Refusal
from tests.support.world import Player, World


@pytest.fixture
async def batcher(world: World):
    running = BetBatcher(world.pools[Role.BATCH], world.vault, world.hits, lambda fresh: None)
    running.start()
    yield running
    await running.stop()


async def outcomes(batcher: BetBatcher, requests: list) -> list[Settled | BaseException]:
    return await asyncio.gather(*map(batcher.submit, requests), return_exceptions=True)


async def test_balances_follow_the_wins_and_journals_explain_them(
    world: World, batcher: BetBatcher
) -> None:
    players = [await world.player(balance=5_000) for _ in range(10)]
    game = world.games["slot"]
    answers = await outcomes(batcher, [p.spin(game, 10) for p in players for _ in range(20)])

    settled = [answer for answer in answers if isinstance(answer, Settled)]
    assert len(settled) == 200
    for number, player in enumerate(players):
        own = settled[number * 20 : number * 20 + 20]
        expected = 5_000 + sum(a.result.win - a.result.wager for a in own)
        assert await world.real_balance(player) == expected
        assert own[-1].result.balances.real == expected
        assert [a.result.fairness.nonce for a in own] == list(range(20))
        from_postings = await world.owner.fetchval(
            "SELECT sum(amount) FROM posting WHERE user_id = $1", player.user_id
        )
        assert from_postings == expected


async def test_one_key_is_one_bet_however_often_and_at_once_it_is_asked(
    world: World, batcher: BetBatcher
) -> None:
    player = await world.player(balance=1_000)
    request = player.spin(world.games["coin"], 100, key="the-same")
    answers = await outcomes(batcher, [request] * 100)
    later = await batcher.submit(request)

    results = {cast(Settled, answer).result for answer in answers} | {later.result}
    assert len(results) == 1
    assert Counter(cast(Settled, answer).replayed for answer in answers) == {False: 1, True: 99}
    bets = await world.owner.fetchval(
        "SELECT count(*) FROM bet_log WHERE user_id = $1", player.user_id
    )
    assert bets == 1
    assert await world.real_balance(player) == 1_000 - 100 + later.result.win


async def test_a_key_with_another_body_is_refused(world: World, batcher: BetBatcher) -> None:
    player = await world.player(balance=1_000)
    await batcher.submit(player.spin(world.games["coin"], 100, key="k"))
    with pytest.raises(Refusal) as refused:
        await batcher.submit(player.spin(world.games["coin"], 200, key="k"))
    assert refused.value.code == "idempotency_key_reused"


async def test_a_refused_bet_disturbs_no_other_and_frees_its_key(
    world: World, batcher: BetBatcher
) -> None:
    poor, rich = await world.player(balance=50), await world.player(balance=1_000)
    coin = world.games["coin"]
    answers = await outcomes(
        batcher,
        [
            poor.spin(coin, 100, key="k"),
            rich.spin(coin, 100),
            rich.spin(999_999, 100),
            rich.spin(coin, 0),
            Player(world.operators[1], rich.user_id).spin(coin, 10_000_000),
        ][:4],
    )
    codes = [a.code if isinstance(a, Refusal) else "settled" for a in answers]
    assert codes == ["insufficient_funds", "settled", "game_not_found", "limit_exceeded"]
    assert await world.real_balance(poor) == 50

    await world.fund(poor, 50)
    assert (await batcher.submit(poor.spin(coin, 100, key="k"))).replayed is False


async def test_a_wallet_held_by_another_delays_only_its_own_bets(
    world: World, batcher: BetBatcher
) -> None:
    held, free = await world.player(balance=1_000), await world.player(balance=1_000)
    coin = world.games["coin"]
    async with world.owner.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute(
            "SELECT FROM wallet WHERE user_id = $1 FOR NO KEY UPDATE", held.user_id
        )
        waiting = asyncio.ensure_future(batcher.submit(held.spin(coin, 100)))
        await batcher.submit(free.spin(coin, 100))
        assert not waiting.done()
        await transaction.rollback()
    assert (await waiting).replayed is False


async def test_a_switched_off_game_takes_no_bet_from_the_next_batch_on(
    world: World, batcher: BetBatcher
) -> None:
    player, coin = await world.player(balance=1_000), world.games["coin"]
    await batcher.submit(player.spin(coin, 100))
    await world.owner.execute("UPDATE game SET active = false WHERE game_id = $1", coin)
    try:
        with pytest.raises(Refusal) as refused:
            await batcher.submit(player.spin(coin, 100))
        assert refused.value.code == "game_not_found"
    finally:
        await world.owner.execute("UPDATE game SET active = true WHERE game_id = $1", coin)
    assert (await batcher.submit(player.spin(coin, 100))).replayed is False


async def test_a_broken_connection_neither_loses_nor_doubles_a_bet(
    world: World, batcher: BetBatcher
) -> None:
    player, coin = await world.player(balance=100_000), world.games["coin"]
    spinning = [asyncio.ensure_future(batcher.submit(player.spin(coin, 10))) for _ in range(500)]
    for _ in range(5):
        await asyncio.sleep(0.01)
        await world.owner.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE usename = 'pitboss_batch' AND datname = current_database()"
        )
    settled = await asyncio.gather(*spinning)
    expected = 100_000 + sum(answer.result.win - 10 for answer in settled)
    assert await world.real_balance(player) == expected


async def test_the_database_refuses_an_edit_of_history_and_an_unbalanced_journal(
    world: World, batcher: BetBatcher
) -> None:
    player = await world.player(balance=1_000)
    await batcher.submit(player.spin(world.games["coin"], 100))
    for table in ("bet_log", "posting", "outbox", "audit_log"):
        with pytest.raises(asyncpg.RestrictViolationError):
            await world.owner.execute(f"DELETE FROM {table}")
    with pytest.raises(asyncpg.CheckViolationError):
        await world.owner.execute(
            "INSERT INTO posting SELECT operator_id, uuidv7(), 1, 'operator_gaming', NULL, 'EUR', "
            "1, NULL, 'bet', uuidv7(), now() FROM operator LIMIT 1"
        )


async def test_the_row_struct_has_the_tables_columns_in_order(world: World) -> None:
    columns = await world.owner.fetch(
        "SELECT column_name FROM information_schema.columns "
        "WHERE table_name = 'bet_log' ORDER BY ordinal_position"
    )
    assert tuple(row[0] for row in columns) == BetRow.__struct_fields__
