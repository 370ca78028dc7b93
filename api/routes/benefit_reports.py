"""Reports about players' ranking, bonuses and jackpots."""

import asyncio
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from litestar import Request, get
from litestar.di import NamedDependency
from litestar.params import FromQuery

from api.freshness import Freshness
from api.pagination import DEFAULT_LIMIT, Cursor, Limit, decode_cursor, make_page
from api.periods import Period
from api.report_filters import refuse_filters
from api.routes.operator import SQL, require_player
from api.schemas.benefits import (
    BonusesReport,
    JackpotsReport,
    JackpotWinner,
    OpenBonuses,
    RankingReport,
    bonus_lines,
    pool_lines,
    ranked_item,
    spins_lines,
)
from api.schemas.reports import head_fields
from api.tenancy import Pools, tenant_transaction
from ledger.database import Role
from ledger.events import timestamp
from ledger.jackpots import read_pools
from warehouse.client import Warehouse
from warehouse.filters import Filters
from warehouse.queries import Figures, game_figures, total
from warehouse.queries_benefits import benefit_sums, bonus_cost
from warehouse.queries_players import RankStart, Sort, ranked_players

MAX_WINNERS = 100
Int64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]


@get("/players")
async def ranking_report(
    operator_id: NamedDependency[int],
    warehouse: NamedDependency[Warehouse],
    pools: Pools,
    freshness: NamedDependency[Freshness],
    period: NamedDependency[Period],
    filters: NamedDependency[Filters],
    sort: FromQuery[Sort] = "handle",
    order: FromQuery[Literal["asc", "desc"]] = "desc",
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> RankingReport:
    """Players who played in the period by handle, GGR, win, RTP or bets.

    Ranked by RTP are those who wagered.
    """
    if filters.player_id is not None:
        await require_player(pools, operator_id, filters.player_id)
    players, currency = await asyncio.gather(
        ranked_players(
            warehouse,
            operator_id,
            period.range,
            filters,
            sort=sort,
            descending=order == "desc",
            limit=limit + 1,
            after=rank_start(cursor),
        ),
        pools[Role.APP].fetchval(SQL["currency"], operator_id),
    )
    page = make_page(
        players, limit, key=lambda row: (row.sort_key, row.player_id), item=ranked_item
    )
    return RankingReport(
        **head_fields(freshness, operator_id, currency, period, filters.include_bots),
        sort=sort,
        order=order,
        items=page.items,
        next_cursor=page.next_cursor,
    )


def rank_start(cursor: str | None) -> RankStart | None:
    """The row after which a page of the ranking starts."""
    key: Any = decode_cursor(cursor, Int64, UUID)
    return None if key is None else RankStart(*key)


@get("/bonuses")
async def bonuses_report(
    request: Request,
    operator_id: NamedDependency[int],
    warehouse: NamedDependency[Warehouse],
    pools: Pools,
    freshness: NamedDependency[Freshness],
    period: NamedDependency[Period],
    filters: NamedDependency[Filters],
) -> BonusesReport:
    """What bonuses were given, what became of them, what they cost, and what is open now.

    What a bet's rollback did to bonuses counts at the bet's time.
    """
    refuse_filters(request, "player_id")
    if filters.player_id is not None:
        await require_player(pools, operator_id, filters.player_id)
    sums = await benefit_sums(warehouse, operator_id, period.range, filters)
    async with tenant_transaction(pools[Role.APP], operator_id) as connection:
        currency: Any = await connection.fetchval(SQL["currency"], operator_id)
        rows = await connection.fetch(
            SQL["open_bonuses"], operator_id, filters.include_bots, filters.player_id
        )
    return BonusesReport(
        **head_fields(freshness, operator_id, currency, period, filters.include_bots),
        cost=bonus_cost(sums),
        items=bonus_lines(sums),
        free_spins=spins_lines(sums),
        open_now=[
            OpenBonuses(kind=row["kind"], count=row["count"], balance=row["balance"])
            for row in rows
        ],
    )


@get("/jackpots")
async def jackpots_report(
    request: Request,
    operator_id: NamedDependency[int],
    warehouse: NamedDependency[Warehouse],
    pools: Pools,
    freshness: NamedDependency[Freshness],
    period: NamedDependency[Period],
    filters: NamedDependency[Filters],
) -> JackpotsReport:
    """What went into jackpot pools and what came out of them to the operator's players."""
    refuse_filters(request)
    games, sums = await asyncio.gather(
        game_figures(warehouse, operator_id, period.range, filters),
        benefit_sums(warehouse, operator_id, period.range, filters),
    )
    totals = total(games, Figures)
    async with tenant_transaction(pools[Role.APP], operator_id) as connection:
        currency: Any = await connection.fetchval(SQL["currency"], operator_id)
        open_pools = await read_pools(connection, currency)
        winners = await connection.fetch(
            SQL["jackpot_winners"],
            operator_id,
            period.range.start,
            period.range.end,
            filters.include_bots,
            MAX_WINNERS,
        )
    return JackpotsReport(
        **head_fields(freshness, operator_id, currency, period, filters.include_bots),
        contributions=totals.jackpot_contribution_e4 // 10_000,
        jackpot_won=totals.jackpot,
        hits=totals.jackpot_hits,
        rtp=totals.rtp,
        rtp_with_jackpot=totals.rtp_with_jackpot,
        pools=pool_lines(sums, {row["name"]: row["amount"] for row in open_pools}),
        winners=[
            JackpotWinner(
                pool=row["name"],
                cycle_no=row["cycle_no"],
                bet_id=row["bet_id"],
                player_id=row["user_id"],
                username=row["username"],
                amount=row["amount"],
                won_at=timestamp(row["won_at"]),
            )
            for row in winners
        ],
    )
