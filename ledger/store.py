"""The IO of a micro-batch: lock and load its players, store its decisions. No rules here."""

from collections.abc import Sequence
from typing import Any

import msgspec

from ledger.bet_record import BetRow, SpinRequest, spin_result
from ledger.catalogue import Catalogue, load_catalogue
from ledger.database import Connection
from ledger.fairness import SeedVault
from ledger.fold import BatchState, BetKey, KnownBet, LoadedPlayer, PlayerKey, Writes
from ledger.named_sql import named_queries
from ledger.settle_bet import PlayerState

SQL = named_queries("bets.sql")


async def lock_and_load(
    connection: Connection, requests: Sequence[SpinRequest], catalogue: Catalogue, vault: SeedVault
) -> BatchState:
    """Lock the requests' wallets and read what decides their bets, inside the transaction.

    Wallets that somebody else holds are left out of ``players``.
    """
    asked = sorted({(request.operator_id, request.user_id) for request in requests})
    locked = await connection.fetch(SQL["lock_wallets"], *_columns(asked, 2))
    players = await connection.fetch(
        SQL["load_players"], *_columns([(row[0], row[1]) for row in locked], 2)
    )
    keys = [(item.operator_id, item.user_id, item.idempotency_key) for item in requests]
    committed = await connection.fetch(SQL["committed_bets"], *_columns(keys, 3))
    clock = await connection.fetchrow(SQL["batch_clock"])
    assert clock is not None  # noqa: S101 - the table holds exactly one row, by its constraint
    if clock["version"] != catalogue.version:
        catalogue = await load_catalogue(connection)
    return BatchState(
        players=dict(_loaded_player(row, vault) for row in players),
        known=dict(_known_bet(row) for row in committed),
        catalogue=catalogue,
        now=clock["now"],
    )


async def store(connection: Connection, writes: Writes, state: BatchState) -> None:
    """Write everything the fold decided with one set-based statement."""
    changed = sorted(writes.changed)
    after = [state.players[key].state for key in changed]
    await connection.execute(
        SQL["store_batch"],
        [msgspec.structs.astuple(row) for row in writes.bets],
        writes.postings,
        *_columns(writes.events, 2),
        [player.operator_id for player in after],
        [player.user_id for player in after],
        [player.real_balance for player in after],
        [player.bonus_balance for player in after],
        [player.deposit_wagering_required for player in after],
        [player.deposit_wagering_progress_e4 for player in after],
        [player.bonus_wagering_required for player in after],
        [player.bonus_wagering_progress_e4 for player in after],
        [player.nonce for player in after],
        state.now,
    )


def _columns(rows: Sequence[tuple], width: int) -> list[list[Any]]:
    """Rows turned into the parallel arrays that ``unnest`` takes, also when there are none."""
    return [[row[column] for row in rows] for column in range(width)]


def _loaded_player(row: Any, vault: SeedVault) -> tuple[PlayerKey, LoadedPlayer]:
    state = PlayerState(
        operator_id=row["operator_id"],
        user_id=row["user_id"],
        status=row["status"],
        excluded_until=row["excluded_until"],
        currency=row["currency"],
        real_balance=row["real_balance"],
        bonus_balance=row["bonus_balance"],
        deposit_wagering_required=row["deposit_wagering_required"],
        deposit_wagering_progress_e4=row["deposit_wagering_progress_e4"],
        bonus_wagering_required=row["bonus_wagering_required"],
        bonus_wagering_progress_e4=row["bonus_wagering_progress_e4"],
        vip_experience=row["vip_experience"],
        vip_level=row["vip_level"],
        is_bot=row["is_bot"],
        affiliate_id=row["affiliate_id"],
        seed_id=row["fairness_seed_id"],
        nonce=row["fairness_nonce"],
    )
    seed = vault.open_seed(state.seed_id, row["encrypted_seed"])
    return (state.operator_id, state.user_id), LoadedPlayer(state, seed, row["seed_hash"])


def _known_bet(record: Any) -> tuple[BetKey, KnownBet]:
    row = BetRow.of_record(record)
    known = KnownBet(row.fingerprint, spin_result(row, record["seed_hash"]))
    return (row.operator_id, row.user_id, row.idempotency_key), known
