"""Tells every player's socket of the jackpots: the live amounts, and each one that is won.

Each API process reads the pools once a second for its own sockets, and not at all without any.
Reading, unlike a notice of the bet that did it, also finds what other processes' bets moved.
"""

import asyncio
from typing import Any

import asyncpg
import structlog

from api.live import Live
from ledger.events import timestamp
from ledger.jackpots import read_pools, read_wins

log = structlog.get_logger(__name__)
PERIOD_S = 1.0


class JackpotTicker:
    """Watches the pools; ``pool`` logs in as the role of players' reads."""

    def __init__(self, pool: asyncpg.Pool, live: Live) -> None:
        self._pool = pool
        self._live = live
        self._amounts: dict[int, int] = {}
        self._cycles: dict[int, int] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to watch; needs a running event loop."""
        self._task = asyncio.create_task(self._run(), name="jackpot-ticker")

    async def stop(self) -> None:
        """Stop watching."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(PERIOD_S)
            if not self._live.has_players:
                self._amounts, self._cycles = {}, {}
                continue
            try:
                await self.look()
            except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
                log.warning("jackpots_not_read", error=repr(error))

    async def look(self) -> None:
        """Read the pools once and tell what has changed since the last look."""
        async with self._pool.acquire() as connection:
            pools = await read_pools(connection, None)
            wins = await read_wins(connection, self._cycles) if self._cycles else []
        for win in wins:
            self._live.tell_every_player(_win_message(win))
        amounts = {pool["pool_id"]: pool["amount"] for pool in pools}
        if amounts != self._amounts:
            items = [_pool_item(pool) for pool in pools]
            self._live.tell_every_player({"type": "jackpots", "items": items})
        self._amounts = amounts
        self._cycles = {pool["pool_id"]: pool["cycle_no"] for pool in pools}


def _pool_item(pool: Any) -> dict[str, Any]:
    return {name: pool[name] for name in ("pool_id", "name", "currency", "amount", "cycle_no")}


def _win_message(win: Any) -> dict[str, Any]:
    """Whoever won stays between the winner and the operator."""
    return {
        "type": "jackpot_won",
        **{name: win[name] for name in ("pool_id", "name", "currency", "amount", "cycle_no")},
        "won_at": timestamp(win["won_at"]),
    }
