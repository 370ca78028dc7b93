"""What an operator sees of its players: who they are, what they have, what they did."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import UUID

from litestar import Router, get
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath, FromQuery, QueryParameter

from api.freshness import Freshness, provide_freshness, provide_warehouse
from api.pagination import DEFAULT_LIMIT, Cursor, Limit, decode_cursor, make_page
from api.periods import Period, provide_period
from api.problems import Problem
from api.report_filters import check_type, provide_filters
from api.schemas.reports import (
    PlayerItem,
    PlayerReport,
    PlayersReport,
    TransactionsReport,
    head_fields,
    lifetime,
    optional_timestamp,
    player_item,
    transaction_item,
)
from api.tenancy import Pools, requires_operator, tenant_transaction
from ledger.database import Role
from ledger.events import timestamp
from ledger.named_sql import named_queries
from ledger.wallets import read_wallet
from warehouse.client import Warehouse
from warehouse.filters import Filters
from warehouse.queries import Figures, player_cash, player_figures
from warehouse.time_ranges import TimeRange
from warehouse.transaction_pages import (
    TRANSACTION_TYPES,
    PageStart,
    TransactionRow,
    transaction_page,
)

SQL = named_queries("operator.sql", Path(__file__).parents[1] / "sql")
HISTORY_ROWS = 20

TypeFilter = Annotated[
    str | None,
    QueryParameter(
        name="type", max_length=20, description=f"One of {', '.join(TRANSACTION_TYPES)}"
    ),
]


@get("/transactions")
async def list_transactions(
    operator_id: NamedDependency[int],
    warehouse: NamedDependency[Warehouse],
    pools: Pools,
    freshness: NamedDependency[Freshness],
    period: NamedDependency[Period],
    filters: NamedDependency[Filters],
    type_: TypeFilter = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> TransactionsReport:
    """Bets and transactions in one list, newest first; transactions with their latest status.

    Limited by game, category, provider or bet type, it is a list of bets.
    """
    check_type(type_, filters)
    after = _page_start(cursor)
    if filters.player_id is not None:
        await require_player(pools, operator_id, filters.player_id)
    rows = await transaction_page(
        warehouse,
        operator_id,
        period.range,
        limit=limit + 1,
        after=after,
        type=type_,
        filters=filters,
    )
    currency, players, games = await _names(pools, operator_id, rows)
    page = make_page(
        rows,
        limit,
        key=_row_key,
        item=lambda row: transaction_item(row, players.get(row.player_id), games.get(row.game_id)),
    )
    return TransactionsReport(
        **head_fields(freshness, operator_id, currency, period, filters.include_bots),
        items=page.items,
        next_cursor=page.next_cursor,
    )


@get("/players")
async def list_players(
    operator_id: NamedDependency[int],
    warehouse: NamedDependency[Warehouse],
    pools: Pools,
    freshness: NamedDependency[Freshness],
    q: Annotated[str | None, QueryParameter(min_length=1, max_length=100)] = None,
    status: FromQuery[Literal["ACTIVE", "BLOCKED", "CLOSED"] | None] = None,
    is_bot: FromQuery[bool | None] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> PlayersReport:
    """Players, newest first. ``q`` is a part of the username or e-mail address."""
    after: Any = decode_cursor(cursor, datetime, UUID) or (None, None)
    async with tenant_transaction(pools[Role.APP], operator_id) as connection:
        rows = await connection.fetch(
            SQL["list_players"], operator_id, q, status, is_bot, *after, limit + 1
        )
    shown = [row["user_id"] for row in rows[:limit]]
    figures = await player_figures(warehouse, operator_id, TimeRange(), shown, Filters())

    def item(row: Any) -> PlayerItem:
        return player_item(row, figures.get(row["user_id"], Figures()))

    page = make_page(rows, limit, key=lambda row: (row["created_at"], row["user_id"]), item=item)
    return PlayersReport(
        items=page.items,
        next_cursor=page.next_cursor,
        operator_id=operator_id,
        as_of=timestamp(freshness.as_of),
        lag_ms=freshness.lag_ms,
    )


@get("/player/{player_id:uuid}")
async def find_player(
    operator_id: NamedDependency[int],
    warehouse: NamedDependency[Warehouse],
    pools: Pools,
    freshness: NamedDependency[Freshness],
    player_id: FromPath[UUID],
) -> PlayerReport:
    """One player: the wallet as it is now, lifetime figures and the latest history."""
    async with tenant_transaction(pools[Role.APP], operator_id) as connection:
        row = await connection.fetchrow(SQL["find_player"], operator_id, player_id)
        if row is None:
            raise Problem("player_not_found", "You have no such player.")
        wallet = await read_wallet(connection, operator_id, player_id)
    figures, cash, history = await asyncio.gather(
        player_figures(warehouse, operator_id, TimeRange(), [player_id], Filters()),
        player_cash(warehouse, operator_id, player_id),
        transaction_page(
            warehouse,
            operator_id,
            TimeRange(),
            limit=HISTORY_ROWS,
            filters=Filters(player_id=player_id),
        ),
    )
    _, _, games = await _names(pools, operator_id, history)
    return PlayerReport(
        operator_id=operator_id,
        as_of=timestamp(freshness.as_of),
        lag_ms=freshness.lag_ms,
        player_id=player_id,
        username=row["username"],
        email=row["email"],
        status=row["status"],
        excluded_until=optional_timestamp(row["excluded_until"]),
        is_bot=row["is_bot"],
        created_at=timestamp(row["created_at"]),
        vip={"level": row["vip_level"], "xp": row["vip_experience"] // 10_000},
        wallet=wallet,
        lifetime=lifetime(figures.get(player_id, Figures()), cash),
        history=[
            transaction_item(entry, row["username"], games.get(entry.game_id)) for entry in history
        ],
    )


async def require_player(pools: Pools, operator_id: int, player_id: UUID) -> None:
    """Raise ``Problem`` ``player_not_found`` unless the operator has this player."""
    async with tenant_transaction(pools[Role.APP], operator_id) as connection:
        if await connection.fetchrow(SQL["find_player"], operator_id, player_id) is None:
            raise Problem("player_not_found", "You have no such player.")


def _page_start(cursor: str | None) -> PageStart | None:
    """The row after which the page starts; its part is one the warehouse can compare."""
    key: Any = decode_cursor(cursor, datetime, UUID, Literal[-1, 0, 1])
    return None if key is None else PageStart(*key)


def _row_key(row: TransactionRow) -> tuple[datetime, UUID, int]:
    return (row.created_at, row.id, row.part)


async def _names(
    pools: Pools, operator_id: int, rows: Sequence[TransactionRow]
) -> tuple[Any, dict[UUID, str], dict[int, str]]:
    """The operator's currency, and what the rows' players and games are called."""
    async with tenant_transaction(pools[Role.APP], operator_id) as connection:
        currency = await connection.fetchval(SQL["currency"], operator_id)
        players = await connection.fetch(
            SQL["usernames"], operator_id, list({row.player_id for row in rows})
        )
        games = await connection.fetch(SQL["game_names"], list({row.game_id for row in rows}))
    return (
        currency,
        {row["user_id"]: row["username"] for row in players},
        {row["game_id"]: row["name"] for row in games},
    )


router = Router(
    "/operator",
    route_handlers=[list_transactions, list_players, find_player],
    guards=[requires_operator],
    dependencies={
        "freshness": Provide(provide_freshness),
        "warehouse": Provide(provide_warehouse),
        "period": Provide(provide_period, sync_to_thread=False),
        "filters": Provide(provide_filters, sync_to_thread=False),
    },
    tags=["operator"],
)
