"""CSV exports: the reports' own numbers, whole or visibly not, in little memory."""

import asyncio
import csv
import io
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import httpx
import pytest
from clickhouse_connect.driver.client import Client

from tests.integration.warehouse.conftest import Stream
from tests.support.api import Api, assert_problem, served, settings_for
from tests.support.history import History, play_history
from tests.support.world import World
from warehouse.client import Warehouse, WarehouseUnavailable
from warehouse.filters import Filters
from warehouse.time_ranges import EPOCH, LAST
from warehouse.transaction_pages import TransactionRow

PERIOD = {"from": "2026-01-28", "to": "2026-05-04"}
MANY = 150_000
LONG_AGO = {"from": "2020-01-01", "to": "2021-01-01"}


@pytest.fixture(scope="module")
async def history(world: World, stream: Stream) -> History:
    """Three months of two brands, in both stores; one player's name is a formula."""
    played = await play_history(world, rounds=40)
    await stream.drain()
    await world.owner.execute(
        "UPDATE \"user\" SET username = '=cmd()' WHERE user_id = $1", played.players[0].user_id
    )
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
def many_bets(history: History, warehouse_client: Client) -> None:
    """More bets of long ago than a report could hold, made in the warehouse itself."""
    brand, player = history.brands[0], history.players[0].user_id
    warehouse_client.command(
        "INSERT INTO bets (operator_id, bet_id, user_id, game_id, currency, bet_type, sign, wager, "
        "wager_real, ggr, created_at) SELECT {brand:UInt16}, generateUUIDv7(), {player:UUID}, 1, "
        "'EUR', 'REAL', 1, 10, 10, 10, toDateTime64('2020-03-01', 6, 'UTC') + number "
        "FROM numbers({many:UInt32})",
        parameters={"brand": brand, "player": str(player), "many": MANY},
        settings={"async_insert": 0},
    )


async def export(
    api: Api, headers: dict[str, str], report: str, **query: Any
) -> list[dict[str, str]]:
    answer = await api.client.get(
        f"/operator/export/{report}.csv", headers=headers, params={**PERIOD, **query}
    )
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == (
        f'attachment; filename="machine-strict-{report}-20260128-20260504.csv"'
    )
    assert answer.text.endswith("\r\n")
    rows = list(csv.DictReader(io.StringIO(answer.text, newline="")))
    assert {row["currency"] for row in rows} == {"EUR"}
    return rows


def shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return f"'{value}" if isinstance(value, str) and value[:1] in "=+-@" and value else str(value)


@pytest.mark.parametrize(
    ("report", "member"),
    [
        ("overview", "series"),
        ("games", "items"),
        ("players", "items"),
        ("bonuses", "items"),
        ("jackpots", "pools"),
        ("affiliates", "items"),
    ],
)
async def test_an_export_is_its_report(
    report: str, member: str, api: Api, boss: dict[str, str]
) -> None:
    rows = await export(api, boss, report)
    answer = await api.client.get(f"/operator/analytics/{report}", headers=boss, params=PERIOD)
    items = answer.json()[member]
    assert rows
    assert rows == [
        {**{name: shown(value) for name, value in item.items()}, "currency": "EUR"}
        for item in items
    ]


async def test_rtp_summary_has_games_and_players(api: Api, boss: dict[str, str]) -> None:
    rows = await export(api, boss, "rtp-summary")
    answer = await api.client.get("/operator/analytics/rtp-summary", headers=boss, params=PERIOD)
    summary = answer.json()
    by_id = {str(item["game_id"]): item["rtp"] for item in summary["by_game"]}
    by_id |= {item["player_id"]: item["rtp"] for item in summary["by_player"]}
    assert {row["id"]: row["rtp"] for row in rows} == {
        key: shown(rtp) for key, rtp in by_id.items()
    }


async def test_transactions_with_filters_and_without_formulas(
    api: Api, boss: dict[str, str], history: History
) -> None:
    rows = await export(api, boss, "transactions")
    page = await api.client.get(
        "/operator/transactions", headers=boss, params={**PERIOD, "limit": 500}
    )
    items = page.json()["items"]
    assert [row["id"] for row in rows[: len(items)]] == [item["id"] for item in items]
    assert {row["username"] for row in rows} >= {"'=cmd()"}
    assert "'=no" in {row["reason"] for row in rows}
    player = history.players[0]
    own = await export(api, boss, "transactions", player_id=str(player.user_id), type="deposit")
    assert own
    assert {(row["player_id"], row["type"]) for row in own} == {(str(player.user_id), "deposit")}


async def test_exports_are_recorded(api: Api, boss: dict[str, str], world: World) -> None:
    await export(api, boss, "games", bet_type="REAL")
    entry = await world.owner.fetchrow(
        "SELECT * FROM audit_log WHERE action = 'report.exported' ORDER BY occurred_at DESC LIMIT 1"
    )
    assert entry is not None
    assert entry["target"] == "games"
    assert '"bet_type": "REAL"' in entry["detail"]


