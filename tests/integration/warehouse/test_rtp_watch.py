"""The RTP monitor on real stores: the faulty game alarms once, honest ones and others never."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from math import ceil
from random import Random
from statistics import pstdev
from typing import Any

import msgspec
import pytest
from uuid_utils.compat import uuid7

from api.rtp_watch import Raised, Watch, watch_rtp
from ledger.database import Role
from ledger.events import BetEvent
from ledger.outcomes import standard_outcomes
from tests.integration.warehouse.conftest import Stream
from tests.support.api import Api, assert_problem, served, settings_for
from tests.support.outbox import bet_event, write
from tests.support.rtp_bets import FAULTY, HALF_HOUR, add_faulty_game, drawn
from tests.support.world import SLOT, World
from warehouse.client import Warehouse
from warehouse.rtp_cells import rtp_cells
from warehouse.rtp_monitor import share_of
from warehouse.rtp_tolerance import z_below_and_above
from warehouse.time_ranges import HOUR, TimeRange

START = HOUR.floor(datetime.now(UTC)) - timedelta(hours=3)
AS_OF = START + timedelta(hours=1, seconds=20)
LATER = START + timedelta(hours=1, minutes=40)


class Played(msgspec.Struct, frozen=True):
    """What was played: the faulty game's number, and alpha's bets."""

    faulty: int
    bets: list[BetEvent]


@pytest.fixture(scope="module")
async def played(world: World, stream: Stream) -> Played:
    """Alpha plays a faulty and an honest game; beta an honest one, with huge wins rolled back."""
    faulty = await add_faulty_game(world)
    alpha, beta = world.operators
    random, slot = Random(5), world.games["slot"]  # noqa: S311
    mine = drawn(random, FAULTY.paytable, 60_000, start=START, operator_id=alpha, game_id=faulty)
    mine += drawn(random, SLOT, 8_000, start=START, operator_id=alpha, game_id=slot)
    mine += drawn(random, SLOT, 2_000, start=START, wager=1_500, operator_id=alpha, game_id=slot)
    theirs = drawn(random, SLOT, 8_000, start=START, operator_id=beta, game_id=slot)
    for _ in range(50):
        huge = {"operator_id": beta, "game_id": slot, "win": 1_000_000, "bet_id": uuid7()}
        theirs += [bet_event(**huge, created_at=START, sign=sign) for sign in (1, -1)]
    await _stream(world, stream, mine + theirs)
    return Played(faulty, mine)


async def _stream(world: World, stream: Stream, bets: list[BetEvent]) -> None:
    async with world.owner.acquire() as connection, connection.transaction():
        await write(connection, *bets)
    await stream.drain()


@pytest.fixture(scope="module")
async def warehouse(clickhouse_url: str) -> AsyncIterator[Warehouse]:
    reader = Warehouse(clickhouse_url)
    yield reader
    await reader.close()


@pytest.fixture(scope="module")
async def api(
    world: World, played: Played, redis_url: str, clickhouse_url: str
) -> AsyncIterator[Api]:
    configuration = settings_for(world, redis_url, clickhouse_url=clickhouse_url)
    async with served(world, configuration) as running:
        for operator_id, slug in zip(world.operators, ("alpha", "beta"), strict=True):
            await running.add_operator_admin(f"boss-{slug}", operator_id)
        yield running


async def look(world: World, warehouse: Warehouse, as_of: datetime) -> Watch:
    """Run the job as of then; who is told of an alert is told of every one."""
    told: list[Raised] = []

    async def tell(raised: Raised) -> None:
        told.append(raised)

    done = await watch_rtp(world.pools[Role.BATCH], warehouse, as_of, tell)
    assert told == done.raised
    return done


async def alerts(api: Api, headers: dict[str, str], **query: Any) -> list[dict[str, Any]]:
    answer = await api.client.get("/operator/rtp-alerts", headers=headers, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


@pytest.mark.parametrize("seed", range(12))
async def test_cells_are_exact_at_any_range(
    seed: int, world: World, warehouse: Warehouse, played: Played
) -> None:
    """Hours from the rollup, edges from bets, against sums over what was written."""
    random = Random(seed)  # noqa: S311
    ends = (timedelta(seconds=random.uniform(-90_000, 90_000)) for _ in range(2))
    start, end = sorted(START + HALF_HOUR / 2 + offset / (1 + 50 * (seed % 2)) for offset in ends)
    bots = bool(seed % 3)
    cells = await rtp_cells(warehouse, world.operators[0], TimeRange(start, end), include_bots=bots)
    for game_id in {bet.game_id for bet in played.bets}:
        bets = [
            bet
            for bet in played.bets
            if bet.game_id == game_id
            and start <= datetime.fromisoformat(bet.created_at) < end
            and (bots or not bet.is_bot)
        ]
        for band, wagers in ((0, {100, 1_500}), (2, {100}), (3, {1_500})):
            expected = [bet for bet in bets if bet.wager in wagers]
            found = [cell for cell in cells if (cell.game_id, cell.stake_band) == (game_id, band)]
            assert [(cell.bets, cell.wager, cell.wager_squared, cell.win) for cell in found] == [
                (
                    len(expected),
                    sum(bet.wager for bet in expected),
                    sum(bet.wager**2 for bet in expected),
                    sum(bet.win for bet in expected),
                )
            ] * bool(expected)
            largest = max((bet.wager for bet in expected), default=0)
            assert all(largest <= cell.largest_stake for cell in found)


async def test_the_life_of_an_alert(
    world: World, stream: Stream, warehouse: Warehouse, api: Api, played: Played
) -> None:
    """Raised once, renewed, acknowledged, and raised anew only by bets that nobody had seen."""
    alpha, beta = world.operators
    first = await look(world, warehouse, AS_OF)
    keys = {(one.key.window, one.key.stake_band) for one in first.raised}
    assert keys == {(window, band) for window in ("1h", "24h", "30d") for band in (0, 2)}
    assert {(one.key.operator_id, one.key.game_id, one.key.direction) for one in first.raised} == {
        (alpha, played.faulty, "above")
    }

    again = await look(world, warehouse, AS_OF)
    assert (again.looks, again.judged, again.raised) == ({}, 0, [])
    renewed = await look(world, warehouse, AS_OF + timedelta(minutes=5))
    assert list(renewed.looks) == ["1h"]
    assert (renewed.out_of_tolerance, renewed.raised) == (2, [])

    boss, other = await api.log_in("boss-alpha", "alpha"), await api.log_in("boss-beta", "beta")
    assert await alerts(api, other) == []
    listed = await alerts(api, boss, status="open")
    assert len(listed) == 6
    assert [item["alert_id"] for item in listed] == sorted(
        (item["alert_id"] for item in listed), reverse=True
    )
    [hourly] = [one for one in listed if (one["window"], one["stake_band"]) == ("1h", "all")]
    _check_evidence(hourly, [bet for bet in played.bets if bet.game_id == played.faulty])

    await _acknowledge(api, boss, other, hourly["alert_id"])
    assert len(await alerts(api, boss, status="open")) == 5
    [done] = await alerts(api, boss, status="acknowledged")
    assert done["note"] == "switched off"

    old_bets = await look(world, warehouse, AS_OF + timedelta(minutes=15))
    assert old_bets.out_of_tolerance == 2
    assert old_bets.raised == [], "what was acknowledged is no news"
    fresh = drawn(
        Random(6),  # noqa: S311
        FAULTY.paytable,
        60_000,
        start=START + timedelta(hours=1, minutes=6),
        operator_id=alpha,
        game_id=played.faulty,
    )
    await _stream(world, stream, fresh)
    anew = await look(world, warehouse, LATER)
    assert [(one.key.window, one.key.stake_band) for one in anew.raised] == [("1h", 0)]
    assert len(await alerts(api, boss)) == 7
    assert await alerts(api, other) == []
    assert (
        await world.owner.fetchval("SELECT count(*) FROM rtp_alert WHERE operator_id = $1", beta)
        == 0
    )


def _check_evidence(alert: dict[str, Any], bets: list[BetEvent]) -> None:
    """The first evidence is the whole hour's; five minutes later the window holds fewer bets."""
    wagered, won = sum(bet.wager for bet in bets), sum(bet.win for bet in bets)
    raised_on, newest = alert["raised_on"], alert["evidence"]
    assert alert["looks"] == 2
    assert (raised_on["bets"], raised_on["wagered"], raised_on["won"]) == (
        len(bets),
        wagered,
        won,
    )
    assert raised_on["wagered_squared"] == str(sum(bet.wager**2 for bet in bets))
    assert raised_on["theoretical_rtp"] == pytest.approx(0.96)
    assert raised_on["rtp"] == pytest.approx(won / wagered)
    assert raised_on["sigma"] == pytest.approx(FAULTY.sigma, abs=1e-6)
    error = FAULTY.sigma / len(bets) ** 0.5
    assert raised_on["standard_error"] == pytest.approx(error, rel=1e-6)
    assert raised_on["score"] == pytest.approx((won / wagered - 0.96) / error, rel=1e-6)
    assert raised_on["largest_stake"] == 100
    outcomes = standard_outcomes(FAULTY.paytable)
    _, above = z_below_and_above(outcomes, len(bets) ** -0.5, share_of(3))
    assert raised_on["score"] > raised_on["z"] == pytest.approx(above)
    assert raised_on["upper"] == pytest.approx(0.96 + above * error)
    assert newest["bets"] < raised_on["bets"]
    assert newest["to"] > raised_on["to"]


