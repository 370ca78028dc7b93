"""History for the analytics bench, made inside ClickHouse through raw tables and their views."""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import clickhouse_connect
import msgspec
from clickhouse_connect.driver.client import Client

SQL = Path(__file__).parent / "sql" / "clickhouse"
SPAN_DAYS = 2
"""In one insert: half a million of 100 million bets a year, which its memory has to hold."""
BETS_PER_DEPOSIT = 50
_TIMEOUT_SECONDS = 1800
_MERGES_POLL_SECONDS = 2
# One insert makes one block in the raw table and one in each rollup, as the relay's do.
_BULK = {"max_insert_threads": 1, "insert_deduplicate": 0, "async_insert": 0}


class History(msgspec.Struct, frozen=True, kw_only=True):
    """``bets`` bets over ``days`` full days before ``end``, by ``players`` players."""

    bets: int
    days: int
    players: int
    end: datetime

    @property
    def start(self) -> datetime:
        """The first day's midnight."""
        return self.end - timedelta(days=self.days)


def connect(credentials: Mapping[str, Any]) -> Client:
    """A client of the stack's writing user, patient enough for bulk inserts."""
    server = credentials["clickhouse"]
    return clickhouse_connect.get_client(
        dsn=server["url"],
        username=server["user"],
        password=server["password"],
        database=server["database"],
        autogenerate_session_id=False,
        send_receive_timeout=_TIMEOUT_SECONDS,
    )


def midnight() -> datetime:
    """The start of this UTC day, where history ends and the bench's own traffic begins."""
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def stored_bets(client: Client, before: datetime) -> int:
    """How many bets the raw table has from before the moment."""
    return client.query(
        "SELECT count() FROM bets WHERE created_at < {before:DateTime('UTC')}",
        parameters={"before": before},
    ).result_rows[0][0]


def generate(
    client: Client,
    history: History,
    operators: Sequence[int],
    games: Mapping[int, int],
    progress: Callable[[int], None],
) -> None:
    """Insert the history; ``games`` maps ids to declared RTPs in basis points.

    One that was broken off goes on where it ended. ``progress`` hears how many bets there are.
    Raises ``clickhouse_connect``'s errors.
    """
    common: dict[str, Any] = {
        "operators": list(operators),
        "games": list(games),
        "rtps_bps": list(games.values()),
        "players": history.players,
    }
    _insert(client, "generate_players", {**common, "start": history.start})
    a_day = history.bets // history.days
    there = stored_bets(client, history.end)
    for day in range(0, history.days, SPAN_DAYS):
        days = min(SPAN_DAYS, history.days - day)
        span = {**common, "start": history.start + timedelta(days=day), "days": days}
        first, rows = day * a_day, days * a_day
        if first + rows <= there:
            continue
        _insert(client, "generate_bets", {**span, "first": first, "rows": rows})
        deposits = {"first": first // BETS_PER_DEPOSIT, "rows": max(1, rows // BETS_PER_DEPOSIT)}
        _insert(client, "generate_transactions", {**span, **deposits})
        progress(first + rows)


def settle(client: Client) -> None:
    """Wait until no background merge runs: merging is the price of loading, not of asking."""
    while client.query("SELECT count() FROM system.merges").result_rows[0][0]:
        time.sleep(_MERGES_POLL_SECONDS)


def raw_seconds(client: Client, name: str, parameters: Mapping[str, Any]) -> float:
    """How long the raw table takes to answer, in seconds."""
    result = client.query(_sql(f"raw_{name}"), parameters=dict(parameters))
    return int(result.summary["elapsed_ns"]) / 1e9


def table_rows(client: Client) -> dict[str, int]:
    """Rows of every table as they are stored."""
    rows = client.query(
        "SELECT table, sum(rows) AS stored FROM system.parts "
        "WHERE active AND database = currentDatabase() GROUP BY table ORDER BY stored DESC"
    ).result_rows
    return {row[0]: row[1] for row in rows}


def _insert(client: Client, name: str, parameters: dict[str, Any]) -> None:
    client.command(_sql(name), parameters=parameters, settings=_BULK)


def _sql(name: str) -> str:
    return (SQL / f"{name}.sql").read_text()
