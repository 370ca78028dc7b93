"""The IO of a money transaction: lock and load players and pools, store what rules decided.

No rules here. Every writer locks in one order: wallets by (operator_id, user_id), then pools by id;
a player's bonus tasks and grants are guarded by the wallet's lock.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec

from ledger.account import PlayerState, SpinGrant
from ledger.bonus import BonusTask, Requirements
from ledger.database import Connection
from ledger.fairness import SeedVault
from ledger.jackpot import HitVault, Pool
from ledger.named_sql import named_queries
from ledger.stored_rows import change_row, grant_rows, task_rows
from ledger.writes import LoadedPlayer, PlayerKey, WonJackpot, Writes

BETS = named_queries("bets.sql")
SQL = named_queries("store.sql")


async def lock_wallets(connection: Connection, keys: Sequence[PlayerKey]) -> list[PlayerKey]:
    """Lock these wallets in key order, waiting for those that somebody else holds; return those
    that there are."""
    locked = await connection.fetch(BETS["wait_for_wallets"], *columns(sorted(set(keys)), 2))
    return [(row[0], row[1]) for row in locked]


async def load_players(
    connection: Connection, keys: Sequence[PlayerKey], vault: SeedVault, now: datetime
) -> dict[PlayerKey, LoadedPlayer]:
    """Load players whose wallets this transaction has locked."""
    rows = await connection.fetch(BETS["load_players"], *columns(keys, 2))
    return loaded_players(rows, vault, now)


def loaded_players(
    rows: Iterable[Any], vault: SeedVault, now: datetime
) -> dict[PlayerKey, LoadedPlayer]:
    """Players from rows of the type ``loaded_player``."""
    loaded = (_loaded_player(row, vault, now) for row in rows)
    return {(item.state.operator_id, item.state.user_id): item for item in loaded}


async def lock_pools(
    connection: Connection, pool_ids: Sequence[int], hits: HitVault
) -> dict[int, Pool]:
    """Lock these jackpot pools, after the wallets, and open their cycles' hit points."""
    if not pool_ids:
        return {}
    return read_pools(await connection.fetch(BETS["lock_pools"], sorted(set(pool_ids))), hits)


def read_pools(rows: Iterable[Any], hits: HitVault) -> dict[int, Pool]:
    """Pools from rows of ``jackpot_pool``."""
    return {row["pool_id"]: _pool(row, hits) for row in rows}


async def store(
    connection: Connection,
    writes: Writes,
    players: dict[PlayerKey, LoadedPlayer],
    pools: dict[int, Pool],
    hits: HitVault,
    now: datetime,
) -> None:
    """Write everything that was decided; a fixed number of statements, most of them seldom."""
    changed = [players[key] for key in sorted(writes.changed)]
    tasks = [row for player in changed for row in task_rows(player, now)]
    grants = [row for player in changed for row in grant_rows(player)]
    if tasks:
        await connection.execute(SQL["store_tasks"], tasks)
    if grants:
        await connection.execute(SQL["store_grants"], grants)
    for jackpot in writes.jackpots:
        await _store_jackpot(connection, jackpot, hits)
    await connection.execute(
        SQL["store_money"],
        [msgspec.structs.astuple(row) for row in writes.bets],
        writes.postings,
        *columns(writes.events, 3),
        [change_row(player.state) for player in changed],
        now,
        *columns(_pool_rows(writes, pools, hits), 5),
    )


def columns(rows: Sequence[tuple[Any, ...]], width: int) -> list[list[Any]]:
    """Rows turned into the parallel arrays that ``unnest`` takes, also when there are none."""
    return [[row[column] for row in rows] for column in range(width)]


