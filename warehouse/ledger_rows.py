"""Rows of the raw tables from the ledger, equal to those that were streamed.

A bet is in the ledger's log, with the version of its game. What cannot be told from there again,
events with ids of their own and rollbacks, the ledger keeps as it was told (``money_event``).
Dimensions are what they are now. Nothing that a later batch than the cut will bring is among them.
"""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import asyncpg

from warehouse.chunks import MAX_CHUNK_BYTES, MAX_CHUNK_ROWS, Chunk, ChunkCutter, OutboxRow
from warehouse.sql_files import read_sql
from warehouse.time_ranges import EPOCH, TimeRange

FETCH_ROWS = 5_000
TIMELESS = {"players", "games", "operators"}


async def ledger_chunks(
    connection: asyncpg.Connection, table: str, snapshot: str, part: TimeRange
) -> AsyncIterator[Chunk]:
    """The rows of the raw ``table`` in the batches up to the one with ``snapshot``, as inserts.

    ``connection`` is the owner's, in a transaction that began after that batch. ``part`` is by
    ``created_at``; dimensions come whole.
    """
    cutter = ChunkCutter(MAX_CHUNK_ROWS, MAX_CHUNK_BYTES)
    arguments: tuple[Any, ...] = () if table in TIMELESS else (snapshot, part.start, part.end)
    cursor = await connection.cursor(read_sql("ledger_rows", table), *arguments)
    while page := await cursor.fetch(FETCH_ROWS):
        for chunk in cutter.add(_row(table, record["payload"], EPOCH) for record in page):
            yield chunk
    for chunk in cutter.finish():
        yield chunk


def _row(table: str, payload: str, at: datetime) -> OutboxRow:
    return OutboxRow(topic=table, payload=payload.encode(), operator_id=None, created_at=at)
