"""The operator's numbers, answered from the warehouse within the ``as_of`` they carry."""

import asyncio

from litestar import Request, Router, get
from litestar.di import NamedDependency, Provide

from api.freshness import Freshness, provide_freshness, provide_warehouse
from api.pagination import MAX_LIMIT, Limit
from api.periods import Period, provide_period
from api.report_filters import provide_filters, refuse_filters
from api.routes.benefit_reports import bonuses_report, jackpots_report, ranking_report
from api.routes.operator import SQL, require_player
from api.routes.overview import overview_report
from api.schemas.affiliates import AffiliatesReport, affiliate_item
from api.schemas.reports import (
    FigureFields,
    GamesReport,
    RtpSummary,
    figure_fields,
    game_item,
    game_rtp,
    head_fields,
    player_rtp,
)
from api.tenancy import Pools, requires_operator, tenant_transaction
from ledger.affiliates import read_affiliates
from ledger.database import Role
from warehouse.client import Warehouse
from warehouse.filters import Filters
from warehouse.queries import Figures, affiliate_figures, game_figures, total
from warehouse.queries_players import ranked_players


@get("/games")
async def games_report(
    operator_id: NamedDependency[int],
    warehouse: NamedDependency[Warehouse],
    pools: Pools,
    freshness: NamedDependency[Freshness],
    period: NamedDependency[Period],
    filters: NamedDependency[Filters],
) -> GamesReport:
    """Bets, wagers, wins, GGR and RTP by game. ``category`` is a slug."""
    if filters.player_id is not None:
        await require_player(pools, operator_id, filters.player_id)
    figures, currency = await asyncio.gather(
        game_figures(warehouse, operator_id, period.range, filters),
        pools[Role.APP].fetchval(SQL["currency"], operator_id),
    )
    return GamesReport(
        **head_fields(freshness, operator_id, currency, period, filters.include_bots),
        items=[game_item(game) for game in figures],
        totals=FigureFields(**figure_fields(total(figures, Figures))),
    )


@get("/rtp-summary")
async def rtp_summary(
    operator_id: NamedDependency[int],
    warehouse: NamedDependency[Warehouse],
    pools: Pools,
    freshness: NamedDependency[Freshness],
    period: NamedDependency[Period],
    filters: NamedDependency[Filters],
    limit: Limit = MAX_LIMIT,
) -> RtpSummary:
    """Return to player by game and by player; of the players the ``limit`` who wagered most."""
    if filters.player_id is not None:
        await require_player(pools, operator_id, filters.player_id)
    games, players, currency = await asyncio.gather(
        game_figures(warehouse, operator_id, period.range, filters),
        ranked_players(warehouse, operator_id, period.range, filters, limit=limit),
        pools[Role.APP].fetchval(SQL["currency"], operator_id),
    )
    return RtpSummary(
        **head_fields(freshness, operator_id, currency, period, filters.include_bots),
        rtp=total(games, Figures).rtp,
        by_game=[game_rtp(game) for game in games],
        by_player=[player_rtp(player) for player in players],
    )


@get("/affiliates")
async def affiliates_report(
    request: Request,
    operator_id: NamedDependency[int],
    warehouse: NamedDependency[Warehouse],
    pools: Pools,
    freshness: NamedDependency[Freshness],
    period: NamedDependency[Period],
    filters: NamedDependency[Filters],
) -> AffiliatesReport:
    """GGR and bonus cost by affiliate."""
    refuse_filters(request)
    include_bots = filters.include_bots
    figures = await affiliate_figures(
        warehouse, operator_id, period.range, include_bots=include_bots
    )
    by_id = {item.affiliate_id: item for item in figures}
    async with tenant_transaction(pools[Role.APP], operator_id) as connection:
        rows = await read_affiliates(connection, operator_id)
    currency = await pools[Role.APP].fetchval(SQL["currency"], operator_id)
    return AffiliatesReport(
        **head_fields(freshness, operator_id, currency, period, include_bots),
        items=[affiliate_item(row, by_id.get(row["affiliate_id"])) for row in rows],
    )


router = Router(
    "/operator/analytics",
    route_handlers=[
        overview_report,
        ranking_report,
        bonuses_report,
        jackpots_report,
        games_report,
        rtp_summary,
        affiliates_report,
    ],
    guards=[requires_operator],
    dependencies={
        "filters": Provide(provide_filters, sync_to_thread=False),
        "freshness": Provide(provide_freshness),
        "warehouse": Provide(provide_warehouse),
        "period": Provide(provide_period, sync_to_thread=False),
    },
    tags=["analytics"],
)
