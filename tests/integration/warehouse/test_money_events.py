"""Bonuses, free spins, jackpots and levels reach the warehouse; what was rolled back leaves it.

Everything happens through the real rules and the real stream; the ledger is the judge.
"""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
import pytest
from clickhouse_connect.driver.client import Client
from uuid_utils.compat import uuid7

from ledger.affiliates import AffiliateTerms, create_affiliate, state_affiliates
from ledger.affiliates import affiliate_figures as ledger_figures
from ledger.batch import BetBatcher
from ledger.bet_record import SpinResult
from ledger.commands import MoneyDesk, player_command
from ledger.database import Role
from ledger.grants import expire_benefits, give_bonus, give_free_spins, waive_bonuses
from ledger.jackpots import PoolForm, open_pool
from ledger.rollback import roll_back_bet
from ledger.snapshot import ledger_snapshot
from ledger.weeks import week_of
from tests.integration.warehouse.conftest import Stream
from tests.support.api import Api, served, settings_for
from tests.support.forced import forced_game
from tests.support.world import Player, World
from warehouse.client import Warehouse
from warehouse.filters import Filters
from warehouse.queries import affiliate_figures, game_figures
from warehouse.raw_tables import RawTables
from warehouse.reconcile import reconcile_warehouse
from warehouse.time_ranges import TimeRange


class Scene:
    """What was played: players and games by name, and everything needed to play on."""

    def __init__(self, world: World, batcher: BetBatcher, desk: MoneyDesk) -> None:
        self.world = world
        self.batcher = batcher
        self.desk = desk
        self.games: dict[str, int] = {}
        self.affiliate_id = 0
        self.rolled_back: list[UUID] = []

    async def player(self, balance: int = 0) -> Player:
        """A player whom the affiliate brought."""
        player = await self.world.player(balance=balance)
        await self.world.owner.execute(
            'UPDATE "user" SET affiliate_id = $2 WHERE user_id = $1',
            player.user_id,
            self.affiliate_id,
        )
        return player

    async def spin(self, player: Player, game: str, wager: int) -> SpinResult:
        return (await self.batcher.submit(player.spin(self.games[game], wager))).result

    async def free_spin(self, player: Player, game: str) -> SpinResult:
        request = msgspec.structs.replace(player.spin(self.games[game], 0), free_spin=True)
        return (await self.batcher.submit(request)).result

    async def bonus(self, player: Player, amount: int) -> UUID:
        async with player_command(self.desk, player.operator_id, player.user_id) as command:
            return give_bonus(command, amount=amount, kind="GRANT", source_id=uuid7())

    async def spins(self, player: Player, game: str, count: int) -> None:
        async with player_command(self.desk, player.operator_id, player.user_id) as command:
            give_free_spins(
                command,
                game_id=self.games[game],
                stake=100,
                count=count,
                source="test",
                source_key=str(uuid7()),
            )

    async def undo(self, bet: SpinResult) -> None:
        await roll_back_bet(self.desk, bet.bet_id, "test", "nobody")
        self.rolled_back.append(bet.bet_id)


@pytest.fixture(scope="module")
async def scene(world: World) -> AsyncIterator[Scene]:
    """A stage with a batcher, an affiliate, forced games and a jackpot pool about to hit."""
    batcher = BetBatcher(world.pools[Role.BATCH], world.vault, world.hits, lambda fresh: None)
    batcher.start()
    desk = MoneyDesk(world.pools[Role.BATCH], world.vault, world.hits)
    scene = Scene(world, batcher, desk)
    for name, pays in (("loses", 0), ("returns", 100), ("doubles", 200), ("undone", 0)):
        scene.games[name] = await forced_game(world, pays)
    scene.games["pot"] = await forced_game(world, 0, max_wager=1_000)
    async with world.owner.acquire() as connection:
        terms = AffiliateTerms(code="partner", name="Partner")
        scene.affiliate_id = await create_affiliate(connection, world.operators[0], terms)
    form = PoolForm(
        name="mini",
        currency="EUR",
        seed=100,
        cap=1_000,
        rate_bps=1_000,
        game_ids=[scene.games["pot"]],
    )
    await open_pool(desk.pool, desk.hits, form)
    await _endings(scene)
    await _rollbacks(scene)
    yield scene
    await batcher.stop()


async def _endings(scene: Scene) -> None:
    """A bonus of every ending, free spins used and expired, a jackpot, a level."""
    converted = await scene.player()
    await scene.bonus(converted, 100)
    for _ in range(10):
        await scene.spin(converted, "returns", 100)
    busted = await scene.player()
    await scene.bonus(busted, 200)
    await scene.spin(busted, "loses", 195)
    waiving = await scene.player()
    await waive_bonuses(
        scene.desk, waiving.operator_id, waiving.user_id, await scene.bonus(waiving, 300)
    )
    late = await scene.player()
    await scene.bonus(late, 400)
    await scene.spins(late, "doubles", 3)
    for table in ("bonus_task", "free_spin_grant"):
        await scene.world.owner.execute(
            f"UPDATE {table} SET expires_at = now() WHERE user_id = $1", late.user_id
        )
    await expire_benefits(scene.desk, datetime.now(UTC))
    spinner = await scene.player()
    await scene.spins(spinner, "doubles", 2)
    await scene.free_spin(spinner, "doubles")
    await scene.free_spin(spinner, "doubles")
    lucky = await scene.player(balance=100_000)
    while not (await scene.spin(lucky, "pot", 1_000)).jackpot:
        pass
    climber = await scene.player(balance=500_000)
    assert (await scene.spin(climber, "loses", 100_000)).vip.level == 2


