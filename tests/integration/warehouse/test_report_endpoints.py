"""Reports over HTTP: what they echo, what they refuse, and that nobody sees another's."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.integration.warehouse.conftest import Stream
from tests.support.api import Api, assert_problem, served, settings_for
from tests.support.history import FIRST, LAST, History, play_history
from tests.support.ledger_answers import bet_totals
from tests.support.world import World
from warehouse.filters import Filters

ALL = {"from": "2026-01-28", "to": "2026-05-04"}


@pytest.fixture(scope="module")
async def history(world: World, stream: Stream) -> History:
    """Three months of two brands, in both stores."""
    played = await play_history(world, rounds=40)
    await stream.drain()
    return played


@pytest.fixture(scope="module")
async def api(
    world: World, history: History, redis_url: str, clickhouse_url: str
) -> AsyncIterator[Api]:
    """The API on the module's stores, with an admin for each brand."""
    async with served(world, settings_for(world, redis_url, clickhouse_url=clickhouse_url)) as api:
        for brand, name in zip(history.brands, ("strict", "mixed"), strict=True):
            await api.add_operator_admin(f"boss-{name}", brand)
        yield api


@pytest.fixture(scope="module")
async def boss(api: Api) -> dict[str, str]:
    """Headers of the first brand's admin."""
    return await api.log_in("boss-strict", "machine-strict")


@pytest.fixture(scope="module")
async def other(api: Api) -> dict[str, str]:
    """Headers of the second brand's admin."""
    return await api.log_in("boss-mixed", "machine-mixed")


async def get(api: Api, path: str, headers: dict[str, str], **query: Any) -> dict[str, Any]:
    answer = await api.client.get(f"/operator/analytics/{path}", headers=headers, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_overview_shows_figures_changes_and_a_series(
    api: Api, boss: dict[str, str], history: History, world: World
) -> None:
    report = await get(api, "overview", boss, **{"from": "2026-03-01", "to": "2026-04-01"})
    assert report["time_zone"] == "UTC"
    assert report["interval"] == "day"
    assert report["previous_from"] == "2026-01-29T00:00:00.000000Z"
    assert report["ngr_formula"] == "ggr - bonus_cost - jackpot_contributions - affiliate_payouts"
    assert [point["start"][:10] for point in report["series"]] == [
        f"2026-03-{day:02}" for day in range(1, 32)
    ]
    kpis = report["kpis"]
    for name in ("handle", "deposits", "bets", "bonus_cost", "jackpot_won", "affiliate_payouts"):
        kpi = kpis[name]
        assert kpi["value"] == sum(point[name] for point in report["series"])
        assert kpi["change"] == kpi["value"] - kpi["previous"]
        before = kpi["previous"]
        assert kpi["change_ratio"] == (round(kpi["change"] / abs(before), 6) if before else None)
    assert kpis["player_liability"]["value"] == report["series"][-1]["player_liability"]
    assert kpis["ngr"]["value"] == (
        kpis["ggr"]["value"]
        - kpis["bonus_cost"]["value"]
        - kpis["jackpot_contributions"]["value"]
        - kpis["affiliate_payouts"]["value"]
    )
    expected = await bet_totals(
        world.owner, history.brands[0], FIRST.replace(month=3, day=1, hour=0), LAST, Filters()
    )
    assert kpis["handle"]["value"] <= expected["wager"]


async def test_overview_of_the_last_day_by_default(api: Api, boss: dict[str, str]) -> None:
    report = await get(api, "overview", boss)
    assert report["interval"] == "hour"
    assert len(report["series"]) in (25, 26)
    assert report["kpis"]["rtp"] == {
        "value": None,
        "previous": None,
        "change": None,
        "change_ratio": None,
    }
    assert report["kpis"]["player_liability"]["value"] > 0
    assert report["kpis"]["player_liability"]["change"] == 0


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("overview?interval=week", "validation_failed"),
        ("overview?from=2020-01-01&to=2026-01-01&interval=hour", "too_many_points"),
        ("overview?from=1970-01-01", "too_many_points"),
        ("overview?from=2099-01-01", "invalid_range"),
        ("overview?bet_type=CASH", "validation_failed"),
        ("players?sort=luck", "validation_failed"),
        ("players?cursor=WzFd", "invalid_cursor"),
        ("players?cursor=WzE4NDQ2NzQ0MDczNzA5NTUxNjE2LCJ4Il0", "invalid_cursor"),
        ("bonuses?game_id=1", "filter_not_supported"),
        ("jackpots?bet_type=REAL", "filter_not_supported"),
        ("affiliates?player_id=01a20e04-121f-7369-8297-8edf1012af50", "filter_not_supported"),
    ],
)
async def test_bad_questions_get_a_problem(
    path: str, code: str, api: Api, boss: dict[str, str]
) -> None:
    answer = await api.client.get(f"/operator/analytics/{path}", headers=boss)
    assert_problem(answer, 400, code)


