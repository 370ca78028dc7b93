"""Returns against their tolerance, and the alerts of games that left it."""

from typing import Annotated, Any, Literal

import msgspec
from litestar import Request, Router, get, post
from litestar.di import NamedDependency, Provide
from litestar.params import FromQuery, JSONBody, PathParameter, QueryParameter

from api.audit import audit_request
from api.freshness import Freshness, provide_freshness
from api.pagination import DEFAULT_LIMIT, MAX_LIMIT, Cursor, Limit, Page, decode_cursor, make_page
from api.periods import From, Period, To, provide_period
from api.problems import Problem
from api.report_filters import GameId, IncludeBots, Name
from api.routes.operator import SQL
from api.rtp_alerts import WatchedGame, acknowledge_alert, read_alerts, watched_games
from api.schemas.reports import head_fields
from api.schemas.rtp_monitor import (
    AcknowledgeBody,
    RtpAlert,
    RtpItem,
    RtpMonitor,
    ShownWindow,
    rtp_alert,
    rtp_item,
    window_view,
)
from api.tenancy import Pools, Principal, requires_operator, tenant_transaction
from ledger.database import Role
from warehouse.client import Warehouse
from warehouse.rtp_cells import rtp_cells
from warehouse.rtp_monitor import ALARM_RATE, WINDOWS, WindowName, judge, share_of
from warehouse.time_ranges import TimeRange

AlertNumber = Annotated[int, PathParameter(ge=1, le=2**63 - 1, description="An alert's id")]
OnlyWindow = Annotated[
    WindowName | None,
    QueryParameter(description="One window only; not together with from and to"),
]
AlertStatus = Literal["open", "acknowledged"]


class _Filters(msgspec.Struct, frozen=True):
    """Which games are shown."""

    game_id: int | None
    category: str | None
    provider: str | None

    def take(self, game: WatchedGame) -> bool:
        return (
            self.game_id in (None, game.game_id)
            and self.category in (None, game.category)
            and self.provider in (None, game.provider)
        )


@get("/analytics/rtp-monitor")
async def rtp_monitor(
    operator_id: NamedDependency[int],
    warehouse: NamedDependency[Warehouse],
    pools: Pools,
    freshness: NamedDependency[Freshness],
    from_: From = None,
    to: To = None,
    window: OnlyWindow = None,
    include_bots: IncludeBots = True,
    game_id: GameId = None,
    category: Name = None,
    provider: Name = None,
) -> RtpMonitor:
    """What each game returned beside what it declares, with the tolerance that its volatility
    allows: over the last hour, day and 30 days, or over ``from`` to ``to``. ``category`` is a slug.
    """
    periods, head = _periods(freshness, from_, to, window)
    filters = _Filters(game_id, category, provider)
    async with tenant_transaction(pools[Role.APP], operator_id) as connection:
        games = await watched_games(connection)
        alerts = await read_alerts(
            connection, operator_id, is_open=True, game_id=game_id, limit=MAX_LIMIT
        )
    currency = await pools[Role.APP].fetchval(SQL["currency"], operator_id)
    shown = {number: game for number, game in games.items() if filters.take(game)}
    items: list[RtpItem] = []
    for name, period in periods.items():
        cells = await rtp_cells(
            warehouse, operator_id, period, include_bots=include_bots, game_id=game_id
        )
        items += [
            rtp_item(game, name, cell, judge(cell, game.scatter, share_of(len(games))))
            for cell in cells
            if (game := shown.get(cell.game_id))
        ]
    return RtpMonitor(
        **head_fields(freshness, operator_id, currency, head, include_bots),
        alarm_rate=ALARM_RATE,
        windows=[window_view(name, period) for name, period in periods.items()],
        items=sorted(items, key=lambda item: (item.game_id, list(periods).index(item.window))),
        alerts=[rtp_alert(row) for row in alerts if row["game_id"] in shown],
    )


def _periods(
    freshness: Freshness, from_: str | None, to: str | None, window: WindowName | None
) -> tuple[dict[ShownWindow, TimeRange], Period]:
    """The windows to show, and the period from the first start to the last end."""
    if from_ is None and to is None:
        end = freshness.as_of
        periods: dict[ShownWindow, TimeRange] = {
            name: TimeRange(end - one.length, end)
            for name, one in WINDOWS.items()
            if window in (None, name)
        }
        start = min(period.start for period in periods.values())
        return periods, Period(TimeRange(start, end), end)
    if window is not None:
        raise Problem("invalid_range", "Ask for a window, or for from and to.")
    period = provide_period(from_, to)
    return {"custom": TimeRange(period.range.start, period.shown_end)}, period


@get("/rtp-alerts")
async def list_alerts(
    operator_id: NamedDependency[int],
    pools: Pools,
    status: FromQuery[AlertStatus | None] = None,
    game_id: GameId = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[RtpAlert]:
    """The RTP monitor's alerts, newest first."""
    after: Any = decode_cursor(cursor, Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)])
    async with tenant_transaction(pools[Role.APP], operator_id) as connection:
        rows = await read_alerts(
            connection,
            operator_id,
            is_open=None if status is None else status == "open",
            before=after[0] if after else None,
            game_id=game_id,
            limit=limit + 1,
        )
    return make_page(rows, limit, key=lambda row: (row["alert_id"],), item=rtp_alert)


@post("/rtp-alerts/{alert_id:int}/acknowledge", status_code=200)
async def acknowledge(
    alert_id: AlertNumber,
    data: JSONBody[AcknowledgeBody],
    operator_id: NamedDependency[int],
    request: Request,
    principal: NamedDependency[Principal],
    pools: Pools,
) -> RtpAlert:
    """Acknowledge an alert. It is raised anew only on bets that this one's evidence lacks."""
    by = f"{principal.kind}:{principal.subject_id}"
    async with tenant_transaction(pools[Role.APP], operator_id) as connection:
        done = await acknowledge_alert(connection, operator_id, alert_id, by=by, note=data.note)
        rows = await read_alerts(connection, operator_id, alert_id=alert_id, limit=1)
        if not rows:
            raise Problem("rtp_alert_not_found", "There is no such alert.")
        if not done:
            raise Problem("rtp_alert_acknowledged", "This alert has been acknowledged already.")
        await audit_request(
            connection,
            request,
            "rtp_alert.acknowledged",
            operator_id=operator_id,
            target=str(alert_id),
            detail={"note": data.note},
        )
    return rtp_alert(rows[0])


router = Router(
    "/operator",
    route_handlers=[rtp_monitor, list_alerts, acknowledge],
    guards=[requires_operator],
    dependencies={"freshness": Provide(provide_freshness)},
    tags=["analytics"],
)
