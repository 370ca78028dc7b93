"""What decides a batch of bets: locked and read in one round trip to the database."""

from collections.abc import Sequence

import asyncpg

from ledger.bet_record import BetRow, SpinRequest, spin_result
from ledger.catalogue import Catalogue, load_catalogue
from ledger.database import Connection
from ledger.fairness import SeedVault
from ledger.fold import BatchState, BetKey, KnownBet
from ledger.jackpot import HitVault, new_hit_point
from ledger.named_sql import named_queries
from ledger.store import columns, loaded_players, lock_pools, read_pools

SQL = named_queries("bets.sql")


async def load_batch(
    connection: Connection,
    requests: Sequence[SpinRequest],
    cached: Catalogue,
    vault: SeedVault,
    hits: HitVault,
) -> BatchState:
    """Lock the bets' wallets, those that somebody else holds left out, then the pools that the
    bets feed; read players, known keys and the clock behind the locks.

    ``cached`` is the caller's catalogue; if it has moved, the state has the new one.
    """
    wallets = sorted({(item.operator_id, item.user_id) for item in requests})
    keys = [(item.operator_id, item.user_id, item.idempotency_key) for item in requests]
    row = await connection.fetchrow(
        SQL["load_batch"],
        *columns(wallets, 2),
        *columns(keys, 3),
        cached.version,
        _pools_fed(cached, requests),
    )
    assert row is not None  # noqa: S101 - the function returns one row
    catalogue, pools = cached, read_pools(row["pools"] or (), hits)
    if row["version"] != cached.version:
        catalogue = await load_catalogue(connection)
        pools = await lock_pools(connection, _pools_fed(catalogue, requests), hits)
    return BatchState(
        players=loaded_players(row["players"], vault, row["clock"]),
        known=_known_bets(row),
        catalogue=catalogue,
        pools=pools,
        now=row["clock"],
        new_hit_point=new_hit_point,
    )


def _pools_fed(catalogue: Catalogue, requests: Sequence[SpinRequest]) -> list[int]:
    fed = {
        pool_id
        for item in requests
        for pool_id in catalogue.pools_fed(item.operator_id, item.game_id)
    }
    return sorted(fed)


def _known_bets(row: asyncpg.Record) -> dict[BetKey, KnownBet]:
    """The bets committed under the requests' keys, with the answers they got.

    Read with the wallets locked, so no other transaction can still be adding one.
    """
    known = {}
    for record, seed_hash in zip(row["known"] or (), row["seed_hashes"] or (), strict=True):
        bet = BetRow.of_record(record)
        key = (bet.operator_id, bet.user_id, bet.idempotency_key)
        known[key] = KnownBet(bet.fingerprint, spin_result(bet, seed_hash))
    return known