async def _acknowledge(
    api: Api, boss: dict[str, str], other: dict[str, str], alert_id: int
) -> None:
    path, body = f"/operator/rtp-alerts/{alert_id}/acknowledge", {"note": "switched off"}
    theirs = await api.client.post(path, headers=other, json=body)
    assert_problem(theirs, 404, "rtp_alert_not_found")
    answer = await api.client.post(path, headers=boss, json=body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["status"] == "acknowledged"
    assert answer.json()["acknowledged_by"].startswith("operator_admin:")
    twice = await api.client.post(path, headers=boss, json=body)
    assert_problem(twice, 409, "rtp_alert_acknowledged")
    audited = await api.world.owner.fetch(
        "SELECT operator_id, detail::text FROM audit_log "
        "WHERE action = 'rtp_alert.acknowledged' AND target = $1",
        str(alert_id),
    )
    assert [(row["operator_id"], row["detail"]) for row in audited] == [
        (api.world.operators[0], '{"note": "switched off"}')
    ]


async def test_the_report_shows_each_game_against_its_tolerance(
    world: World, api: Api, played: Played
) -> None:
    boss = await api.log_in("boss-alpha", "alpha")

    async def report(**query: Any) -> dict[str, Any]:
        answer = await api.client.get("/operator/analytics/rtp-monitor", headers=boss, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    span = {"from": START.isoformat(), "to": (START + HALF_HOUR * 2).isoformat()}
    custom = await report(**span)
    by_cell = {(item["game_id"], item["stake_band"]): item for item in custom["items"]}
    broken, slot = by_cell[played.faulty, "all"], by_cell[world.games["slot"], "below_1000"]
    assert (broken["status"], slot["status"]) == ("alert", "ok")
    assert broken["bets"] == 60_000
    assert slot["bets"] == 8_000
    unequal = by_cell[world.games["slot"], "all"]
    assert (unequal["bets"], unequal["n_eff"], unequal["status"]) == (10_000, 3_152, "ok")
    few = await report(**span | {"to": (START + HALF_HOUR / 60).isoformat()})
    assert {item["status"] for item in few["items"] if item["bets"] < 200} == {"insufficient"}
    assert slot["tolerance"]["lower"] < slot["rtp"] < slot["tolerance"]["upper"]
    assert broken["rtp"] > broken["tolerance"]["upper"]
    assert [one["window"] for one in custom["windows"]] == ["custom"]

    people = await report(**span, include_bots=False, game_id=played.faulty)
    assert {item["game_id"] for item in people["items"]} == {played.faulty}
    assert people["items"][0]["bets"] == 30_000
    assert people["include_bots"] is False
    assert (await report(**span, provider="Nobody"))["items"] == []

    now = await report(category="slots")
    assert [one["window"] for one in now["windows"]] == ["1h", "24h", "30d"]
    assert {item["window"] for item in now["items"]} == {"24h", "30d"}
    assert all(one["status"] == "open" for one in now["alerts"])
    refused = await api.client.get(
        "/operator/analytics/rtp-monitor", headers=boss, params={**span, "window": "1h"}
    )
    assert_problem(refused, 400, "invalid_range")


async def test_alerts_are_paged_and_cannot_be_deleted(world: World, api: Api) -> None:
    boss = await api.log_in("boss-alpha", "alpha")
    every = await alerts(api, boss)
    seen: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        answer = await api.client.get(
            "/operator/rtp-alerts", headers=boss, params={"limit": 2, **cursor}
        )
        seen += answer.json()["items"]
        if answer.json()["next_cursor"] is None:
            break
        cursor = {"cursor": answer.json()["next_cursor"]}
    assert seen == every
    assert len(every) > 2
    with pytest.raises(Exception, match="append-only"):
        await world.owner.execute("DELETE FROM rtp_alert")


async def test_the_job_runs_over_http(api: Api) -> None:
    root = await api.log_in("root")
    answer = await api.client.post("/admin/jobs/watch_rtp/run", headers=root)
    assert answer.status_code == 200, answer.text
    run = answer.json()
    assert run["succeeded"] is True, run
    assert set(run["result"]) == {"looks", "judged", "out_of_tolerance", "raised"}


def _may_be(stakes: list[int]) -> int:
    """Mean + standard deviation x root of their number less one: no stake is larger."""
    mean = sum(stakes) / len(stakes)
    return ceil(mean + pstdev(stakes) * (len(stakes) - 1) ** 0.5)


async def test_the_largest_stake_is_bounded_by_the_hour(
    world: World, stream: Stream, warehouse: Warehouse, operator_id: int
) -> None:
    """What was rolled back counts nowhere, a band's end limits, and equal stakes leave no doubt."""
    random, hours = Random(7), [START + 2 * HALF_HOUR * number for number in range(3)]  # noqa: S311
    stakes = {start: [random.randint(1_000, 5_000) for _ in range(60)] for start in hours}
    bets = [
        bet_event(operator_id=operator_id, wager=wager, created_at=start)
        for start, wagers in stakes.items()
        for wager in [*wagers, 20, 90, 90, *[250] * 40]
    ]
    for wager in (50_000, 900):
        taken_back = {"wager": wager, "bet_id": uuid7(), "created_at": hours[0]}
        bets += [bet_event(operator_id=operator_id, sign=sign, **taken_back) for sign in (1, -1)]
    await _stream(world, stream, bets)
    for period in (
        TimeRange(hours[0], hours[-1] + 2 * HALF_HOUR),
        TimeRange(hours[0] - HALF_HOUR, hours[-1] + HALF_HOUR),
    ):
        cells = await rtp_cells(warehouse, operator_id, period)
        found = {cell.stake_band: cell.largest_stake for cell in cells}
        most = max(map(_may_be, stakes.values()))
        assert found == {0: most, 1: 99, 2: 250, 3: most}
        assert max(map(max, stakes.values())) <= most < 50_000
