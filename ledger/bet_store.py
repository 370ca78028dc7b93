"""Bets that already stand, by the keys of new requests."""

from collections.abc import Sequence

from ledger.bet_record import BetRow, SpinRequest, spin_result
from ledger.database import Connection
from ledger.fold import BetKey, KnownBet
from ledger.named_sql import named_queries
from ledger.store import columns

SQL = named_queries("bets.sql")


async def committed_bets(
    connection: Connection, requests: Sequence[SpinRequest]
) -> dict[BetKey, KnownBet]:
    """The bets committed under the requests' keys, with the answers they got.

    Called with the wallets locked, so no other transaction can still be adding one.
    """
    keys = [(item.operator_id, item.user_id, item.idempotency_key) for item in requests]
    known = {}
    for record in await connection.fetch(SQL["committed_bets"], *columns(keys, 3)):
        row = BetRow.of_record(record)
        result = spin_result(row, record["seed_hash"])
        known[(row.operator_id, row.user_id, row.idempotency_key)] = KnownBet(
            row.fingerprint, result
        )
    return known
