"""Bets of the past, settled by the same rules with a clock of the caller's.

Live bets take the database's clock and come as they are. A past that is made up brings its own
times and decides each bet on the state its predecessors left, which only the lock's holder sees:
so what a player wants is asked inside the transaction, bet by bet, in the order of time.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from ledger.account import PlayerState
from ledger.bet_record import SpinRequest, SpinResult
from ledger.catalogue import Catalogue, current_catalogue
from ledger.commands import MoneyDesk
from ledger.database import Connection
from ledger.errors import Refusal
from ledger.fold import BatchState, fold_bets
from ledger.jackpot import new_hit_point
from ledger.store import load_players, lock_pools, lock_wallets, store
from ledger.writes import PlayerKey, Writes


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """A player's turn at a moment; ``wish`` is asked what the player bets in this state, if
    anything."""

    at: datetime
    operator_id: int
    user_id: UUID
    wish: Callable[[PlayerState], SpinRequest | None]


class Past(msgspec.Struct, frozen=True):
    """What became of the turns, in order: a result, a refusal, or None for no wish; and the
    players as they are after their last turn."""

    outcomes: list[SpinResult | Refusal | None]
    players: dict[PlayerKey, PlayerState]


async def settle_past(desk: MoneyDesk, turns: Sequence[Turn]) -> Past:
    """Settle turns, which must be in the order of time, in one transaction.

    Bonuses that end are stored as closed at the last turn's time, so the turns of one call should
    lie within the hour by which reports and reconciliation count.
    """
    async with desk.pool.acquire() as connection, connection.transaction():
        state = await _load(connection, desk, turns)
        writes = Writes()
        outcomes = [_take(turn, state, writes) for turn in turns]
        if writes.bets:
            await store(connection, writes, state.players, state.pools, desk.hits, turns[-1].at)
    return Past(outcomes, {key: loaded.state for key, loaded in state.players.items()})


async def _load(connection: Connection, desk: MoneyDesk, turns: Sequence[Turn]) -> BatchState:
    keys = list({(turn.operator_id, turn.user_id) for turn in turns})
    locked = await lock_wallets(connection, keys)
    _, desk.catalogue = await current_catalogue(connection, desk.catalogue)
    now = turns[0].at
    return BatchState(
        players=await load_players(connection, locked, desk.vault, now),
        known={},
        catalogue=desk.catalogue,
        pools=await lock_pools(
            connection, _pools(desk.catalogue, {key[0] for key in keys}), desk.hits
        ),
        now=now,
        new_hit_point=new_hit_point,
    )


def _pools(catalogue: Catalogue, operators: set[int]) -> list[int]:
    """Every pool that any bet of these operators could feed: the bets are not known yet."""
    fed = {
        pool_id
        for operator_id in operators
        for game in catalogue.operators[operator_id].games.values()
        for pool_id, _ in game.feeds
    }
    return sorted(fed)


def _take(turn: Turn, state: BatchState, writes: Writes) -> SpinResult | Refusal | None:
    request = turn.wish(state.players[(turn.operator_id, turn.user_id)].state)
    if request is None:
        return None
    state.now = turn.at
    folded = fold_bets([request], state)
    writes.bets += folded.writes.bets
    writes.postings += folded.writes.postings
    writes.events += folded.writes.events
    writes.changed |= folded.writes.changed
    writes.pools |= folded.writes.pools
    writes.jackpots += folded.writes.jackpots
    return folded.outcomes[0]