async def test_a_ranking_in_pages_holds_every_player_once(
    api: Api, boss: dict[str, str], history: History
) -> None:
    found: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        page = await get(api, "players", boss, sort="ggr", order="asc", limit=2, **ALL, **cursor)
        found += page["items"]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    players = {str(p.user_id) for p in history.players if p.operator_id == history.brands[0]}
    assert len(found) == len({item["player_id"] for item in found})
    assert {item["player_id"] for item in found} <= players
    assert [item["ggr"] for item in found] == sorted(item["ggr"] for item in found)


async def test_bonuses_and_jackpots_agree_with_the_overview(
    api: Api, boss: dict[str, str], history: History
) -> None:
    kpis = (await get(api, "overview", boss, **ALL))["kpis"]
    bonuses = await get(api, "bonuses", boss, **ALL)
    assert bonuses["cost"] == kpis["bonus_cost"]["value"]
    assert {item["kind"] for item in bonuses["items"]} >= {"GRANT", "FREE_SPINS"}
    jackpots = await get(api, "jackpots", boss, **ALL)
    assert jackpots["contributions"] == kpis["jackpot_contributions"]["value"]
    assert jackpots["jackpot_won"] == kpis["jackpot_won"]["value"]
    assert jackpots["rtp_with_jackpot"] == kpis["rtp_with_jackpot"]["value"]
    by_pool = {line["pool"]: line for line in jackpots["pools"]}
    assert {"hot", "cold"} <= by_pool.keys()
    assert sum(line["paid"] for line in by_pool.values()) == jackpots["jackpot_won"]
    assert sum(winner["amount"] for winner in jackpots["winners"]) == jackpots["jackpot_won"]
    assert by_pool["hot"]["current_amount"] >= 100


REPORTS = ("overview", "games", "rtp-summary", "players", "bonuses", "jackpots", "affiliates")


@pytest.mark.parametrize("report", REPORTS)
async def test_nobody_sees_anothers_report(
    report: str,
    api: Api,
    boss: dict[str, str],
    other: dict[str, str],
    history: History,
) -> None:
    """What two brands see is each one's own, and no word of the other's players is in it."""
    mine = await api.client.get(f"/operator/analytics/{report}", headers=boss, params=ALL)
    theirs = await api.client.get(f"/operator/analytics/{report}", headers=other, params=ALL)
    assert mine.json()["operator_id"] == history.brands[0]
    assert theirs.json()["operator_id"] == history.brands[1]
    for player in history.players:
        own, foreign = (mine, theirs) if player.operator_id == history.brands[0] else (theirs, mine)
        assert str(player.user_id) not in foreign.text
        if report == "players":
            assert str(player.user_id) in own.text or player is history.players[-1]
    answer = await api.client.get(
        f"/operator/analytics/{report}", headers=other, params={"operator_id": history.brands[0]}
    )
    assert_problem(answer, 403, "forbidden")
    if report not in ("jackpots", "affiliates"):
        answer = await api.client.get(
            f"/operator/analytics/{report}",
            headers=other,
            params={"player_id": str(history.players[0].user_id)},
        )
        assert_problem(answer, 404, "player_not_found")
