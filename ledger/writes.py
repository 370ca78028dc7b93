"""What a money transaction writes: collected while rules decide, stored in one go. Pure.

Bets, deposits, withdrawals, grants and rollbacks all collect their changes here, so that a wallet,
its tasks and their postings are written in one way only (:mod:`ledger.store`).
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from ledger.account import Leg, PlayerState, SpinGrant
from ledger.bet_record import BetRow
from ledger.bonus import BonusTask, ClosedTask
from ledger.jackpot import Hit, HitPoint, Pool

PlayerKey = tuple[int, UUID]


class LoadedPlayer(msgspec.Struct):
    """A locked player: the state as rules change it, and what is needed to store the change.

    ``tasks_before`` and ``grants_before`` are as loaded; ``closed`` collects ended tasks.
    """

    state: PlayerState
    server_seed: bytes
    seed_hash: bytes
    tombstones: frozenset[str] = frozenset()
    tasks_before: dict[UUID, BonusTask] = {}
    grants_before: dict[UUID, SpinGrant] = {}
    closed: list[ClosedTask] = []
    ended_grants: list[tuple[SpinGrant, str]] = []


class WonJackpot(msgspec.Struct, frozen=True):
    """A hit: the winning bet, the pool as it was in the ended cycle, the next cycle's secret."""

    bet: BetRow
    hit: Hit
    ended: Pool
    next_point: HitPoint


class Writes(msgspec.Struct):
    """Everything one transaction writes, in the order in which it was decided."""

    bets: list[BetRow] = []
    postings: list[tuple[Any, ...]] = []
    events: list[tuple[str, str, str]] = []
    changed: set[PlayerKey] = set()
    pools: set[int] = set()
    jackpots: list[WonJackpot] = []


def posting_rows(
    operator_id: int,
    user_id: UUID | None,
    currency: str,
    legs: Iterable[Leg],
    reference_kind: str,
    reference_id: UUID,
    now: datetime,
    journal_id: UUID | None = None,
) -> list[tuple[Any, ...]]:
    """A journal as rows of ``posting`` in the table's column order; by default its id is the
    reference's."""
    return [
        (
            operator_id,
            journal_id or reference_id,
            number,
            leg.account,
            None if leg.balance_after is None else user_id,
            currency,
            leg.amount,
            leg.balance_after,
            reference_kind,
            reference_id,
            now,
        )
        for number, leg in enumerate(legs, start=1)
    ]
