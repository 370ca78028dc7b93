"""The job that watches returns: judges every game at every look, raises and renews alerts."""

from collections.abc import Awaitable, Callable
from datetime import datetime

import asyncpg
import msgspec
from prometheus_client import Counter, Gauge

from api.rtp_alerts import (
    SQL,
    AlertKey,
    Evidence,
    WatchedGame,
    evidence_of,
    last_alert,
    raise_alert,
    renew_alert,
    watched_games,
)
from ledger.database import Connection
from warehouse.client import Warehouse
from warehouse.rtp_cells import rtp_cells
from warehouse.rtp_monitor import WINDOWS, Cell, WindowName, judge, share_of
from warehouse.time_ranges import TimeRange

RAISED = Counter(
    "pitboss_rtp_alerts_raised_total", "Alerts of the RTP monitor", ["window", "direction"]
)
OPEN = Gauge(
    "pitboss_rtp_alerts_open",
    "Alerts of the RTP monitor that nobody has acknowledged, at its last run",
    multiprocess_mode="mostrecent",
)


class Raised(msgspec.Struct, frozen=True):
    """An alert that a look raised."""

    alert_id: int
    key: AlertKey
    evidence: Evidence


Tell = Callable[[Raised], Awaitable[None]]
"""Told of every alert when it has been stored; it must not raise."""


class Watch(msgspec.Struct):
    """What a run did: the windows it looked at by their end, and what it found there."""

    looks: dict[WindowName, datetime] = {}
    judged: int = 0
    out_of_tolerance: int = 0
    raised: list[Raised] = []


async def watch_rtp(pool: asyncpg.Pool, warehouse: Warehouse, as_of: datetime, tell: Tell) -> Watch:
    """Look at every window whose time has come by ``as_of``, the warehouse's watermark.

    A window's end is looked at once. ``pool`` is the batch role's. May be repeated at any moment,
    also after a failure; runs one at a time. Raises ``WarehouseUnavailable`` and the driver's
    errors; alerts raised before have been told of, as the next run will find them raised.
    """
    done = Watch()
    async with pool.acquire() as connection:
        judged_to = dict(await connection.fetch(SQL["judged_to"]))
        games = await watched_games(connection)
        operators = [row["operator_id"] for row in await connection.fetch(SQL["operators"])]
        for name, window in WINDOWS.items():
            period = window.ending_by(as_of)
            if name in judged_to and period.end <= judged_to[name]:
                continue
            for operator_id in operators:
                look = _Look(connection, warehouse, games, operator_id, name, period, as_of, tell)
                await look.judge_all(done)
            await connection.execute(SQL["record_look"], name, period.end)
            done.looks[name] = period.end
        OPEN.set(await connection.fetchval(SQL["count_open"]) or 0)
    return done


class _Look(msgspec.Struct, frozen=True):
    """One look at one operator's games in one window."""

    connection: Connection
    warehouse: Warehouse
    games: dict[int, WatchedGame]
    operator_id: int
    window: WindowName
    period: TimeRange
    as_of: datetime
    tell: Tell

    async def judge_all(self, done: Watch) -> None:
        cells = await rtp_cells(self.warehouse, self.operator_id, self.period)
        for cell in cells:
            found = self._out_of_tolerance(cell, self.period)
            done.judged += 1
            if found is None:
                continue
            key, evidence = found
            done.out_of_tolerance += 1
            alert_id = await self._raise_or_renew(key, evidence)
            if alert_id is not None:
                RAISED.labels(key.window, key.direction).inc()
                done.raised.append(Raised(alert_id, key, evidence))
                await self.tell(done.raised[-1])

    def _out_of_tolerance(self, cell: Cell, period: TimeRange) -> tuple[AlertKey, Evidence] | None:
        """Key and evidence of an alert, or nothing; nothing for a game newer than the catalogue."""
        game = self.games.get(cell.game_id)
        if game is None:
            return None
        found = judge(cell, game.scatter, share_of(len(self.games)))
        if found.status != "alert":
            return None
        key = AlertKey(
            self.operator_id, cell.game_id, cell.stake_band, self.window, found.direction
        )
        return key, evidence_of(period, self.as_of, cell, game.scatter, found)

    async def _raise_or_renew(self, key: AlertKey, evidence: Evidence) -> int | None:
        """The id of a new alert; None if there is an open one, or nothing new to say."""
        last = await last_alert(self.connection, key)
        if last is not None and last["is_open"]:
            await renew_alert(self.connection, last["alert_id"], evidence)
            return None
        if last is not None and not await self._again_since(last["evidence_to"], key):
            return None
        return await raise_alert(self.connection, key, evidence)

    async def _again_since(self, moment: datetime, key: AlertKey) -> bool:
        """Whether the bets after the evidence that was acknowledged are out of tolerance alone."""
        if moment <= self.period.start:
            return True
        if moment >= self.period.end:
            return False
        since = TimeRange(moment, self.period.end)
        cells = await rtp_cells(self.warehouse, self.operator_id, since, game_id=key.game_id)
        alone = [self._out_of_tolerance(cell, since) for cell in cells]
        return any(found is not None and found[0] == key for found in alone)
