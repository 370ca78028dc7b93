"""JSON of the RTP monitor: games against their tolerance, and alerts."""

from typing import Annotated, Any, Literal

import msgspec

from api.rtp_alerts import Evidence, WatchedGame
from api.rtp_watch import Raised
from api.schemas.fields import PRINTABLE, rfc3339
from api.schemas.reports import ReportHead
from warehouse.queries import RTP_DECIMALS
from warehouse.rtp_monitor import BANDS, Band, Cell, Direction, Judgement, Status, WindowName
from warehouse.time_ranges import TimeRange

ShownWindow = Literal["1h", "24h", "30d", "custom"]


class WindowView(msgspec.Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    """A window of the report: half-open, UTC."""

    window: ShownWindow
    from_: str
    to: str


class Tolerance(msgspec.Struct, frozen=True):
    """Between these bounds a return is no ground for an alert; fractions. The upper one is farther
    from the theoretical RTP where wins are rare and large."""

    lower: float
    upper: float


class RtpItem(msgspec.Struct, frozen=True, kw_only=True):
    """A game in a window and a stake band; amounts in minor units, returns as fractions.

    ``score`` is the distance from the theoretical RTP in standard errors; beyond ``z``, which the
    game's paytable sets for either side, it is an alert, once ``n_eff`` (how many equal bets would
    scatter as much) has reached ``n_eff_min``.
    ``score`` is null for a game whose wins never vary and are not what it declares.
    """

    game_id: int
    game_name: str
    provider: str
    category: str
    window: ShownWindow
    stake_band: Band
    bets: int
    total_wagered: int
    total_won: int
    rtp: float
    theoretical_rtp: float
    standard_error: float
    tolerance: Tolerance
    z: float
    score: float | None
    n_eff: int
    n_eff_min: int
    status: Status


class RtpAlert(msgspec.Struct, frozen=True, kw_only=True):
    """An alert. ``raised_on`` is the evidence that raised it, ``evidence`` the newest out of
    tolerance; ``looks`` counts how often it was found so."""

    alert_id: int
    game_id: int
    game_name: str
    stake_band: Band
    window: WindowName
    direction: Direction
    status: Literal["open", "acknowledged"]
    raised_at: str
    looks: int
    raised_on: Evidence
    evidence: Evidence
    acknowledged_at: str | None
    acknowledged_by: str | None
    note: str | None


class RtpMonitor(ReportHead, frozen=True, kw_only=True):
    """Every game that was played, by window and stake band, and the open alerts, newest first.

    ``alarm_rate`` is the probability that honest games raise any alert of this operator in 30 days,
    at most. Alerts are raised by looks at fixed times; items show the windows up to ``as_of``.
    """

    alarm_rate: float
    windows: list[WindowView]
    items: list[RtpItem]
    alerts: list[RtpAlert]


class AcknowledgeBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was found out, or done about it."""

    note: Annotated[str, msgspec.Meta(min_length=1, max_length=500, pattern=PRINTABLE)]


def window_view(name: ShownWindow, period: TimeRange) -> WindowView:
    """A window with its bounds."""
    return WindowView(window=name, from_=rfc3339(period.start), to=rfc3339(period.end))


def rtp_item(game: WatchedGame, window: ShownWindow, cell: Cell, found: Judgement) -> RtpItem:
    """A line of the report."""
    return RtpItem(
        game_id=game.game_id,
        game_name=game.name,
        provider=game.provider,
        category=game.category,
        window=window,
        stake_band=BANDS[cell.stake_band],
        bets=cell.bets,
        total_wagered=cell.wager,
        total_won=cell.win,
        rtp=_rounded(found.rtp),
        theoretical_rtp=_rounded(found.theoretical_rtp),
        standard_error=_rounded(found.standard_error),
        tolerance=Tolerance(_rounded(found.lower), _rounded(found.upper)),
        z=_rounded(found.z),
        score=found.score if abs(found.score) == float("inf") else _rounded(found.score),
        n_eff=found.n_eff,
        n_eff_min=found.n_eff_min,
        status=found.status,
    )


def rtp_alert(row: Any) -> RtpAlert:
    """An alert from its row."""
    acknowledged_at = row["acknowledged_at"]
    return RtpAlert(
        alert_id=row["alert_id"],
        game_id=row["game_id"],
        game_name=row["game_name"],
        stake_band=BANDS[row["stake_band"]],
        window=row["window_name"],
        direction=row["direction"],
        status="acknowledged" if acknowledged_at else "open",
        raised_at=rfc3339(row["raised_at"]),
        looks=row["looks"],
        raised_on=msgspec.json.decode(row["raised_on"], type=Evidence),
        evidence=msgspec.json.decode(row["evidence"], type=Evidence),
        acknowledged_at=rfc3339(acknowledged_at) if acknowledged_at else None,
        acknowledged_by=row["acknowledged_by"],
        note=row["note"],
    )


def alert_notice(raised: Raised) -> dict[str, Any]:
    """What an operator's sockets are told of a new alert."""
    return {
        "type": "rtp_alert",
        "alert_id": raised.alert_id,
        "game_id": raised.key.game_id,
        "stake_band": BANDS[raised.key.stake_band],
        "window": raised.key.window,
        "direction": raised.key.direction,
        "rtp": _rounded(raised.evidence.rtp),
        "theoretical_rtp": _rounded(raised.evidence.theoretical_rtp),
    }


def _rounded(value: float) -> float:
    return round(value, RTP_DECIMALS)
