"""Deposits and withdrawals over HTTP: the mock provider, webhooks, staff, and every refusal."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from uuid_utils.compat import uuid7
from websockets.asyncio.client import connect

from api.payouts import resend_payouts
from ledger.database import Role
from tests.support.api import ROOT, Api, assert_problem, served, settings_for
from tests.support.payments import Payments
from tests.support.world import Player, World

Headers = dict[str, str]


@pytest.fixture(scope="module")
async def api(world: World, clean_redis_url: str) -> AsyncIterator[Api]:
    """The API with the mock payment provider."""
    async with served(world, settings_for(world, clean_redis_url, mock_provider=True)) as running:
        yield running


@pytest.fixture(scope="module")
async def staff(api: Api) -> dict[str, Headers]:
    """Sessions of alpha's and beta's admins and of the platform's."""
    alpha, beta = api.world.operators
    await api.add_operator_admin("boss", alpha)
    await api.add_operator_admin("boss", beta)
    return {
        "alpha": await api.log_in("boss", "alpha"),
        "beta": await api.log_in("boss", "beta"),
        "root": await api.log_in(ROOT),
    }


@pytest.fixture
async def player(api: Api) -> tuple[Player, Headers]:
    """A new player of alpha with a session."""
    name = f"p{uuid7().hex[-12:]}"
    user_id = await api.register(name)
    found = await api.world.owner.fetchval(
        'SELECT user_id FROM "user" WHERE user_id = $1::text::uuid', user_id
    )
    return Player(api.world.operators[0], found), await api.log_in(name, "alpha")  # type: ignore[arg-type]


async def post(api: Api, path: str, body: dict[str, Any], headers: Headers, key: str | None = None):
    return await api.client.post(
        path, json=body, headers={**headers, "Idempotency-Key": key or str(uuid7())}
    )


async def until(api: Api, path: str, headers: Headers, *statuses: str) -> dict[str, Any]:
    """Ask until the transaction has one of these statuses."""
    while True:
        answer = await api.client.get(path, headers=headers)
        assert answer.status_code == 200, answer.text
        if answer.json()["status"] in statuses:
            return answer.json()
        await asyncio.sleep(0.02)


async def deposited(api: Api, headers: Headers, amount: int, **payment: Any) -> dict[str, Any]:
    """A deposit paid at the provider, as it ended; a reversal that comes first makes it fail."""
    opened = await post(api, "/deposits", {"amount": amount, "method": "card"}, headers)
    assert opened.status_code == 201, opened.text
    pay_url = opened.json()["instructions"]["pay_url"]
    paid = await api.client.post(pay_url, json=payment)
    assert paid.status_code == 202, paid.text
    path = f"/deposits/{opened.json()['transaction_id']}"
    ends = {"failed": ["FAILED"], "reversed": ["REVERSED", "FAILED"]}
    return await until(api, path, headers, *ends.get(payment.get("outcome", ""), ["COMPLETED"]))


async def withdrawing(api: Api, player: Player, headers: Headers, amount: int = 5_000) -> str:
    """The path of a pending withdrawal of a player with 100.00 of withdrawable money."""
    await deposited(api, headers, 10_000, delay_ms=0)
    await Payments(api.world).wagered(player)
    answer = await post(api, "/withdrawals", {"amount": amount, "method": "card"}, headers)
    assert answer.status_code == 201, answer.text
    return f"/withdrawals/{answer.json()['transaction_id']}"


async def wallet(api: Api, headers: Headers) -> dict[str, Any]:
    return (await api.client.get("/wallet", headers=headers)).json()


@pytest.mark.parametrize(
    "conduct",
    [
        {"delay_ms": 0, "deliveries": 5},
        {"delay_ms": 0, "lost": 2},
        {"delay_ms": 30, "deliveries": 3, "reordered": True},
    ],
)
async def test_a_deposit_is_credited_once_however_the_provider_behaves(
    api: Api, player, conduct: dict
) -> None:
    _, headers = player
    ended = await deposited(api, headers, 7_000, outcome="completed", **conduct)
    assert (ended["status"], ended["amount"], ended["fee"]) == ("COMPLETED", 7_000, 0)
    await asyncio.sleep(0.1)  # repeats are still coming in
    assert (await wallet(api, headers))["real_balance"] == 7_000


