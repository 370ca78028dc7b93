"""An alert of the RTP monitor reaches its operator's open sockets when it is raised."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect

from api.live import WAREHOUSE_CHANNEL
from tests.integration.warehouse.conftest import Stream
from tests.support.api import ROOT, Api, served, settings_for
from tests.support.outbox import write
from tests.support.rtp_bets import FAULTY, add_faulty_game, drawn
from tests.support.world import World
from warehouse.client import Warehouse, WarehouseUnavailable
from warehouse.time_ranges import HOUR


@pytest.fixture(scope="module")
async def faulty(world: World, stream: Stream) -> int:
    """The number of a faulty game that alpha's players found, two hours ago and more."""
    number = await add_faulty_game(world)
    start = HOUR.floor(datetime.now(UTC)) - timedelta(hours=3)
    fields = {"operator_id": world.operators[0], "game_id": number}
    bets = drawn(Random(5), FAULTY.paytable, 60_000, start=start, **fields)  # noqa: S311
    async with world.owner.acquire() as connection, connection.transaction():
        await write(connection, *bets)
    await stream.drain()
    return number


@pytest.fixture(scope="module")
async def api(world: World, faulty: int, redis_url: str, clickhouse_url: str) -> AsyncIterator[Api]:
    configuration = settings_for(world, redis_url, clickhouse_url=clickhouse_url)
    async with served(world, configuration) as running:
        for operator_id, slug in zip(world.operators, ("alpha", "beta"), strict=True):
            await running.add_operator_admin(f"boss-{slug}", operator_id)
        yield running


def listening(api: Api, headers: dict[str, str]) -> connect:
    """An operator's socket."""
    url = f"{api.base_url.replace('http', 'ws')}/ws/operator"
    return connect(url, additional_headers=headers)


async def heard(api: Api, *sockets: ClientConnection) -> list[list[dict[str, Any]]]:
    """The alerts that each socket was sent, up to news of the warehouse that everybody gets."""
    news = {"as_of": "the end", "operators": api.world.operators}
    await api.app.state.redis.publish(WAREHOUSE_CHANNEL, json.dumps(news))
    found: list[list[dict[str, Any]]] = []
    for socket in sockets:
        found.append([])
        async with asyncio.timeout(20):
            while (message := json.loads(await socket.recv())).get("as_of") != "the end":
                if message["type"] == "rtp_alert":
                    found[-1].append(message)
    return found


async def run_job(api: Api, root: dict[str, str]) -> dict[str, Any]:
    answer = await api.client.post("/admin/jobs/watch_rtp/run", headers=root)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_an_alert_is_pushed_once_to_its_operator_whatever_fails_afterwards(
    api: Api, faulty: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The warehouse is lost between alpha's day and beta's; the next run finds the 30 days."""
    root = await api.log_in(ROOT)
    boss, other = await api.log_in("boss-alpha", "alpha"), await api.log_in("boss-beta", "beta")
    warehouse: Warehouse = api.app.state.warehouse
    read = warehouse.read

    async def break_off(name: str, row: Any, **parameters: Any) -> Any:
        long = parameters["to_time"] - parameters["from_time"] > timedelta(hours=1)
        if long and parameters["operator_id"] == api.world.operators[1]:
            raise WarehouseUnavailable("lost")
        return await read(name, row, **parameters)

    async with listening(api, boss) as own, listening(api, other) as others:
        with monkeypatch.context() as patch:
            patch.setattr(warehouse, "read", break_off)
            assert (await run_job(api, root))["succeeded"] is False
        [of_the_day, nothing] = await heard(api, own, others)
        assert nothing == []
        assert {(one["window"], one["stake_band"]) for one in of_the_day} == {
            ("24h", "all"),
            ("24h", "below_1000"),
        }

        assert (await run_job(api, root))["succeeded"] is True
        [of_the_month, nothing] = await heard(api, own, others)
        assert nothing == []
        assert [one["window"] for one in of_the_month] == ["30d", "30d"]

        assert (await run_job(api, root))["result"]["raised"] == []
        assert await heard(api, own, others) == [[], []]
    answer = await api.client.get("/operator/rtp-alerts", headers=boss)
    shown = {item["alert_id"]: item for item in answer.json()["items"]}
    pushed = {one["alert_id"]: one for one in of_the_day + of_the_month}
    assert shown.keys() == pushed.keys()
    for alert_id, one in pushed.items():
        item = shown[alert_id]
        assert {name: item[name] for name in ("game_id", "stake_band", "window", "direction")} == {
            "game_id": faulty,
            "stake_band": one["stake_band"],
            "window": one["window"],
            "direction": "above",
        }
        assert one["rtp"] == pytest.approx(item["raised_on"]["rtp"], abs=1e-6)
        assert one["theoretical_rtp"] == pytest.approx(0.96)
