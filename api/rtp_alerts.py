"""Alerts of the RTP monitor as they are stored: raised once, renewed, acknowledged."""

from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from ledger.database import Connection
from ledger.named_sql import named_queries
from ledger.outcomes import standard_outcomes
from warehouse.rtp_monitor import Cell, Direction, Judgement, Scatter, WindowName
from warehouse.time_ranges import TimeRange

SQL = named_queries("rtp_alerts.sql", Path(__file__).parent / "sql")


class WatchedGame(msgspec.Struct, frozen=True):
    """A game of the catalogue as the monitor knows it; ``scatter`` is its present paytable's."""

    game_id: int
    name: str
    provider: str
    category: str
    scatter: Scatter


class AlertKey(msgspec.Struct, frozen=True):
    """What there is one open alert of at a time."""

    operator_id: int
    game_id: int
    stake_band: int
    window: WindowName
    direction: Direction


class Evidence(msgspec.Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    """What a look found: the sums, the game's scatter, and the judgement on them.

    ``wagered_squared`` is text: it outgrows the numbers that every JSON reader keeps exact.
    ``largest_stake`` is a bound, in minor units; alerts from before z was made by it have none.
    """

    from_: datetime
    to: datetime
    as_of: datetime
    bets: int
    wagered: int
    wagered_squared: str
    largest_stake: int | None = None
    won: int
    theoretical_ggr_e4: int
    sigma: float
    skewness: float
    rtp: float
    theoretical_rtp: float
    standard_error: float
    z: float
    lower: float
    upper: float
    score: float | None
    n_eff: int
    n_eff_min: int


def evidence_of(
    period: TimeRange, as_of: datetime, cell: Cell, scatter: Scatter, found: Judgement
) -> Evidence:
    """The evidence of a judgement."""
    facts = msgspec.structs.asdict(found)
    del facts["status"], facts["direction"]
    return Evidence(
        from_=period.start,
        to=period.end,
        as_of=as_of,
        bets=cell.bets,
        wagered=cell.wager,
        wagered_squared=str(cell.wager_squared),
        largest_stake=cell.largest_stake,
        won=cell.win,
        theoretical_ggr_e4=cell.theoretical_ggr_e4,
        sigma=scatter.sigma,
        skewness=scatter.skewness,
        **facts,
    )


async def watched_games(connection: Connection) -> dict[int, WatchedGame]:
    """Every game of the catalogue by its number."""
    rows = await connection.fetch(SQL["catalogue"])
    return {row["game_id"]: _game(row) for row in rows}


def _game(row: Any) -> WatchedGame:
    paytable = msgspec.json.decode(row["paytable"], type=list[tuple[int, int]])
    scatter = Scatter(row["sigma_e6"], standard_outcomes(paytable))
    return WatchedGame(row["game_id"], row["name"], row["provider"], row["category"], scatter)


async def last_alert(connection: Connection, key: AlertKey) -> Any:
    """The newest alert of this key, open or acknowledged, or None."""
    return await connection.fetchrow(SQL["last_alert"], *msgspec.structs.astuple(key))


async def raise_alert(connection: Connection, key: AlertKey, evidence: Evidence) -> int:
    """Store a new alert; returns its id. There must be no open one of this key."""
    return await connection.fetchval(  # pyright: ignore[reportReturnType]
        SQL["raise_alert"], *msgspec.structs.astuple(key), _json(evidence), evidence.to
    )


async def renew_alert(connection: Connection, alert_id: int, evidence: Evidence) -> None:
    """Give an open alert the evidence of a later look; one acknowledged meanwhile stays."""
    await connection.execute(SQL["renew_alert"], alert_id, _json(evidence), evidence.to)


def _json(evidence: Evidence) -> str:
    return msgspec.json.encode(evidence).decode()


async def read_alerts(
    connection: Connection,
    operator_id: int,
    *,
    alert_id: int | None = None,
    is_open: bool | None = None,
    before: int | None = None,
    game_id: int | None = None,
    limit: int,
) -> list[Any]:
    """An operator's alerts as rows, newest first, those before the alert ``before``."""
    return await connection.fetch(
        SQL["alerts"], operator_id, alert_id, is_open, before, game_id, limit
    )


async def acknowledge_alert(
    connection: Connection, operator_id: int, alert_id: int, *, by: str, note: str
) -> bool:
    """Acknowledge an open alert; False if there is no open one with this id."""
    done = await connection.fetchval(SQL["acknowledge"], operator_id, alert_id, by, note)
    return done is not None