async def _rollbacks(scene: Scene) -> None:
    """A rollback of every kind of bet; the game ``undone`` sees only bets that are rolled back."""
    plain = await scene.player(balance=10_000)
    await scene.spin(plain, "doubles", 500)
    await scene.undo(await scene.spin(plain, "undone", 700))
    await scene.undo(await scene.spin(plain, "doubles", 900))
    fed = await scene.spin(plain, "pot", 9)
    while fed.jackpot:  # of one in thousands no rollback would be taken
        fed = await scene.spin(plain, "pot", 9)
    await scene.undo(fed)
    reopened = await scene.player()
    await scene.bonus(reopened, 300)
    await scene.undo(await scene.spin(reopened, "undone", 295))
    spinner = await scene.player()
    await scene.spins(spinner, "doubles", 2)
    await scene.free_spin(spinner, "doubles")
    await scene.undo(await scene.free_spin(spinner, "doubles"))
    ended = await scene.player()
    task = await scene.bonus(ended, 300)
    bet = await scene.spin(ended, "loses", 100)
    await waive_bonuses(scene.desk, ended.operator_id, ended.user_id, task)
    await scene.undo(bet)
    fallen = await scene.player(balance=500_000)
    await scene.undo(await scene.spin(fallen, "loses", 100_000))


@pytest.fixture(scope="module")
async def streamed(scene: Scene, stream: Stream) -> Scene:
    """The scene, once all of it is in the warehouse."""
    await stream.drain()
    return scene


@pytest.fixture(scope="module")
async def warehouse(clickhouse_url: str) -> AsyncIterator[Warehouse]:
    opened = Warehouse(clickhouse_url)
    yield opened
    await opened.close()


EXPECTED = {
    "BONUS": {
        "GRANTED", "COMPLETED", "FORFEITED", "EXPIRED", "WAIVED", "REOPENED", "REVOKED",
        "RETURNED",
    },
    "FREE_SPINS": {"GRANTED", "EXPIRED", "REVOKED"},
    "JACKPOT": {"WON"},
    "VIP_LEVEL": {"REACHED"},
    "ADJUSTMENT": {"COMPLETED"},
}  # fmt: skip


@pytest.mark.usefixtures("streamed")
def test_every_kind_of_event_arrives(warehouse_client: Client) -> None:
    rows = warehouse_client.query("SELECT DISTINCT kind, status FROM transactions").result_rows
    found: dict[str, set[str]] = {}
    for kind, status in rows:
        found.setdefault(kind, set()).add(status)
    assert found == EXPECTED
    doubled = warehouse_client.query(
        "SELECT transaction_id, event_no, count() AS n FROM transactions GROUP BY ALL HAVING n > 1"
    )
    assert doubled.result_rows == []


async def test_ledger_warehouse_and_rollups_agree_to_the_cent(
    streamed: Scene, stream: Stream, clickhouse_url: str
) -> None:
    relay = stream.relay(RawTables(clickhouse_url))
    await stream.drain(relay)
    assert await reconcile_warehouse(streamed.world.owner_url, clickhouse_url) == []


async def test_a_rolled_back_bet_counts_nowhere(
    streamed: Scene, warehouse: Warehouse, warehouse_client: Client
) -> None:
    undone = streamed.games["undone"]
    operator_id = streamed.world.operators[0]
    assert await game_figures(warehouse, operator_id, TimeRange(), Filters(game_id=undone)) == []
    sums = "sum(bets), sum(wager), sum(win), sum(jackpot_contribution_e4), sum(free_spin_win)"
    assert warehouse_client.query(
        f"SELECT {sums}, sum(wager_squared) FROM game_hourly WHERE game_id = {undone}"
    ).result_rows == [(0, 0, 0, 0, 0, 0)]
    bets = warehouse_client.query(
        "SELECT bet_id, sum(sign), sum(wager), sum(win), sum(ggr), sum(xp_added), "
        "sum(free_spin_win), sum(jackpot_contribution_e4) FROM bets "
        "WHERE bet_id IN {ids:Array(UUID)} GROUP BY bet_id",
        parameters={"ids": streamed.rolled_back},
    ).result_rows
    assert {row[1:] for row in bets} == {(0,) * 7}
    assert len(bets) == len(streamed.rolled_back)
    standing = await streamed.world.owner.fetch(
        "SELECT user_id, sum(wager) AS wager, sum(xp_added) AS xp, count(*) AS bets FROM bet_log "
        "WHERE NOT (bet_id = any($1::uuid[])) AND bet_type <> 'FREE_SPIN' GROUP BY user_id",
        streamed.rolled_back,
    )
    daily = warehouse_client.query(
        "SELECT user_id, sum(wager) AS w, sum(xp_added) AS x, sum(bets) AS b FROM player_daily "
        "GROUP BY user_id HAVING (w, b) != (0, 0)"
    ).result_rows
    assert {tuple(row) for row in standing} == set(daily)


