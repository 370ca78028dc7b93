"""No endpoint query can be run without an operator, nor read a row of another."""

import re
from datetime import UTC, datetime

import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from warehouse.client import PIECES, UnboundQuery, tenant_query
from warehouse.queries import player_pieces
from warehouse.sql_files import read_sql, sql_names
from warehouse.time_ranges import DAY, MONTH, TimeRange

PARAMETER = re.compile(r"\{(\w+):([^}]+)\}")
VALUES = {
    "UUID": "00000000-0000-0000-0000-000000000001",
    "Array(UUID)": ["00000000-0000-0000-0000-000000000001"],
    "Array(Int64)": [1],
    "Array(UInt32)": [1],
    "String": "",
}
OF_NO_OPERATOR = {"games"}

EVERYTHING = TimeRange(datetime(2025, 1, 9, 3, tzinfo=UTC), datetime(2025, 9, 9, 3, tzinfo=UTC))
"""A period that months, days and bets all have a share in."""


def piece_sets() -> list[tuple[str, tuple[str, ...]]]:
    """Every endpoint; one of pieces with each of them alone and with all."""
    found: list[tuple[str, tuple[str, ...]]] = []
    for endpoint in sql_names("endpoints"):
        if PIECES not in read_sql("endpoints", endpoint):
            found.append((endpoint, ()))
            continue
        what = "player_figures" if endpoint == "players" else "player_activity"
        pieces = player_pieces(what, EVERYTHING.nested(DAY, MONTH))
        assert len(pieces) == 3
        found += [(endpoint, (piece,)) for piece in pieces] + [(endpoint, tuple(pieces))]
    return found


MOMENTS = (
    ("from_time", "earlier_from"),
    ("fine_from", "earlier_whole_from"),
    ("coarse_from", "earlier_whole_to"),
    ("coarse_to", "whole_from"),
    ("fine_to", "whole_to"),
    ("to_time", "before", "cursor_time"),
)
"""Bounds in their order; none of the ranges between them is empty."""


def parameters_of(text: str) -> dict[str, object]:
    """A value of the right type for each parameter of a query."""
    moments = {
        name: f"2026-01-{1 + 5 * place:02} 00:00:00"
        for place, names in enumerate(MOMENTS)
        for name in names
    }
    return {
        name: moments[name] if kind.startswith("DateTime") else VALUES.get(kind, 1)
        for name, kind in PARAMETER.findall(text)
    }


@pytest.fixture(scope="module", autouse=True)
def two_operators(warehouse_client: Client) -> None:
    """A bet and a deposit of two operators in every hour of a January."""
    hours = (
        "toDateTime64('2026-01-01', 6, 'UTC') + toIntervalHour(number) AS at FROM numbers(744) "
        "ARRAY JOIN [7, 8] AS operator_id"
    )
    for statement in (
        "INSERT INTO bets (operator_id, bet_id, user_id, game_id, bet_type, sign, created_at) "
        f"SELECT operator_id, generateUUIDv7(), toUUID('{VALUES['UUID']}'), 1, 'REAL', 1, {hours}",
        "INSERT INTO transactions (operator_id, transaction_id, event_no, user_id, kind, status, "
        "created_at, occurred_at) SELECT operator_id, generateUUIDv7(), 1, "
        f"toUUID('{VALUES['UUID']}'), 'DEPOSIT', 'COMPLETED', at, {hours}",
        "INSERT INTO players (operator_id, user_id, registered_at, version) SELECT operator_id, "
        f"toUUID('{VALUES['UUID']}'), '2026-01-03', 1 FROM VALUES('operator_id UInt16', 7, 8)",
        "INSERT INTO operators (operator_id, version) VALUES (7, 1), (8, 1)",
        "INSERT INTO games (game_id, version) VALUES (1, 1)",
    ):
        warehouse_client.command(statement)


@pytest.mark.parametrize(("endpoint", "pieces"), piece_sets())
def test_every_table_is_read_by_one_operators_keys(
    endpoint: str, pieces: tuple[str, ...], warehouse_client: Client
) -> None:
    """By the engine's own plan: each read of a tenant's table begins with its operator's keys."""
    text = tenant_query(endpoint, pieces)
    plan = warehouse_client.query(
        f"EXPLAIN indexes = 1 {text}", parameters=parameters_of(text) | {"operator_id": 7}
    ).result_rows
    reads = "\n".join(line for (line,) in plan).split("ReadFromMergeTree (")[1:]
    assert reads
    for read in reads:
        table = read[: read.index(")")].partition(".")[2]
        # A player's rows are found by the pair of operator and player, a set of one.
        bound = re.search(r"\(operator_id in (\[7, 7\]|1-element set)\)", read)
        assert table in OF_NO_OPERATOR or bound, read


@pytest.mark.parametrize(("endpoint", "pieces"), piece_sets())
def test_an_endpoint_without_an_operator_is_refused_by_the_engine(
    endpoint: str, pieces: tuple[str, ...], warehouse_client: Client
) -> None:
    text = tenant_query(endpoint, pieces)
    parameters = parameters_of(text)
    warehouse_client.raw_query(text, parameters=parameters)
    del parameters["operator_id"]
    with pytest.raises(ClickHouseError, match="operator_id"):
        warehouse_client.raw_query(text, parameters=parameters)


def test_a_query_without_its_pieces_is_not_loaded() -> None:
    with pytest.raises(UnboundQuery):
        tenant_query("player_activity")
    with pytest.raises(UnboundQuery):
        tenant_query("games_from_days", ("player_activity_from_days",))


@pytest.mark.parametrize(
    "view", [name for name in sql_names("views") if name.startswith("tenant_")]
)
def test_every_branch_of_a_tenant_view_binds_the_operator(view: str) -> None:
    text = read_sql("views", view)
    bound = text.count("operator_id = {operator_id:UInt16}")
    bound += text.count("(operator_id, user_id) IN (({operator_id:UInt16}, {user_id:UUID}))")
    assert bound == len(re.findall(r"\bFROM\b", text)) > 0


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * FROM bets",
        "SELECT * FROM bets WHERE operator_id = {operator_id:UInt16} UNION ALL SELECT * FROM bets",
    ],
)
def test_a_query_that_leaves_a_table_unbound_is_not_loaded(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("warehouse.client.read_sql", lambda folder, name: text)
    with pytest.raises(UnboundQuery):
        tenant_query("everything")


def test_every_table_and_column_has_a_comment(warehouse_client: Client) -> None:
    tables = warehouse_client.query(
        "SELECT name FROM system.tables WHERE database = currentDatabase() AND comment = '' "
        "AND name != 'alembic_version'"
    ).result_rows
    columns = warehouse_client.query(
        "SELECT table, name FROM system.columns WHERE database = currentDatabase() "
        "AND comment = '' AND table IN "
        "(SELECT name FROM system.tables WHERE database = currentDatabase() "
        "AND engine LIKE '%MergeTree' AND name != 'alembic_version')"
    ).result_rows
    assert (list(tables), list(columns)) == ([], [])