@pytest.mark.usefixtures("many_bets")
async def test_a_long_export_takes_little_memory(api: Api, boss: dict[str, str]) -> None:
    url, length, lines = "/operator/export/transactions.csv", 0, 0
    tracemalloc.start()
    try:
        async with api.client.stream("GET", url, headers=boss, params=LONG_AGO) as answer:
            async for part in answer.aiter_bytes():
                length, lines = length + len(part), lines + part.count(b"\n")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert lines == MANY + 1
    assert peak < length / 4, f"{peak} bytes at once of {length}"


@asynccontextmanager
async def cut_after(url: str, length: int) -> AsyncIterator[str]:
    """A way to ClickHouse that breaks for good once ``length`` bytes of answers have passed."""
    target = urlsplit(url)
    passed = {"answers": 0, "questions": 0}

    async def pump(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, what: str, most: int
    ) -> None:
        while passed[what] < most and (part := await reader.read(65_536)):
            writer.write(part)
            await writer.drain()
            passed[what] += len(part)
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(target.hostname, target.port)
        asking = asyncio.create_task(pump(reader, back, "questions", 2**62))
        with suppress(ConnectionError):
            await pump(there, writer, "answers", length)
        asking.cancel()
        back.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        yield url.replace(f":{target.port}/", f":{port}/")


@pytest.mark.usefixtures("many_bets")
async def test_an_export_that_breaks_does_not_look_complete(
    world: World, redis_url: str, clickhouse_url: str, api: Api
) -> None:
    lines = 0
    async with (
        cut_after(clickhouse_url, 3_000_000) as way,
        served(world, settings_for(world, redis_url, clickhouse_url=way)) as broken,
    ):
        boss = await broken.log_in("boss-strict", "machine-strict")
        url = "/operator/export/transactions.csv"
        with pytest.raises(httpx.RemoteProtocolError):  # noqa: PT012 - it may break at any part
            async with broken.client.stream("GET", url, headers=boss, params=LONG_AGO) as answer:
                assert answer.status_code == 200
                async for part in answer.aiter_bytes():
                    lines += part.count(b"\n")
    assert 0 < lines < MANY


@pytest.mark.usefixtures("many_bets")
async def test_a_stream_that_breaks_is_an_error(history: History, clickhouse_url: str) -> None:
    rows = 0
    async with cut_after(clickhouse_url, 1_000_000) as way:
        warehouse = Warehouse(way)
        with pytest.raises(WarehouseUnavailable):  # noqa: PT012 - it may break at any batch
            async for batch in warehouse.stream(
                "bet_page",
                TransactionRow,
                operator_id=history.brands[0],
                from_time=EPOCH,
                to_time=LAST,
                cursor_time=LAST,
                cursor_id=UUID(int=2**128 - 1),
                cursor_part=2,
                goes_on=False,
                sign=0,
                limit=MANY,
                every_game=True,
                game_ids=[],
                **Filters().of_every_game(),
            ):
                rows += len(batch)
        await warehouse.close()
    assert 0 < rows < MANY


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("secrets.csv", 404, "not_found"),
        ("games", 404, "not_found"),
        ("games.csv?type=bet", 400, "filter_not_supported"),
        ("overview.csv?sort=ggr", 400, "filter_not_supported"),
        ("transactions.csv?game_id=1&type=deposit", 400, "filter_not_supported"),
        ("transactions.csv?type=theft", 400, "validation_failed"),
        ("overview.csv?from=1970-01-01", 400, "too_many_points"),
        ("games.csv?from=never", 400, "invalid_range"),
    ],
)
async def test_bad_exports_get_a_problem(
    path: str, status: int, code: str, api: Api, boss: dict[str, str]
) -> None:
    answer = await api.client.get(f"/operator/export/{path}", headers=boss)
    assert_problem(answer, status, code)


async def test_nobody_exports_anothers_rows(api: Api, history: History) -> None:
    other = await api.log_in("boss-mixed", "machine-mixed")
    mine = [player for player in history.players if player.operator_id == history.brands[0]]
    for report in ("games", "players", "transactions", "rtp-summary", "bonuses"):
        answer = await api.client.get(f"/operator/export/{report}.csv", headers=other)
        assert answer.status_code == 200
        assert not any(str(player.user_id) in answer.text for player in mine)
        answer = await api.client.get(
            f"/operator/export/{report}.csv",
            headers=other,
            params={"player_id": str(mine[0].user_id)},
        )
        assert_problem(answer, 404, "player_not_found")
    answer = await api.client.get(
        f"/operator/export/games.csv?operator_id={history.brands[0]}", headers=other
    )
    assert_problem(answer, 403, "forbidden")
    await api.register("nosy", "machine-strict")
    player = await api.log_in("nosy", "machine-strict")
    answer = await api.client.get("/operator/export/games.csv", headers=player)
    assert_problem(answer, 403, "forbidden")
