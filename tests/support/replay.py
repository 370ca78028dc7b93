"""The same bets once more, one by one, by the pure rules: what the batch's answers are held to."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec

from ledger.account import PlayerState
from ledger.bet_record import SpinRequest, SpinResult
from ledger.bet_store import load_batch
from ledger.catalogue import EMPTY_CATALOGUE
from ledger.errors import Refusal
from ledger.fold import BatchState, fold_bets
from ledger.jackpot import HitPoint, HitVault, Pool
from ledger.store import lock_pools
from tests.support.world import World

NOBODY = UUID(int=0)


async def load_state(world: World, requests: Sequence[SpinRequest]) -> BatchState:
    """What a batch of these requests would load now, read in a transaction of its own."""
    async with world.owner.acquire() as connection, connection.transaction():
        state = await load_batch(connection, requests, EMPTY_CATALOGUE, world.vault, world.hits)
        pool_ids = [row[0] for row in await connection.fetch("SELECT pool_id FROM jackpot_pool")]
        state.pools = await lock_pools(connection, pool_ids, world.hits)
        state.new_hit_point = lambda pool: HitPoint(1 << 60, bytes(32))
        return state


async def replay(
    world: World, before: BatchState, requests: Sequence[SpinRequest]
) -> list[SpinResult | Refusal | None]:
    """Settle the requests one at a time on ``before``; a won pool takes the next hit point that
    the batch has drawn for it meanwhile."""
    rows = await world.owner.fetch("SELECT pool_id, cycle_no, encrypted_hit FROM jackpot_cycle")
    secrets = {(row["pool_id"], row["cycle_no"]): row["encrypted_hit"] for row in rows}
    before.new_hit_point = lambda pool: _stored_point(world.hits, secrets, pool)
    return [fold_bets([request], before).outcomes[0] for request in requests]


def _stored_point(hits: HitVault, secrets: dict[tuple[int, int], bytes], pool: Pool) -> HitPoint:
    cycle = (pool.pool_id, pool.cycle_no + 1)
    return hits.open_point(*cycle, secrets[cycle])


def comparable(outcome: object) -> object:
    """An answer without what differs each time: the bet's id and time."""
    if isinstance(outcome, SpinResult):
        return msgspec.structs.replace(outcome, bet_id=NOBODY, created_at="")
    return outcome.code if isinstance(outcome, Refusal) else outcome


def shape(player: PlayerState) -> dict[str, Any]:
    """A player's state with ids of open tasks and grants replaced by their order, without times."""
    grants = [grant for grant in player.grants if grant.used < grant.count]
    order = {grant.grant_id: f"grant {n}" for n, grant in enumerate(grants)}
    order |= {task.task_id: f"task {n}" for n, task in enumerate(player.bonus.tasks)}
    fields = msgspec.structs.asdict(player)
    fields["bonus"] = (player.bonus.pooled_required, player.bonus.pooled_progress_e4)
    fields["tasks"] = [_shape(task, order) for task in player.bonus.tasks]
    fields["grants"] = [_shape(grant, order) for grant in grants]
    if not player.bonus.outstanding:
        fields["bonus_policy_version"] = None
    return fields


def _shape(item: msgspec.Struct, order: dict[UUID, str]) -> dict[str, Any]:
    fields = msgspec.structs.asdict(item)
    hidden = ("created_at", "expires_at", "source_id")
    # A grant may name a task that has ended, a task a grant; which one does not matter any more.
    named = {"task_id", "grant_id"}
    return {
        name: order.get(value, "ended" if value else None) if name in named else value
        for name, value in fields.items()
        if name not in hidden
    }
