"""Play of the past happens at its own moments, by the rules that hold for live play."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ledger.account import PlayerState
from ledger.bet_record import SpinRequest, SpinResult
from ledger.commands import MoneyDesk
from ledger.deposits import create_deposit
from ledger.errors import Refusal
from ledger.jackpots import PoolForm, open_pool
from ledger.past_bets import Turn, settle_past
from ledger.provider_events import apply_webhook
from tests.support.cashier import differences, open_desk, payment, wallet, webhook
from tests.support.forced import forced_game
from tests.support.world import Player, World

THEN = datetime(2026, 3, 4, 10, 0, tzinfo=UTC)


def turn(player: Player, at: datetime, game_id: int, wager: int | None) -> Turn:
    def wish(state: PlayerState) -> SpinRequest | None:
        return None if wager is None else player.spin(game_id, wager)

    return Turn(at=at, operator_id=player.operator_id, user_id=player.user_id, wish=wish)


async def pay_in(desk: MoneyDesk, player: Player, amount: int, at: datetime) -> Any:
    row, _ = await create_deposit(desk.at(at), payment(player, amount))
    await apply_webhook(desk.at(at + timedelta(seconds=9)), webhook(row))
    return row


async def test_bets_stand_at_their_own_times_each_on_what_the_last_one_left(world: World) -> None:
    desk, lost = open_desk(world), await forced_game(world, 0)
    ann, bob = await world.player(), await world.player()
    await pay_in(desk, ann, 250, THEN - timedelta(hours=1))
    await pay_in(desk, bob, 100, THEN - timedelta(hours=1))
    seen: list[int] = []

    def all_in(state: PlayerState) -> SpinRequest | None:
        seen.append(state.real_balance)
        return ann.spin(lost, 100) if state.real_balance else None

    moments = [THEN + timedelta(seconds=number) for number in range(5)]
    turns = [
        Turn(at=at, operator_id=ann.operator_id, user_id=ann.user_id, wish=all_in) for at in moments
    ]
    turns.insert(2, turn(bob, moments[1], lost, 100))
    past = await settle_past(desk, turns)

    assert seen == [250, 150, 50, 50, 50]
    kinds = [type(outcome) for outcome in past.outcomes]
    assert kinds == [SpinResult, SpinResult, SpinResult, Refusal, Refusal, Refusal]
    assert past.players[ann.operator_id, ann.user_id].real_balance == 50
    assert (await wallet(world, bob))["real_balance"] == 0
    rows = await world.owner.fetch(
        "SELECT b.created_at, p.created_at AS posted_at FROM bet_log AS b JOIN posting AS p "
        "ON p.reference_id = b.bet_id WHERE b.user_id = $1 ORDER BY 1",
        ann.user_id,
    )
    assert {row["created_at"] for row in rows} == set(moments[:2])
    assert all(row["created_at"] == row["posted_at"] for row in rows)
    assert await differences(world) == []


async def test_a_jackpot_of_the_past_was_won_and_its_successor_opened_then(world: World) -> None:
    desk, lost = open_desk(world), await forced_game(world, 0, max_wager=1_000)
    form = PoolForm(name="past", currency="EUR", seed=100, cap=700, rate_bps=1_000, game_ids=[lost])
    await open_pool(desk.pool, world.hits, form)
    player = await world.player()
    await pay_in(desk, player, 10_000, THEN - timedelta(hours=1))
    turns = [turn(player, THEN + timedelta(minutes=n), lost, 1_000) for n in range(9)]
    past = await settle_past(desk, turns)
    hits = [o for o in past.outcomes if isinstance(o, SpinResult) and o.jackpot]
    assert hits
    won = await world.owner.fetch("SELECT cycle_no, won_at FROM jackpot_win ORDER BY cycle_no")
    assert [row["won_at"].strftime("%H:%M") for row in won] == [o.created_at[11:16] for o in hits]
    opened = await world.owner.fetchval(
        "SELECT opened_at FROM jackpot_cycle WHERE cycle_no = $1 + 1", won[0]["cycle_no"]
    )
    assert opened == won[0]["won_at"]
    assert await differences(world) == []


async def test_a_desk_of_the_past_judges_limits_and_writes_at_its_moment(world: World) -> None:
    desk, player = open_desk(world), await world.player()
    row = await pay_in(desk, player, 80_000, THEN)
    with pytest.raises(Refusal) as refused:
        await create_deposit(desk.at(THEN + timedelta(minutes=59)), payment(player, 80_000))
    assert refused.value.code == "limit_exceeded"
    await pay_in(desk, player, 80_000, THEN + timedelta(minutes=61))
    history = await world.owner.fetch(
        "SELECT occurred_at FROM transaction_event WHERE transaction_id = $1 ORDER BY event_no",
        row["transaction_id"],
    )
    assert [item["occurred_at"] for item in history] == [THEN, THEN + timedelta(seconds=9)]
    posted = await world.owner.fetchval(
        "SELECT min(created_at) FROM posting WHERE reference_id = $1", row["transaction_id"]
    )
    assert posted == THEN + timedelta(seconds=9)
    assert desk.moment is None
