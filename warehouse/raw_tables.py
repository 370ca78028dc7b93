"""The relay's side of ClickHouse: inserts that are deduplicated, and proof that they will be."""

from dataclasses import dataclass
from typing import Any

import clickhouse_connect
import msgspec
from clickhouse_connect.driver.asyncclient import AsyncClient

from ledger.events import (
    BetEvent,
    GameEvent,
    OperatorEvent,
    PlayerEvent,
    Topic,
    TransactionEvent,
)
from warehouse.cluster import LOCAL_SUFFIX
from warehouse.migrate import materialized_views
from warehouse.sql_files import read_sql, sql_names

MIN_DEDUPLICATION_WINDOW = 10_000
INSERT_TIMEOUT_SECONDS = 60

PINNED_SETTINGS: dict[str, Any] = {
    # The token counts per block: one insert must be one block, whatever the server's defaults.
    "async_insert": 0,
    "input_format_parallel_parsing": 0,
    "max_insert_block_size": 10_000_000,
    "min_insert_block_size_rows": 10_000_000,
    "min_insert_block_size_bytes": 0,
    "max_insert_threads": 1,
    # Through a Distributed table too an insert has ended when every shard has its rows.
    "distributed_foreground_insert": 1,
    # Source and rollups are deduplicated each on their own, and a failing view fails the insert.
    "insert_deduplicate": 1,
    "deduplicate_blocks_in_dependent_materialized_views": 1,
    "materialized_views_ignore_errors": 0,
    "parallel_view_processing": 0,
    # Nothing about a payload is guessed: unknown fields and nulls are errors.
    "input_format_skip_unknown_fields": 0,
    "input_format_null_as_default": 0,
    "date_time_input_format": "best_effort",
    "wait_end_of_query": 1,
}
"""Sent with every insert; a retry must be cut into blocks as the first try was."""

EVENTS: dict[Topic, type[msgspec.Struct]] = {
    Topic.BETS: BetEvent,
    Topic.TRANSACTIONS: TransactionEvent,
    Topic.PLAYERS: PlayerEvent,
    Topic.GAMES: GameEvent,
    Topic.OPERATORS: OperatorEvent,
}


class UnsafeWarehouse(Exception):
    """ClickHouse is not set up so that rows arrive exactly once; nothing must be streamed."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("refusing to stream: " + "; ".join(problems))
        self.problems = problems


@dataclass
class RawTables:
    """The raw tables behind a ClickHouse URL; each topic of the outbox feeds one of them."""

    clickhouse_url: str
    _client: AsyncClient | None = None

    async def insert(self, topic: str, body: bytes, token: str) -> None:
        """Insert ``body``, JSON objects one a line, unless ``token`` was inserted before.

        Returns when the rows are in the raw table and in every rollup. Raises ``ValueError`` for
        a topic that has no table, ``clickhouse_connect``'s errors when the server refuses or is
        away, ``TimeoutError`` after ``INSERT_TIMEOUT_SECONDS``.
        """
        client = await self._connected()
        await client.raw_insert(
            Topic(topic).value,
            insert_block=body,
            fmt="JSONEachRow",
            settings={**PINNED_SETTINGS, "insert_deduplication_token": token},
        )

    async def check(self) -> None:
        """Raise ``UnsafeWarehouse`` unless tables, views, windows and settings are as needed."""
        client = await self._connected()
        columns = await self._rows(client, "columns")
        tables = await self._rows(client, "tables")
        settings = await self._rows(client, "settings", PINNED_SETTINGS)
        problems = (
            _missing_columns(columns) + _unsafe_tables(tables) + unsafe_settings(dict(settings))
        )
        if problems:
            raise UnsafeWarehouse(problems)

    async def close(self) -> None:
        """Close the connections; the next insert opens new ones."""
        if self._client is not None:
            client, self._client = self._client, None
            await client.close()

    async def _connected(self) -> AsyncClient:
        if self._client is None:
            self._client = await clickhouse_connect.get_async_client(
                dsn=self.clickhouse_url,
                autogenerate_session_id=False,
                connect_timeout=5,
                send_receive_timeout=INSERT_TIMEOUT_SECONDS,
                query_retries=0,
                compress=False,
            )
        return self._client

    @staticmethod
    async def _rows(
        client: AsyncClient, name: str, settings: dict[str, Any] | None = None
    ) -> list[list[Any]]:
        text = await client.raw_query(
            read_sql("startup", name), settings=settings, fmt="JSONCompactEachRow"
        )
        return [msgspec.json.decode(line) for line in text.splitlines()]


def _missing_columns(columns: list[list[Any]]) -> list[str]:
    """Every field of every event must have its column, and no column may stay empty."""
    found: dict[str, set[str]] = {}
    for table, column in columns:
        found.setdefault(table, set()).add(column)
    problems = []
    for topic, event in EVENTS.items():
        difference = set(event.__struct_fields__) ^ found.get(topic, set())
        if difference:
            problems.append(f"{topic} and its events differ in {', '.join(sorted(difference))}")
    return problems


def _unsafe_tables(tables: list[list[Any]]) -> list[str]:
    problems = []
    targets = {name: target for name, _, target, _, _ in tables}
    for view in materialized_views():
        # On a cluster it feeds the shard's own part of the table.
        if (targets.get(view) or "").removesuffix(LOCAL_SUFFIX) != view.removesuffix("_mv"):
            problems.append(f"{view} is missing or feeds another table")
    for name, engine, _, window, flushed in tables:
        # Replicated and Shared engines keep their windows by default, and under another name.
        is_plain = engine.endswith("MergeTree") and not engine.startswith(("Replicated", "Shared"))
        if is_plain and int(window or 0) < MIN_DEDUPLICATION_WINDOW:
            problems.append(f"{name} has a deduplication window of {int(window or 0)}")
        if is_plain and name in sql_names("tables") and not flushed:
            problems.append(f"{name} does not flush its parts to the disk")
    return problems


def unsafe_settings(settings: dict[str, str]) -> list[str]:
    """What of the settings that reached the server is not as pinned, or makes tokens idle."""
    problems = [
        f"setting {name} is {settings.get(name)}"
        for name, value in PINNED_SETTINGS.items()
        if settings.get(name) != str(value) and name != "wait_end_of_query"
    ]
    if settings.get("deduplicate_insert", "enable").startswith("disable"):
        problems.append("setting deduplicate_insert is off")
    return problems
