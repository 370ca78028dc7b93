"""What a player may see of wallet, bets and fairness seeds; reads run in a tenant transaction."""

from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from ledger.account import E4
from ledger.bet_record import BetRow, Requirement, SpinResult, spin_result
from ledger.database import Connection
from ledger.events import timestamp
from ledger.fairness import SeedVault
from ledger.named_sql import named_queries
from ledger.payments import withdrawable

SQL = named_queries("wallets.sql")
BETS = named_queries("bets.sql")
GRANTS = named_queries("grants.sql")
PAYMENTS = named_queries("payments.sql")


class OpenBonus(msgspec.Struct, frozen=True, kw_only=True):
    """An open bonus; its own requirement is 0 where the wallet has one pooled requirement."""

    bonus_id: UUID
    kind: str
    balance: int
    wagering: Requirement
    expires_at: str


class WalletView(msgspec.Struct, frozen=True, kw_only=True):
    """A wallet as its player sees it; amounts are minor units of ``currency``."""

    currency: str
    real_balance: int
    bonus_balance: int
    held_balance: int
    debt: int
    withdrawable: int
    withdrawable_reason: str | None
    deposit_wagering: Requirement
    bonus_wagering: Requirement
    bonuses: list[OpenBonus]


class FairnessView(msgspec.Struct, frozen=True, kw_only=True):
    """The active server seed's public face: its SHA-256 and how many bets were drawn from it."""

    seed_id: UUID
    server_seed_hash: str
    nonce: int


class RevealedSeed(msgspec.Struct, frozen=True, kw_only=True):
    """A retired seed; every bet drawn from it can be verified from now on."""

    seed_id: UUID
    server_seed: str
    server_seed_hash: str
    nonces_used: int


class Rotation(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a rotation: the seed that was active, and the one that is."""

    revealed: RevealedSeed
    active: FairnessView


class BetView(SpinResult, frozen=True, kw_only=True):
    """A bet with what verifies it; ``server_seed`` is null until its seed is revealed."""

    operator_id: int
    wager_real: int
    wager_bonus: int
    server_seed: str | None


async def read_wallet(connection: Connection, operator_id: int, user_id: UUID) -> WalletView:
    """The player's wallet. Raises ``LookupError`` if there is none in this tenant."""
    row = await _wallet_row(connection, operator_id, user_id)
    tasks = await connection.fetch(GRANTS["player_bonuses"], operator_id, user_id, False)
    bonus = open_requirement(row, tasks)
    amount, reason = withdrawable(
        real_balance=row["real_balance"],
        debt=row["debt"],
        deposit_required=row["deposit_wagering_required"],
        deposit_progress_e4=row["deposit_wagering_progress_e4"],
        open_bonus_requirement=bool(tasks)
        or row["bonus_wagering_progress_e4"] < row["bonus_wagering_required"] * E4,
    )
    return WalletView(
        currency=row["currency"],
        real_balance=row["real_balance"],
        bonus_balance=row["bonus_balance"],
        held_balance=row["held_balance"],
        debt=row["debt"],
        withdrawable=amount,
        withdrawable_reason=reason,
        deposit_wagering=Requirement.of(
            row["deposit_wagering_required"], row["deposit_wagering_progress_e4"]
        ),
        bonus_wagering=bonus,
        bonuses=[
            OpenBonus(
                bonus_id=task["task_id"],
                kind=task["kind"],
                balance=task["balance"],
                wagering=Requirement.of(task["required"], task["progress_e4"]),
                expires_at=timestamp(task["expires_at"]),
            )
            for task in tasks
        ],
    )


def open_requirement(wallet: Any, tasks: list[Any]) -> Requirement:
    """What open bonuses still require in all: the wallet's pooled requirement, or their sum."""
    if wallet["bonus_wagering_required"]:
        return Requirement.of(
            wallet["bonus_wagering_required"], wallet["bonus_wagering_progress_e4"]
        )
    return Requirement.of(
        sum(task["required"] for task in tasks), sum(task["progress_e4"] for task in tasks)
    )


async def read_bets(
    connection: Connection,
    vault: SeedVault,
    operator_id: int,
    user_id: UUID,
    *,
    after: tuple[datetime, UUID] | None = None,
    bet_id: UUID | None = None,
    limit: int,
) -> list[BetView]:
    """The player's bets, newest first, after the given (time, id); or the one with ``bet_id``."""
    rows = await connection.fetch(
        BETS["player_bets"], operator_id, user_id, *(after or (None, None)), bet_id, limit
    )
    return [_bet_view(row, vault) for row in rows]


async def read_transactions(
    connection: Connection,
    operator_id: int,
    user_id: UUID,
    *,
    kind: str | None = None,
    transaction_id: UUID | None = None,
    after: tuple[datetime, UUID] | None = None,
    limit: int,
) -> list[Any]:
    """The player's transactions as rows, newest first; ``kind`` as in the table."""
    return await connection.fetch(
        PAYMENTS["player_transactions"],
        operator_id,
        user_id,
        kind,
        transaction_id,
        *(after or (None, None)),
        limit,
    )


async def read_fairness(connection: Connection, operator_id: int, user_id: UUID) -> FairnessView:
    """The active seed's hash and nonce. Raises ``LookupError`` if there is no such wallet."""
    row = await _wallet_row(connection, operator_id, user_id)
    return FairnessView(
        seed_id=row["fairness_seed_id"],
        server_seed_hash=row["seed_hash"].hex(),
        nonce=row["fairness_nonce"],
    )


async def rotate_seed(
    pool: asyncpg.Pool, vault: SeedVault, operator_id: int, user_id: UUID
) -> Rotation:
    """Reveal the active seed and start another; bets in flight are drawn before or after it."""
    fresh = vault.new_seed()
    owner = (operator_id, user_id)
    async with pool.acquire() as connection, connection.transaction():
        wallet = await connection.fetchrow(SQL["lock_wallet_seed"], *owner)
        if wallet is None:
            raise LookupError("No such wallet")
        old, used = wallet["fairness_seed_id"], wallet["fairness_nonce"]
        revealed = await connection.fetchrow(SQL["reveal_seed"], *owner, old, used)
        assert revealed is not None  # noqa: S101 - the wallet's foreign key points at it
        await connection.execute(
            SQL["insert_seed"], *owner, fresh.seed_id, fresh.encrypted_seed, fresh.seed_hash
        )
        await connection.execute(SQL["activate_seed"], *owner, fresh.seed_id)
    return Rotation(
        revealed=RevealedSeed(
            seed_id=old,
            server_seed=vault.open_seed(old, revealed["encrypted_seed"]).hex(),
            server_seed_hash=revealed["seed_hash"].hex(),
            nonces_used=used,
        ),
        active=FairnessView(seed_id=fresh.seed_id, server_seed_hash=fresh.seed_hash.hex(), nonce=0),
    )


async def _wallet_row(connection: Connection, operator_id: int, user_id: UUID) -> Any:
    row = await connection.fetchrow(SQL["wallet"], operator_id, user_id)
    if row is None:
        raise LookupError("No such wallet")
    return row


def _bet_view(record: Any, vault: SeedVault) -> BetView:
    row = BetRow.of_record(record)
    sealed = record["revealed_encrypted_seed"]
    return BetView(
        **msgspec.structs.asdict(spin_result(row, record["seed_hash"])),
        operator_id=row.operator_id,
        wager_real=row.wager_real,
        wager_bonus=row.wager_bonus,
        server_seed=None if sealed is None else vault.open_seed(row.seed_id, sealed).hex(),
    )