def _pool_rows(writes: Writes, pools: dict[int, Pool], hits: HitVault) -> list[tuple[Any, ...]]:
    """Each pool once, however many bets fed it; a new cycle's secret with it."""
    points = {jackpot.hit.pool_id: jackpot.next_point for jackpot in writes.jackpots}
    return [
        (
            pool_id,
            pools[pool_id].amount_e4,
            pools[pool_id].cycle_no,
            points[pool_id].commitment if pool_id in points else None,
            hits.seal(pool_id, pools[pool_id].cycle_no, points[pool_id])
            if pool_id in points
            else None,
        )
        for pool_id in sorted(writes.pools)
    ]


async def _store_jackpot(connection: Connection, jackpot: WonJackpot, hits: HitVault) -> None:
    """The win with its cycle's secret revealed, and the next cycle's commitment."""
    hit, ended, bet = jackpot.hit, jackpot.ended, jackpot.bet
    await connection.execute(
        SQL["insert_win"],
        hit.pool_id,
        hit.cycle_no,
        bet.operator_id,
        bet.bet_id,
        bet.user_id,
        hit.amount,
        ended.hit_e4,
        ended.nonce,
        bet.created_at,
    )
    await connection.execute(
        SQL["insert_cycle"],
        hit.pool_id,
        hit.cycle_no + 1,
        ended.seed,
        hit.carried_e4,
        jackpot.next_point.commitment,
        hits.seal(hit.pool_id, hit.cycle_no + 1, jackpot.next_point),
        bet.created_at,
    )


def _loaded_player(row: Any, vault: SeedVault, now: datetime) -> LoadedPlayer:
    grants = tuple(_grant(item) for item in row["grants"])
    spins_left = {
        grant.grant_id: grant.count - grant.used for grant in grants if grant.expires_at > now
    }
    tasks = tuple(read_task(item, spins_left.get(item["grant_id"], 0)) for item in row["tasks"])
    state = PlayerState(
        operator_id=row["operator_id"],
        user_id=row["user_id"],
        status=row["status"],
        excluded_until=row["excluded_until"],
        currency=row["currency"],
        real_balance=row["real_balance"],
        held_balance=row["held_balance"],
        debt=row["debt"],
        deposit_wagering_required=row["deposit_wagering_required"],
        deposit_wagering_progress_e4=row["deposit_wagering_progress_e4"],
        bonus=Requirements(
            tasks, row["bonus_wagering_required"], row["bonus_wagering_progress_e4"]
        ),
        bonus_policy_version=row["bonus_policy_version"],
        grants=grants,
        vip_experience=row["vip_experience"],
        vip_level=row["vip_level"],
        is_bot=row["is_bot"],
        affiliate_id=row["affiliate_id"],
        seed_id=row["fairness_seed_id"],
        nonce=row["fairness_nonce"],
    )
    return LoadedPlayer(
        state=state,
        server_seed=vault.open_seed(state.seed_id, row["encrypted_seed"]),
        seed_hash=row["seed_hash"],
        tombstones=frozenset(row["tombstones"]),
        tasks_before={task.task_id: task for task in tasks},
        grants_before={grant.grant_id: grant for grant in grants},
    )


def read_task(row: Any, spins_left: int) -> BonusTask:
    """A task from its row; ``spins_left`` of the grant whose wins it takes."""
    fields = {
        name: row[name] for name in BonusTask.__struct_fields__ if name not in ("spins_left",)
    }
    return BonusTask(**fields, spins_left=spins_left)


def _grant(row: Any) -> SpinGrant:
    return SpinGrant(**{name: row[name] for name in SpinGrant.__struct_fields__})


def _pool(row: Any, hits: HitVault) -> Pool:
    point = hits.open_point(row["pool_id"], row["cycle_no"], row["encrypted_hit"])
    return Pool(
        pool_id=row["pool_id"],
        name=row["name"],
        currency=row["currency"],
        seed=row["seed"],
        cap=row["cap"],
        largest_contribution_e4=row["largest_contribution_e4"],
        amount_e4=row["amount_e4"],
        cycle_no=row["cycle_no"],
        hit_e4=point.hit_e4,
        nonce=point.nonce,
    )
