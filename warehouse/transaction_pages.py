"""Pages of bets and transactions in one list, newest first.

Bets and transactions are asked for apart, at the same time, and merged here: one query of both
took the engine three times as long to plan as to run. A page mostly lies within its last minutes,
and nearly always within its last day, so these are asked first and the rest only if they do not
fill the page: the engine reads the newest rows of every part that has any of the time asked for.
"""

import asyncio
import heapq
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any
from uuid import UUID

import msgspec

from warehouse.client import Warehouse
from warehouse.filters import Filters
from warehouse.queries import limited_games
from warehouse.time_ranges import LAST, TimeRange

BET_TYPES = ("bet", "rollback")

TRANSACTION_TYPES = (
    *BET_TYPES,
    "jackpot",
    "deposit",
    "withdrawal",
    "bonus",
    "cashback",
    "free_spins",
    "vip_level",
    "xp",
)
"""What a page of transactions can be limited to; ``cashback`` are the bonuses paid as such."""

FIRST_LOOKS = (timedelta(minutes=5), timedelta(days=1))
FIRST_LOOKS_OF_PLAYER = FIRST_LOOKS[1:]
"""Hardly anybody fills a page within minutes, and one player's rows lie together."""


class TransactionRow(msgspec.Struct, frozen=True, kw_only=True):
    """A bet, a rollback or a transaction. ``part`` tells rows of one id apart in the order.

    Amounts are minor units of ``currency``; fields that a row's type does not have are empty.
    """

    type: str
    id: UUID
    part: int
    player_id: UUID
    created_at: datetime
    updated_at: datetime
    currency: str
    amount: int
    status: str
    real_balance_after: int
    bonus_balance_after: int
    game_id: int = 0
    bet_type: str = ""
    wager: int = 0
    win: int = 0
    jackpot: int = 0
    ggr: int = 0
    fee: int = 0
    method: str = ""
    provider: str = ""
    reason: str = ""


class PageStart(msgspec.Struct, frozen=True):
    """A page of transactions starts after this row; by default before the newest."""

    created_at: datetime = LAST
    id: UUID = UUID(int=2**128 - 1)
    part: int = 2


async def transaction_page(
    warehouse: Warehouse,
    operator_id: int,
    period: TimeRange,
    *,
    limit: int,
    after: PageStart | None = None,
    type: str | None = None,
    filters: Filters | None = None,
) -> list[TransactionRow]:
    """The ``limit`` rows of the period that come after a row; ``type`` is one of
    TRANSACTION_TYPES.

    Filters of bets alone leave only bets. Raises
    :class:`warehouse.client.WarehouseUnavailable`.
    """
    after = after or PageStart()
    filters = filters or Filters()
    games = await limited_games(warehouse, filters)
    newest = min(period.end, after.created_at, datetime.now(UTC))
    for look in FIRST_LOOKS if filters.player_id is None else FIRST_LOOKS_OF_PLAYER:
        recent = TimeRange(max(period.start, newest - look), period.end)
        rows = await _rows(warehouse, operator_id, recent, limit, after, type, filters, games)
        if len(rows) >= limit or recent.start <= period.start:
            return rows
    return await _rows(warehouse, operator_id, period, limit, after, type, filters, games)


async def _rows(
    warehouse: Warehouse,
    operator_id: int,
    period: TimeRange,
    limit: int,
    after: PageStart,
    type: str | None,
    filters: Filters,
    games: dict[str, Any],
) -> list[TransactionRow]:
    page: dict[str, Any] = {
        "from_time": period.start,
        "to_time": min(period.end, after.created_at + timedelta(microseconds=1)),
        "goes_on": after != PageStart(),
        "cursor_time": after.created_at,
        "cursor_id": after.id,
        "cursor_part": after.part,
        "limit": limit,
    }
    suffix = ""
    if filters.player_id is not None:
        suffix, page["player_id"] = "_of_player", filters.player_id
    parts = []
    if type is None or type in BET_TYPES:
        sign = {"bet": 1, "rollback": -1}.get(type or "", 0)
        asked = page | filters.of_every_game() | games | {"sign": sign}
        parts.append(_bets(warehouse, f"bet_page{suffix}", operator_id, asked))
    if type not in BET_TYPES and not filters.of_bets:
        asked = page | {"include_bots": filters.include_bots} | _kind(type)
        parts.append(_read(warehouse, f"transaction_page{suffix}", operator_id, asked))
    merged = heapq.merge(*await asyncio.gather(*parts), key=_order, reverse=True)
    return list(islice(merged, limit))


def _kind(type: str | None) -> dict[str, str]:
    """Which transactions a type is; cashback is a bonus by its method."""
    if type == "cashback":
        return {"kind": "BONUS", "method": "CASHBACK"}
    return {"kind": (type or "").upper(), "method": ""}


async def _bets(
    warehouse: Warehouse, query: str, operator_id: int, parameters: dict[str, Any]
) -> list[TransactionRow]:
    """Of the settled past it is kept. Transactions can not be: one that began long ago may take its
    next step any time."""
    values = [tuple(value) if isinstance(value, list) else value for value in parameters.values()]
    return await warehouse.recall(
        (query, *values),
        parameters["to_time"],
        lambda: _read(warehouse, query, operator_id, parameters),
    )


async def _read(
    warehouse: Warehouse, query: str, operator_id: int, parameters: dict[str, Any]
) -> list[TransactionRow]:
    return await warehouse.read(query, TransactionRow, operator_id=operator_id, **parameters)


def _order(row: TransactionRow) -> tuple[datetime, int, int, int]:
    """ClickHouse's order of rows: it compares UUIDs by their second half first."""
    return (row.created_at, row.id.int & (2**64 - 1), row.id.int >> 64, row.part)
