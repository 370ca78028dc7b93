"""Bonuses, free spins, VIP, jackpots, policies and rollbacks over HTTP."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.support.api import ROOT, Api, assert_problem
from tests.support.forced import forced_game
from tests.support.world import Player

MIXED = {
    "name": "mixed",
    "funding": "mixed",
    "wagering_source": "all_bets",
    "requirement": "pooled",
    "bust": "keeps_requirement",
    "multiplier": 30,
    "max_bet": 500,
    "min_bet": 1,
    "expiry_days": 30,
}


class Table:
    """A player, the operator's admin, the platform admin, and a game that pays nothing."""

    def __init__(self, api: Api, game_id: int) -> None:
        self.api = api
        self.game_id = game_id
        self.player_id = ""
        self.player: dict[str, str] = {}
        self.admin: dict[str, str] = {}
        self.root: dict[str, str] = {}

    async def spin(self, wager: int | None, key: str | None = None, **body: Any) -> Any:
        return await self.api.client.post(
            "/game/spin",
            json={"game_id": self.game_id, **({"wager": wager} if wager else {}), **body},
            headers={**self.player, "Idempotency-Key": key or str(uuid4())},
        )

    async def grant(self, amount: int) -> Any:
        return await self.api.client.post(
            f"/operator/player/{self.player_id}/bonuses",
            json={"amount": amount, "reason": "welcome"},
            headers=self.admin,
        )

    async def wallet(self) -> Any:
        return (await self.api.client.get("/wallet", headers=self.player)).json()


@pytest.fixture
async def table(api: Api) -> Table:
    seated = Table(api, await forced_game(api.world, 0))
    name, admin = f"p{uuid4().hex[:10]}", f"a{uuid4().hex[:10]}"
    seated.player_id = await api.register(name)
    seated.player = await api.log_in(name, "alpha")
    await api.add_operator_admin(admin, api.world.operators[0])
    seated.admin = await api.log_in(admin, "alpha")
    seated.root = await api.log_in(ROOT)
    return seated


async def fund(table: Table, amount: int) -> None:
    world = table.api.world
    await world.fund(Player(world.operators[0], UUID(table.player_id)), amount)


async def test_a_granted_bonus_funds_bets_and_can_be_waived(table: Table) -> None:
    granted = await table.grant(400)
    assert granted.status_code == 201, granted.text
    assert (granted.json()["balance"], granted.json()["required"]) == (400, 4_000)

    bet = (await table.spin(100)).json()
    assert (bet["bet_type"], bet["balances"]) == ("BONUS", {"real": 0, "bonus": 300})
    assert bet["wagering"]["bonus"] == {"required": 4_000, "progress": 100}

    await fund(table, 50)
    wallet = await table.wallet()
    assert (wallet["withdrawable"], wallet["withdrawable_reason"]) == (0, "bonus_wagering_open")
    assert [bonus["balance"] for bonus in wallet["bonuses"]] == [300]

    path = f"/bonuses/{granted.json()['bonus_id']}/waive"
    waived = await table.api.client.post(path, headers=table.player)
    assert waived.json() == {"waived": [granted.json()["bonus_id"]]}
    assert_problem(await table.api.client.post(path, headers=table.player), 404, "bonus_not_found")
    wallet = await table.wallet()
    assert (wallet["bonus_balance"], wallet["withdrawable"]) == (0, 50)


async def test_a_bet_above_max_bet_is_refused_while_a_bonus_is_open(table: Table) -> None:
    await fund(table, 5_000)
    assert (await table.spin(600)).status_code == 200
    await table.grant(400)
    problem = assert_problem(await table.spin(600), 422, "limit_exceeded")
    assert (problem["limit"], problem["max_wager"]) == ("max_bet", 500)


async def test_free_spins_cost_nothing_and_run_out(table: Table) -> None:
    assert_problem(await table.spin(None, free_spin=True), 422, "no_free_spins")
    given = await table.api.client.post(
        f"/operator/player/{table.player_id}/free-spins",
        json={"game_id": table.game_id, "stake": 20, "count": 2, "reason": "sorry"},
        headers=table.admin,
    )
    assert given.status_code == 201, given.text
    for _ in range(2):
        bet = (await table.spin(None, free_spin=True)).json()
        assert (bet["bet_type"], bet["wager"], bet["win"]) == ("FREE_SPIN", 0, 0)
    assert_problem(await table.spin(None, free_spin=True), 422, "no_free_spins")
    listed = (await table.api.client.get("/bonuses", headers=table.player)).json()
    assert [(s["used"], s["status"]) for s in listed["free_spins"]] == [(2, "USED")]


async def test_a_spin_without_a_wager_is_refused(table: Table) -> None:
    assert_problem(await table.spin(None), 400, "validation_failed")