@pytest.mark.parametrize("reordered", [False, True])
async def test_a_charged_back_payment_leaves_nothing_in_any_order(
    api: Api, player, reordered: bool
) -> None:
    _, headers = player
    ended = await deposited(
        api, headers, 7_000, outcome="reversed", delay_ms=0, deliveries=2, reordered=reordered
    )
    assert ended["status"] == ("FAILED" if reordered else "REVERSED")
    after = await wallet(api, headers)
    assert (after["real_balance"], after["debt"]) == (0, 0)


async def test_a_failed_payment_moves_nothing(api: Api, player) -> None:
    _, headers = player
    assert (await deposited(api, headers, 500, outcome="failed"))["status"] == "FAILED"
    assert (await wallet(api, headers))["real_balance"] == 0


async def test_a_withdrawal_is_approved_and_paid_by_the_provider(api: Api, player, staff) -> None:
    who, headers = player
    path = await withdrawing(api, who, headers)
    assert (await wallet(api, headers))["held_balance"] == 5_000
    pending = await api.client.get(
        "/operator/withdrawals", params={"status": "PENDING"}, headers=staff["alpha"]
    )
    shown = next(item for item in pending.json()["items"] if item["player_id"] == str(who.user_id))
    assert path.endswith(shown["transaction_id"])
    answer = await api.client.post(f"/operator{path}/approve", headers=staff["alpha"])
    assert (answer.status_code, answer.json()["status"]) == (200, "APPROVED"), answer.text
    await until(api, path, headers, "COMPLETED")
    after = await wallet(api, headers)
    assert (after["real_balance"], after["held_balance"]) == (5_000, 0)
    again = await api.client.post(f"/operator{path}/approve", headers=staff["alpha"])
    problem = assert_problem(again, 409, "withdrawal_not_pending")
    assert problem["withdrawal_status"] == "COMPLETED"
    audited = await api.world.owner.fetchval(
        "SELECT count(*) FROM audit_log WHERE action = 'withdrawal.approved' AND target = $1",
        shown["transaction_id"],
    )
    assert audited == 1


async def test_a_payout_that_fails_returns_the_money(api: Api, player, staff) -> None:
    who, headers = player
    path = await withdrawing(api, who, headers)
    planned = await api.client.post(
        f"/mock-provider/payouts/{path.rpartition('/')[2]}/plan",
        json={"outcome": "failed", "deliveries": 3},
    )
    assert planned.status_code == 204
    await api.client.post(f"/operator{path}/approve", headers=staff["alpha"])
    ended = await until(api, path, headers, "FAILED")
    assert ended["reason"]
    assert (await wallet(api, headers))["withdrawable"] == 10_000


async def test_a_lost_payout_instruction_is_sent_again(api: Api, player) -> None:
    who, headers = player
    path = await withdrawing(api, who, headers)
    payments = Payments(api.world)
    row = await api.world.owner.fetchrow(
        "SELECT * FROM transaction WHERE transaction_id = $1::text::uuid", path.rpartition("/")[2]
    )
    await payments.approve(row)  # committed, and the process died before it told the provider
    pool = api.world.pools[Role.BATCH]
    assert await resend_payouts(pool, api.app.state.payouts, timedelta(minutes=1)) == 0
    assert await resend_payouts(pool, api.app.state.payouts, timedelta(0)) == 1
    await until(api, path, headers, "COMPLETED")
    assert await resend_payouts(pool, api.app.state.payouts, timedelta(0)) == 0


async def test_a_forged_payout_instruction_is_refused(api: Api) -> None:
    answer = await api.client.post("/mock-provider/payouts", json={"transaction_id": "t"})
    assert_problem(answer, 401, "webhook_signature_invalid")


async def test_a_rejection_returns_the_money_and_tells_the_player_why(
    api: Api, player, staff
) -> None:
    who, headers = player
    path = await withdrawing(api, who, headers)
    answer = await api.client.post(
        f"/operator{path}/reject", json={"reason": "documents missing"}, headers=staff["alpha"]
    )
    assert (answer.status_code, answer.json()["status"]) == (200, "REJECTED"), answer.text
    mine = (await api.client.get(path, headers=headers)).json()
    assert (mine["status"], mine["reason"]) == ("REJECTED", "documents missing")
    after = await wallet(api, headers)
    assert (after["real_balance"], after["held_balance"]) == (10_000, 0)


