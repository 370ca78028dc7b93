"""Affiliates over HTTP: the platform declares them, their operator reads them and no other."""

from uuid import uuid4

from tests.support.api import PASSWORD, ROOT, Api, assert_problem


async def declared(api: Api, operator_id: int, **changes: object) -> dict:
    form = {"code": f"c-{uuid4().hex[:8]}", "name": "Partner", **changes}
    answer = await api.client.post(
        f"/admin/operators/{operator_id}/affiliates", json=form, headers=await api.log_in(ROOT)
    )
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_a_player_registers_with_a_code_and_counts_for_the_affiliate(api: Api):
    partner = await declared(api, 1, rate_bps=700)
    answer = await api.client.post(
        "/auth/register",
        json={
            "operator": "alpha",
            "username": "brought",
            "email": "brought@example.com",
            "password": PASSWORD,
            "affiliate_code": partner["code"],
        },
    )
    assert answer.status_code == 201, answer.text
    await api.add_operator_admin("partner-manager", 1)
    staff = await api.log_in("partner-manager", "alpha")
    items = (await api.client.get("/operator/affiliates", headers=staff)).json()["items"]
    (mine,) = [item for item in items if item["affiliate_id"] == partner["affiliate_id"]]
    assert (mine["players"], mine["rate_bps"], mine["carries_negative"]) == (1, 700, False)

    run = await api.client.post("/admin/jobs/state_affiliates/run", headers=await api.log_in(ROOT))
    assert run.status_code == 200, run.text
    assert run.json()["succeeded"] is True
    path = f"/operator/affiliates/{partner['affiliate_id']}/statements"
    answer = await api.client.get(path, headers=staff)
    (statement,) = answer.json()["items"]
    assert statement["week"] == run.json()["result"]["week"]
    assert (statement["ggr"], statement["amount"], statement["rate_bps"]) == (0, 0, 700)
    assert answer.json()["next_cursor"] is None


async def test_another_operator_sees_nothing_of_it(api: Api):
    partner = await declared(api, 1)
    await api.add_operator_admin("other-manager", 2)
    staff = await api.log_in("other-manager", "beta")
    items = (await api.client.get("/operator/affiliates", headers=staff)).json()["items"]
    assert partner["affiliate_id"] not in [item["affiliate_id"] for item in items]
    path = f"/operator/affiliates/{partner['affiliate_id']}/statements"
    assert_problem(await api.client.get(path, headers=staff), 404, "affiliate_not_found")
    assert_problem(
        await api.client.get("/operator/affiliates?operator_id=1", headers=staff), 403, "forbidden"
    )


async def test_terms_change_and_codes_are_unique(api: Api):
    root = await api.log_in(ROOT)
    partner = await declared(api, 1)
    path = f"/admin/operators/1/affiliates/{partner['affiliate_id']}"
    form = {"code": partner["code"], "name": "Renamed", "rate_bps": 0, "carries_negative": True}
    changed = (await api.client.put(path, json=form, headers=root)).json()
    assert (changed["name"], changed["rate_bps"], changed["carries_negative"]) == (
        "Renamed", 0, True,
    )  # fmt: skip
    again = await api.client.post("/admin/operators/1/affiliates", json=form, headers=root)
    assert_problem(again, 409, "affiliate_exists")
    unknown = await api.client.post("/admin/operators/999/affiliates", json=form, headers=root)
    assert_problem(unknown, 404, "operator_not_found")
    wrong = path.replace("/1/", "/2/")
    assert_problem(
        await api.client.put(wrong, json=form | {"code": "other"}, headers=root),
        404,
        "affiliate_not_found",
    )


async def test_only_the_platform_declares(api: Api):
    await api.add_operator_admin("eager-manager", 1)
    staff = await api.log_in("eager-manager", "alpha")
    answer = await api.client.get("/admin/operators/1/affiliates", headers=staff)
    assert_problem(answer, 403, "forbidden")