async def test_an_affiliates_statement_is_what_the_warehouse_says(
    streamed: Scene, warehouse: Warehouse
) -> None:
    operator_id, affiliate_id = streamed.world.operators[0], streamed.affiliate_id
    week = week_of(datetime.now(UTC))
    period = TimeRange(week.start, week.end)
    (there,) = await affiliate_figures(warehouse, operator_id, period)
    async with ledger_snapshot(streamed.world.pools[Role.BATCH]) as connection:
        here = await ledger_figures(connection, operator_id, affiliate_id, week)
    assert (there.affiliate_id, there.ggr, there.bonus_cost) == (
        affiliate_id, here.ggr, here.bonus_cost,
    )  # fmt: skip
    assert here.ggr != 0
    # Granted 100, 200, 300, 400, 300, 300; free spins won 400 and, net of a rollback, 200.
    # Ended by the operator: 5 of the busted bonus, 300 and 400 whole, 200 and the share of 100.
    assert here.bonus_cost == 1_600 + 600 - 5 - 300 - 400 - 300
    await state_affiliates(streamed.world.pools[Role.BATCH], week)
    row = await streamed.world.owner.fetchrow(
        "SELECT ggr, bonus_cost, amount FROM affiliate_statement WHERE week = $1", week.monday
    )
    assert tuple(row or ()) == (there.ggr, there.bonus_cost, max(0, there.net) * 500 // 10_000)


@pytest.fixture(scope="module")
async def api(
    streamed: Scene, redis_url: str, clickhouse_url: str
) -> AsyncIterator[tuple[Api, dict[str, str]]]:
    """The API on the module's stores, and headers of operator alpha's admin."""
    configuration = settings_for(streamed.world, redis_url, clickhouse_url=clickhouse_url)
    async with served(streamed.world, configuration) as running:
        await running.add_operator_admin("scene-boss", streamed.world.operators[0])
        yield running, await running.log_in("scene-boss", "alpha")


@pytest.mark.parametrize(
    ("type_", "statuses"),
    [
        ("bonus", {"COMPLETED", "FORFEITED", "EXPIRED", "WAIVED", "REOPENED", "REVOKED",
                   "RETURNED", "GRANTED"}),
        ("jackpot", {"WON"}),
        ("free_spins", {"GRANTED", "EXPIRED", "REVOKED"}),
        ("vip_level", {"REACHED"}),
        ("cashback", set()),
        ("rollback", {"ROLLED_BACK"}),
    ],
)  # fmt: skip
async def test_the_operator_lists_them_by_type(
    api: tuple[Api, dict[str, str]], type_: str, statuses: set[str]
) -> None:
    running, boss = api
    query: dict[str, Any] = {"type": type_, "limit": 500}
    answer = await running.client.get("/operator/transactions", params=query, headers=boss)
    assert answer.status_code == 200, answer.text
    items = answer.json()["items"]
    assert {item["status"] for item in items} == statuses
    assert {item["type"] for item in items} <= {type_, "bonus"}
    assert len({(item["id"], item["type"]) for item in items}) == len(items)


async def test_the_affiliates_report_shows_the_same(
    api: tuple[Api, dict[str, str]], streamed: Scene, warehouse: Warehouse
) -> None:
    running, boss = api
    answer = await running.client.get("/operator/analytics/affiliates", headers=boss)
    (item,) = answer.json()["items"]
    (there,) = await affiliate_figures(warehouse, streamed.world.operators[0], TimeRange())
    assert (item["code"], item["ggr"], item["net"]) == ("partner", there.ggr, there.net)
    assert item["players"] == there.players > 0


async def test_a_cent_of_a_bonus_or_jackpot_too_much_is_found(
    streamed: Scene, clickhouse_url: str, warehouse_client: Client
) -> None:
    """The last test here: what it adds stays. The rollups agree with it; the ledger does not."""
    for kind, status in (("BONUS", "GRANTED"), ("JACKPOT", "WON")):
        warehouse_client.command(
            "INSERT INTO transactions SELECT "
            "* REPLACE (toInt64(1) AS amount, toInt64(0) AS liability_delta) FROM transactions "
            f"WHERE kind = '{kind}' AND status = '{status}' LIMIT 1",
            settings={"insert_deduplicate": 0},
        )
    found = await reconcile_warehouse(streamed.world.owner_url, clickhouse_url)
    assert {difference.check for difference in found} == {"ledger_and_benefits"}
    assert {(d.key.split()[-2], d.key.split()[-1], d.difference) for d in found} == {
        ("BONUS_COST:", "amount", 1),
        ("JACKPOT:", "amount", 1),
        ("JACKPOT:", "events", 1),
    }
