"""ibis: table expressions that become ClickHouse's SQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import ibis
import pandas as pd
import pyarrow as pa
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError
from ibis.backends.clickhouse import Backend

from tests.integration.warehouse.gateway.conftest import ask_gateway
from tests.support.gateway import Credentials, GatewayProcess

Connect = Callable[[Credentials], Backend]


@pytest.fixture(scope="module", autouse=True)
def bets(gateway: GatewayProcess) -> None:
    for sql in (
        "CREATE TABLE bets (bet_id UInt64, game String, wager Int64, win Int64,"
        " at DateTime64(6, 'UTC')) ENGINE = MergeTree ORDER BY bet_id",
        "INSERT INTO bets SELECT number, ['a', 'b', 'c'][number % 3 + 1], 100, number,"
        " toDateTime64('2026-01-01 00:00:00', 6, 'UTC') + toIntervalHour(number)"
        " FROM numbers(300)",
    ):
        assert ask_gateway(gateway, sql).status == 200


@pytest.fixture(params=["writer", "analyst"])
def connection(gateway: GatewayProcess, request: pytest.FixtureRequest) -> Iterator[Backend]:
    user: Credentials = getattr(gateway, request.param)
    backend = _connect(gateway, user)
    yield backend
    backend.disconnect()


def _connect(gateway: GatewayProcess, user: Credentials) -> Backend:
    return ibis.clickhouse.connect(
        host=gateway.host,
        port=gateway.port,
        user=user.user,
        password=user.password,
        database=gateway.database,
    )


def test_finds_its_way_about(connection: Backend, gateway: GatewayProcess) -> None:
    assert connection.current_database == gateway.database
    assert gateway.database in connection.list_databases()
    assert connection.list_tables() == ["bets"]
    schema: Any = connection.table("bets").schema()
    assert list(schema.names) == ["bet_id", "game", "wager", "win", "at"]
    assert schema["at"].is_timestamp()


def test_aggregates_to_pandas(connection: Backend) -> None:
    bets: Any = connection.table("bets")
    frame = (
        bets.group_by("game")
        .agg(bets=bets.count(), rtp=bets.win.sum() / bets.wager.sum(), top=bets.win.max())
        .order_by("game")
        .to_pandas()
    )
    assert isinstance(frame, pd.DataFrame)
    assert list(frame.game) == ["a", "b", "c"]
    assert list(frame.bets) == [100, 100, 100]
    assert list(frame.top) == [297, 298, 299]
    assert frame.rtp[0] == pytest.approx(sum(range(0, 300, 3)) / 10_000)


EXPRESSIONS: dict[str, tuple[Callable[[Any], Any], Any]] = {
    "filter": (lambda t: t.filter((t.win > 290) & t.game.isin(["a", "b"])).count(), 6),
    "join": (lambda t: t.join(t.view(), "bet_id").count(), 300),
    "window": (
        lambda t: t.mutate(n=ibis.row_number().over(group_by=t.game, order_by=t.bet_id)).n.max(),
        99,
    ),
    "time": (lambda t: t.group_by(t.at.truncate("D").name("day")).agg(n=t.count()).count(), 13),
    "quantile": (lambda t: t.win.quantile(0.5), 149.5),
    "distinct": (lambda t: t.game.nunique(), 3),
    "case": (lambda t: (t.win > 99).ifelse(1, 0).sum(), 200),
    "union": (lambda t: t.union(t).count(), 600),
}


@pytest.mark.parametrize("name", sorted(EXPRESSIONS))
def test_expressions(connection: Backend, name: str) -> None:
    expression, expected = EXPRESSIONS[name]
    assert expression(connection.table("bets")).execute() == expected


def test_parameters(connection: Backend) -> None:
    bets: Any = connection.table("bets")
    game: Any = ibis.param(ibis.dtype("string"))
    assert bets.filter(bets.game == game).count().execute(params={game: "b"}) == 100


def test_arrow_whole_and_in_batches(connection: Backend) -> None:
    bets = connection.table("bets")
    table = bets.to_pyarrow()
    assert isinstance(table, pa.Table)
    assert table.num_rows == 300
    assert sum(batch.num_rows for batch in bets.to_pyarrow_batches(chunk_size=64)) == 300


def test_creates_and_fills_tables_as_the_writer(gateway: GatewayProcess) -> None:
    backend = _connect(gateway, gateway.writer)
    bets = backend.table("bets")
    copy: Any = backend.create_table("bets_copy", schema=bets.schema(), engine="Memory")
    backend.insert("bets_copy", bets.to_pandas())
    assert copy.win.sum().execute() == sum(range(300))
    backend.raw_sql("DROP TABLE bets_copy")


def test_creates_nothing_as_the_analyst(gateway: GatewayProcess) -> None:
    backend = _connect(gateway, gateway.analyst)
    bets = backend.table("bets")
    with pytest.raises(DatabaseError, match="READONLY"):
        backend.create_table("bets_copy", schema=bets.schema(), engine="Memory")
    with pytest.raises(DatabaseError, match="READONLY"):
        backend.insert("bets", bets.to_pandas())