async def test_vip_status_counts_what_is_wagered(table: Table) -> None:
    await fund(table, 1_000)
    await table.spin(1_000)
    status = (await table.api.client.get("/vip/status", headers=table.player)).json()
    assert (status["level"], status["name"], status["xp"]) == (1, "Bronze", 10)
    assert (status["xp_current_level"], status["xp_next_level"]) == (0, 1_000)
    assert (status["xp_needed"], status["progress"]) == (990, 0.01)


async def test_a_policy_above_its_jurisdictions_cap_is_refused(table: Table) -> None:
    world, client = table.api.world, table.api.client
    path = f"/admin/operators/{world.operators[1]}/bonus-policy"
    declared = await client.put(path, json=MIXED, headers=table.root)
    assert (declared.status_code, declared.json()["version"]) == (200, 2)
    await world.owner.execute(
        "UPDATE operator SET jurisdiction = 'GB' WHERE operator_id = $1", world.operators[1]
    )
    problem = assert_problem(
        await client.put(path, json=MIXED, headers=table.root), 422, "policy_above_cap"
    )
    assert problem["multiplier_cap"] == 10
    contradictory = {**MIXED, "multiplier": 5, "requirement": "per_task"}
    assert_problem(
        await client.put(path, json=contradictory, headers=table.root), 422, "policy_invalid"
    )
    current = (await client.get(path, headers=table.root)).json()
    assert current == declared.json()


async def test_jackpots_are_opened_fed_and_shown_with_their_commitment(table: Table) -> None:
    client = table.api.client
    form = {
        "name": f"mini-{uuid4().hex[:6]}",
        "currency": "EUR",
        "seed": 10_000,
        "cap": 100_000_000,
        "rate_bps": 100,
        "game_ids": [table.game_id],
    }
    opened = await client.post("/admin/jackpots", json=form, headers=table.root)
    assert opened.status_code == 201, opened.text
    assert (opened.json()["amount"], len(opened.json()["commitment"])) == (10_000, 64)
    assert_problem(
        await client.post("/admin/jackpots", json=form, headers=table.root), 409, "jackpot_exists"
    )
    narrow = {**form, "name": "narrow", "cap": 10_001}
    assert_problem(
        await client.post("/admin/jackpots", json=narrow, headers=table.root),
        422,
        "jackpot_invalid",
    )
    await fund(table, 1_000)
    await table.spin(500)
    pools = (await client.get("/jackpots?currency=EUR")).json()["items"]
    assert [p["amount"] for p in pools if p["name"] == form["name"]] == [10_005]


async def test_a_rollback_over_http_happens_once(table: Table) -> None:
    client = table.api.client
    await fund(table, 1_000)
    bet = (await table.spin(300)).json()
    path = f"/admin/bets/{bet['bet_id']}/rollback"
    assert_problem(
        await client.post(path, json={"reason": "x"}, headers=table.admin), 403, "forbidden"
    )
    done = await client.post(path, json={"reason": "fault"}, headers=table.root)
    assert (done.json()["status"], done.json()["real_balance"]) == ("rolled_back", 1_000)
    again = await client.post(path, json={"reason": "fault"}, headers=table.root)
    assert_problem(again, 409, "bet_already_rolled_back")
    late = {"user_id": table.player_id, "idempotency_key": "late", "reason": "fault"}
    first = await client.post("/admin/bets/rollback", json=late, headers=table.root)
    assert first.json()["status"] == "tombstoned"
    assert_problem(await table.spin(100, key="late"), 409, "bet_rolled_back")


async def test_a_blocked_player_is_out_at_once_and_may_come_back(table: Table) -> None:
    client, path = table.api.client, f"/operator/player/{table.player_id}/status"
    form = {"status": "BLOCKED", "reason": "chargeback"}
    blocked = await client.post(path, json=form, headers=table.admin)
    assert blocked.json() == {"player_id": table.player_id, "status": "BLOCKED"}
    assert_problem(await table.spin(100), 401, "not_authenticated")
    back = await client.post(path, json={**form, "status": "ACTIVE"}, headers=table.admin)
    assert back.json()["status"] == "ACTIVE"


async def test_staff_of_another_operator_reach_no_player(table: Table) -> None:
    api = table.api
    name = f"b{uuid4().hex[:10]}"
    await api.add_operator_admin(name, api.world.operators[1])
    table.admin = await api.log_in(name, "beta")
    assert_problem(await table.grant(100), 404, "player_not_found")
    answer = await api.client.post(
        f"/operator/player/{table.player_id}/status",
        json={"status": "BLOCKED", "reason": "x"},
        headers=table.admin,
    )
    assert_problem(answer, 404, "player_not_found")
