"""States and terms for tests of the pure rules: players, operators and games, by what differs."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import count
from uuid import UUID

import msgspec

from ledger.account import PlayerState, SpinGrant
from ledger.bonus import STRICT, BonusPolicy, BonusTask, Requirements
from ledger.jackpot import HitPoint, Pool
from ledger.outcomes import Paytable
from ledger.terms import GameTerms, OperatorTerms, Surroundings
from ledger.vip import DEFAULT_LEVELS

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
A, B, C = UUID(int=0xA), UUID(int=0xB), UUID(int=0xC)
NO_BONUS = Requirements((), 0, 0)


def player(real: int = 0, tasks: tuple[BonusTask, ...] = (), **changes) -> PlayerState:
    """A player with ``real`` minor units, these open tasks and otherwise nothing."""
    state = PlayerState(
        operator_id=1,
        user_id=UUID(int=1),
        status="ACTIVE",
        excluded_until=None,
        currency="EUR",
        real_balance=real,
        held_balance=0,
        debt=0,
        deposit_wagering_required=0,
        deposit_wagering_progress_e4=0,
        bonus=Requirements(tasks, 0, 0),
        bonus_policy_version=1 if tasks else None,
        grants=(),
        vip_experience=0,
        vip_level=1,
        is_bot=False,
        affiliate_id=None,
        seed_id=UUID(int=2),
        nonce=0,
    )
    return msgspec.structs.replace(state, **changes)


def task(task_id: UUID, balance: int, required: int = 1_000, **changes) -> BonusTask:
    """An open bonus of ``balance`` that must be wagered ``required``."""
    bonus = BonusTask(
        task_id=task_id,
        kind="GRANT",
        granted=balance,
        balance=balance,
        required=required,
        progress_e4=0,
        game_id=None,
        policy_version=1,
        source_id=task_id,
        created_at=NOW,
        expires_at=NOW + timedelta(days=30),
        event_no=1,
    )
    return msgspec.structs.replace(bonus, **changes)


def game(*rows: tuple[int, int], game_id: int = 1, **changes) -> GameTerms:
    """A game with this paytable; by default one that always pays nothing."""
    terms = GameTerms(
        game_id=game_id,
        category_id=1,
        provider="Test",
        paytable=Paytable.of(rows or [(0, 1)]),
        rtp_bps=9_600,
        wager_step=1,
        min_wager=1,
        max_wager=100_000,
        contribution_bps=10_000,
        offered=True,
    )
    return msgspec.structs.replace(terms, **changes)


def operator(policy: BonusPolicy = STRICT, *games: GameTerms, **changes) -> OperatorTerms:
    """An operator under ``policy`` that offers ``games``."""
    terms = OperatorTerms(
        operator_id=1,
        currency="EUR",
        active=True,
        policy=policy,
        policies={policy.version: policy},
        games={offered.game_id: offered for offered in games},
    )
    return msgspec.structs.replace(terms, **changes)


def grant(count: int, used: int = 0, **changes) -> SpinGrant:
    """Free spins on game 1 at a stake of 100."""
    spins = SpinGrant(
        grant_id=UUID(int=0xF),
        game_id=1,
        stake=100,
        count=count,
        used=used,
        source="operator",
        source_key="k",
        expires_at=NOW + timedelta(days=7),
        created_at=NOW,
    )
    return msgspec.structs.replace(spins, **changes)


def around(pools: Mapping[int, Pool] | None = None, hit_e4: int = 1 << 60) -> Surroundings:
    """Surroundings at ``NOW``, whose ids count up and whose next hit point is ``hit_e4``."""
    ids: Iterator[int] = count(0x1000)
    return Surroundings(
        DEFAULT_LEVELS,
        pools or {},
        NOW,
        lambda: UUID(int=next(ids)),
        lambda pool: HitPoint(hit_e4, bytes(32)),
    )
