"""The worked ledgers to the cent, row by row, through real deposits, grants and the bet batch."""

import asyncio
from random import Random

import pytest

from ledger.batch import BetBatcher
from ledger.commands import MoneyDesk
from tests.support.cashier import (
    bonus,
    deposit,
    differences,
    free_spin,
    free_spins,
    open_batcher,
    open_desk,
    wallet,
)
from tests.support.forced import forced_game
from tests.support.golden import ALWAYS_PAYS, Row, names, rows, session_bets
from tests.support.world import Player, World

SEQUENCES = 6
MAX_BET = 500


class Table:
    """A brand under ``mixed`` with games of certain outcome, and who plays and pays there."""

    def __init__(self, world: World, operator_id: int, games: dict[int, int]) -> None:
        self.world = world
        self.operator_id = operator_id
        self.games = games
        self.desk: MoneyDesk = open_desk(world)
        self.batcher: BetBatcher = open_batcher(world)


@pytest.fixture(scope="module")
async def table(world: World):
    operator_id = await world.owner.fetchval(
        "INSERT INTO operator (slug, name, currency, bonus_policy) "
        "VALUES ('golden', 'Golden', 'USD', 'mixed') RETURNING operator_id"
    )
    assert operator_id is not None
    games = {
        pays: await forced_game(
            world, pays, wager_step=2 if pays % 100 else 1, min_wager=2 if pays % 100 else 1
        )
        for pays in ALWAYS_PAYS
    }
    opened = Table(world, operator_id, games)
    yield opened
    await opened.batcher.stop()


async def test_the_policy_is_the_one_of_the_worked_ledgers(table: Table) -> None:
    policy = await table.world.owner.fetchrow(
        "SELECT multiplier, min_bet, max_bet, funding, requirement, bust FROM bonus_policy "
        "WHERE operator_id = $1",
        table.operator_id,
    )
    assert policy is not None
    assert tuple(policy) == (30, 1, MAX_BET, "mixed", "pooled", "keeps_requirement")


@pytest.mark.parametrize("name", names())
async def test_a_worked_ledger_comes_out_to_the_cent_whatever_bets_it_is_made_of(
    table: Table, name: str
) -> None:
    """Several players live the ledger at once, each by other bets, through one batcher."""
    players = [await table.world.player(table.operator_id) for _ in range(SEQUENCES)]
    bets = await asyncio.gather(
        *(_live(table, name, player, number) for number, player in enumerate(players))
    )
    assert len(set(bets)) > 1  # the sequences do differ
    assert await differences(table.world) == []


async def _live(table: Table, name: str, player: Player, number: int) -> int:
    """Play one ledger with the sequence of this number; returns how many bets it took."""
    played = real = held_bonus = 0
    for row in rows(name):
        for act in row.action.split("+"):
            if act == "deposit":
                await deposit(table.desk, player, row.deposit)
            elif act == "bonus":
                await bonus(table.desk, player, row.bonus)
            elif act == "free_spins":
                await _win_by_free_spin(table, player, row.free_spin_win)
            else:
                random = Random(f"{name}/{row.step}/{number}")  # noqa: S311
                bets = session_bets(row, real, held_bonus, MAX_BET, random)
                await _play(table, player, row, bets)
                played += len(bets)
        assert await _state(table.world, player) == row.state, f"sequence {number}, row {row}"
        real, held_bonus = row.real_balance, row.bonus_balance
    return played


async def _win_by_free_spin(table: Table, player: Player, win: int) -> None:
    """One free spin at the stake that wins this much."""
    await free_spins(table.desk, player, table.games[100], win, 1)
    answer = (await table.batcher.submit(free_spin(player, table.games[100]))).result
    assert (answer.bet_type, answer.free_spin_win, answer.win) == ("FREE_SPIN", win, 0)


async def _play(table: Table, player: Player, row: Row, bets: list[tuple[int, int]]) -> None:
    """The whole session at once, as fast as a client can send it: the batch keeps its order."""
    settled = await asyncio.gather(
        *(table.batcher.submit(player.spin(table.games[pays], stake)) for pays, stake in bets)
    )
    bet_ids = [answer.result.bet_id for answer in settled]
    totals = await table.world.owner.fetchrow(
        "SELECT sum(wager_real) AS wagered_real, sum(wager_bonus) AS wagered_bonus, "
        "sum(win_real - wager_real) AS result_real, sum(win_bonus - wager_bonus) AS result_bonus "
        "FROM bet_log WHERE operator_id = $1 AND bet_id = any($2)",
        player.operator_id,
        bet_ids,
    )
    assert totals is not None
    expected = {column: getattr(row, column) for column in totals.keys()}  # noqa: SIM118
    assert dict(totals) == expected, f"row {row}"


async def _state(world: World, player: Player) -> tuple[int, int, int, int]:
    row = await wallet(world, player)
    remaining_e4 = (
        row[f"{kind}_wagering_required"] * 10_000 - row[f"{kind}_wagering_progress_e4"]
        for kind in ("deposit", "bonus")
    )
    deposit_left, bonus_left = remaining_e4
    assert deposit_left % 10_000 == bonus_left % 10_000 == 0
    return (
        row["real_balance"],
        row["bonus_balance"],
        deposit_left // 10_000,
        bonus_left // 10_000,
    )