async def test_approve_and_reject_at_once_over_http(api: Api, player, staff) -> None:
    who, headers = player
    path = await withdrawing(api, who, headers)
    answers = await asyncio.gather(
        *(api.client.post(f"/operator{path}/approve", headers=staff["alpha"]) for _ in range(5)),
        *(
            api.client.post(
                f"/operator{path}/reject", json={"reason": "no"}, headers=staff["alpha"]
            )
            for _ in range(5)
        ),
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 9
    ended = await until(api, path, headers, "COMPLETED", "REJECTED")
    real = 5_000 if ended["status"] == "COMPLETED" else 10_000
    after = await wallet(api, headers)
    assert (after["real_balance"], after["held_balance"]) == (real, 0)


async def test_a_withdrawal_with_open_wagering_is_refused_with_the_reason(api: Api, player) -> None:
    who, headers = player
    await deposited(api, headers, 10_000, delay_ms=0)
    body = {"amount": 1_000, "method": "card"}
    answer = await post(api, "/withdrawals", body, headers)
    problem = assert_problem(answer, 422, "withdrawal_not_allowed")
    assert problem["reason"] == "deposit_wagering_open"
    await Payments(api.world).wagered(who)
    answer = await post(api, "/withdrawals", {**body, "amount": 10_001}, headers)
    assert assert_problem(answer, 422, "insufficient_funds")["withdrawable"] == 10_000


async def test_withdrawals_are_idempotent_by_key(api: Api, player) -> None:
    who, headers = player
    await deposited(api, headers, 10_000, delay_ms=0)
    await Payments(api.world).wagered(who)
    body = {"amount": 1_000, "method": "card"}
    answer = await api.client.post("/withdrawals", json=body, headers=headers)
    assert_problem(answer, 400, "idempotency_key_missing")
    answers = await asyncio.gather(
        *(post(api, "/withdrawals", body, headers, key="k") for _ in range(100))
    )
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.text for answer in answers}) == 1
    replayed = [answer.headers.get("Idempotent-Replayed") for answer in answers]
    assert replayed.count("true") == 99
    assert (await wallet(api, headers))["held_balance"] == 1_000
    other = await post(api, "/withdrawals", {**body, "amount": 2_000}, headers, key="k")
    assert_problem(other, 422, "idempotency_key_reused")
    listed = (await api.client.get("/withdrawals", headers=headers)).json()["items"]
    assert [item["amount"] for item in listed] == [1_000]


async def test_what_is_not_there_or_not_yours_is_not_found(api: Api, player, staff) -> None:
    who, headers = player
    path = await withdrawing(api, who, headers)
    stranger = await api.client.post(f"/operator{path}/approve", headers=staff["beta"])
    assert_problem(stranger, 404, "withdrawal_not_found")
    nowhere = await api.client.get(f"/withdrawals/{uuid7()}", headers=headers)
    assert_problem(nowhere, 404, "withdrawal_not_found")
    assert_problem(await api.client.get("/operator/withdrawals", headers=headers), 403, "forbidden")
    override = await api.client.get(
        "/operator/withdrawals",
        params={"operator_id": who.operator_id, "limit": 1},
        headers=staff["root"],
    )
    assert len(override.json()["items"]) == 1
    assert override.json()["next_cursor"] is not None


async def test_velocity_limits_are_declared_and_tell_when_they_free(
    api: Api, player, staff
) -> None:
    _, headers = player
    body = {"amount": 60_000, "method": "card"}
    assert (await post(api, "/deposits", body, headers)).status_code == 201
    problem = assert_problem(await post(api, "/deposits", body, headers), 422, "limit_exceeded")
    assert (problem["limit"], problem["available"]) == ("deposit_hour", 40_000)
    assert problem["frees_at"].endswith("Z")
    limits = {
        "deposit_hour": 200_000,
        "deposit_day": 1_000_000,
        "withdrawal_hour": 500_000,
        "withdrawal_day": 2_500_000,
    }
    put = await api.client.put("/operator/limits", json=limits, headers=staff["alpha"])
    assert put.json() == limits
    assert (await post(api, "/deposits", body, headers)).status_code == 201
    wrong = {**limits, "deposit_day": 100}
    answer = await api.client.put("/operator/limits", json=wrong, headers=staff["alpha"])
    assert_problem(answer, 422, "payment_limit_invalid")
    theirs = await api.client.get("/operator/limits", headers=staff["beta"])
    assert theirs.json()["deposit_hour"] == 100_000


async def test_offers_are_declared_whole_and_checked(api: Api, staff) -> None:
    offer = {
        "name": "spins",
        "min_amount": 10_000,
        "free_spins": 10,
        "free_spin_game_id": api.world.games["slot"],
        "free_spin_stake": 20,
    }
    put = await api.client.put("/operator/offers", json={"items": [offer]}, headers=staff["beta"])
    assert put.status_code == 200, put.text
    (declared,) = put.json()["items"]
    assert (declared["name"], declared["active"]) == ("spins", True)
    for change, status, code in (
        ({"free_spins": 0}, 422, "offer_invalid"),
        ({"match_bps": 100}, 422, "offer_invalid"),
        ({"free_spin_stake": None}, 422, "offer_invalid"),
        ({"free_spin_game_id": 999_999}, 404, "game_not_found"),
        ({"free_spin_stake": 10**9}, 422, "limit_exceeded"),
        ({"min_amount": 0}, 400, "validation_failed"),
    ):
        answer = await api.client.put(
            "/operator/offers", json={"items": [{**offer, **change}]}, headers=staff["beta"]
        )
        assert_problem(answer, status, code)
    await api.client.put("/operator/offers", json={"items": []}, headers=staff["beta"])
    listed = (await api.client.get("/operator/offers", headers=staff["beta"])).json()["items"]
    assert [(item["name"], item["active"]) for item in listed] == [("spins", False)]
    assert (await api.client.get("/operator/offers", headers=staff["alpha"])).json()["items"] == []


async def test_payment_methods_are_declared_and_shown_to_players(api: Api, player, staff) -> None:
    _, headers = player
    path = "/operator/payment-methods"
    defaults = (await api.client.get(path, headers=staff["alpha"])).json()["items"]
    assert [method["method"] for method in defaults] == ["bank_transfer", "card", "wallet"]
    own = {"items": [{"method": "card", "min_amount": 1_000, "fee_bps": 100}]}
    put = await api.client.put(path, json=own, headers=staff["alpha"])
    assert put.status_code == 200, put.text
    try:
        shown = (await api.client.get("/payment-methods", headers=headers)).json()
        assert [method["method"] for method in shown] == ["card"]
        for method, amount, code in (
            ("wallet", 1_000, "payment_method_not_found"),
            ("card", 999, "amount_invalid"),
        ):
            answer = await post(api, "/deposits", {"amount": amount, "method": method}, headers)
            assert_problem(answer, 422, code)
        answer = await post(api, "/deposits", {"amount": 1_050, "method": "card"}, headers)
        assert answer.json()["fee"] == 10
    finally:
        await api.world.owner.execute("DELETE FROM payment_method")


async def test_the_balance_follows_payments(api: Api, player, staff) -> None:
    _, headers = player
    before = (await api.client.get("/operator/balance", headers=staff["alpha"])).json()
    await deposited(api, headers, 10_000, delay_ms=0)
    after = (await api.client.get("/operator/balance", headers=staff["alpha"])).json()
    assert after["cash_held"] - before["cash_held"] == 10_000
    assert after["owed_to_players"] - before["owed_to_players"] == 10_000
    assert after["own_funds"] == before["own_funds"]
    assert after["currency"] == "EUR"


async def test_sockets_hear_of_every_status(api: Api, player, staff) -> None:
    who, headers = player
    url = f"{api.base_url.replace('http', 'ws')}/ws/player"
    heard: list[tuple[str, str, dict[str, int]]] = []
    async with connect(url, additional_headers=headers) as socket, asyncio.timeout(30):
        path = await withdrawing(api, who, headers)
        await api.client.post(f"/operator{path}/approve", headers=staff["alpha"])
        while len(heard) < 4:
            message = json.loads(await socket.recv())
            if message["type"] in ("deposit", "withdrawal"):
                heard.append((message["type"], message["status"], message["balances"]))
    assert heard == [
        ("deposit", "COMPLETED", {"real": 10_000, "bonus": 0, "held": 0}),
        ("withdrawal", "PENDING", {"real": 5_000, "bonus": 0, "held": 5_000}),
        ("withdrawal", "APPROVED", {"real": 5_000, "bonus": 0, "held": 5_000}),
        ("withdrawal", "COMPLETED", {"real": 5_000, "bonus": 0, "held": 0}),
    ]


async def test_the_books_reconcile_after_all_that(api: Api) -> None:
    await asyncio.sleep(0.3)
    assert await Payments(api.world).differences() == []
