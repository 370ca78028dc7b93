"""A micro-batch, decided: folds the bet rules over queued bets in arrival order. No IO; only fresh
ids and the secrets of new jackpot cycles make two folds of the same bets differ.

A bet sees the state that its predecessor in the batch left. A refused bet changes nothing and
disturbs no other; a key that the batch or the log already knows is answered again.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from uuid_utils.compat import uuid7

from ledger.account import Leg
from ledger.bet_record import BetRow, SpinRequest, SpinResult, bet_event, bet_row, spin_result
from ledger.catalogue import Catalogue
from ledger.decision import Decision
from ledger.errors import Refusal
from ledger.events import outbox_row
from ledger.free_spins import settle_free_spin
from ledger.jackpot import HitPoint, Pool
from ledger.money_events import (
    bonus_closed,
    bonus_granted,
    jackpot_won,
    level_reached,
    spins_event,
)
from ledger.outcomes import draw
from ledger.settle_bet import level_of, settle_bet, validate_bet
from ledger.terms import Surroundings
from ledger.writes import LoadedPlayer, PlayerKey, WonJackpot, Writes, posting_rows

PLATFORM = 0
BetKey = tuple[int, UUID, str]
Outcome = SpinResult | Refusal


class KnownBet(msgspec.Struct, frozen=True):
    """A bet that already stands under its key, with the answer it got."""

    fingerprint: bytes
    result: SpinResult


class BatchState(msgspec.Struct):
    """What the batch's transaction has loaded: locked players and pools, known keys, clock."""

    players: dict[PlayerKey, LoadedPlayer]
    known: dict[BetKey, KnownBet]
    catalogue: Catalogue
    pools: dict[int, Pool]
    now: datetime
    new_hit_point: Callable[[Pool], HitPoint]


class Folded(msgspec.Struct):
    """Outcomes by request, None where the player was not locked; replays by request index."""

    outcomes: list[Outcome | None]
    replayed: set[int]
    writes: Writes


def fold_bets(requests: Sequence[SpinRequest], state: BatchState) -> Folded:
    """Decide each request in order on ``state``, which holds the new balances afterwards."""
    folded = Folded([], set(), Writes())
    for index, request in enumerate(requests):
        key = (request.operator_id, request.user_id, request.idempotency_key)
        known = state.known.get(key)
        if known is not None:
            folded.outcomes.append(_replay(request, known))
            folded.replayed.add(index)
        elif (request.operator_id, request.user_id) not in state.players:
            folded.outcomes.append(None)
        else:
            folded.outcomes.append(_settle(request, state, folded.writes))
    return folded


def _replay(request: SpinRequest, known: KnownBet) -> Outcome:
    if request.fingerprint != known.fingerprint:
        return Refusal("idempotency_key_reused", "This Idempotency-Key belongs to a different bet.")
    return known.result


def _settle(request: SpinRequest, state: BatchState, writes: Writes) -> Outcome:
    loaded = state.players[(request.operator_id, request.user_id)]
    player, operator = loaded.state, state.catalogue.operators[request.operator_id]
    levels = state.catalogue.levels
    around = Surroundings(levels, state.pools, state.now, uuid7, state.new_hit_point)
    try:
        if request.idempotency_key in loaded.tombstones:
            raise Refusal("bet_rolled_back", "This bet was rolled back before it arrived.")
        game = validate_bet(
            player,
            operator,
            level_of(levels, player),
            request.game_id,
            None if request.free_spin else request.wager,
            state.now,
        )
        drawn = draw(loaded.server_seed, request.client_seed, player.nonce, game.paytable)
        if request.free_spin:
            decision = settle_free_spin(player, operator, game, drawn, around)
        else:
            decision = settle_bet(player, operator, game, request.wager, drawn, around)
    except Refusal as refusal:
        return refusal
    row = bet_row(request, player, decision, drawn, uuid7(), state.now, game.version)
    result = spin_result(row, loaded.seed_hash)
    known = KnownBet(request.fingerprint, result)
    state.known[(request.operator_id, request.user_id, request.idempotency_key)] = known
    writes.bets.append(row)
    writes.postings += posting_rows(
        row.operator_id, row.user_id, row.currency, decision.legs, "bet", row.bet_id, state.now
    )
    writes.events.append(outbox_row(bet_event(row, game, player.is_bot)))
    loaded.state = decision.after
    loaded.closed += decision.closed
    writes.changed.add((request.operator_id, request.user_id))
    if decision.pools:
        _record_pools(row, decision, state, writes)
    if decision.closed or decision.credits or decision.new_grants or row.vip_level_up:
        _record_benefits(row, decision, state, writes)
    return result


def _record_pools(row: BetRow, decision: Decision, state: BatchState, writes: Writes) -> None:
    """Later bets of the batch see the pools as this one left them; hits are paid and told."""
    before = {pool.pool_id: state.pools[pool.pool_id] for pool in decision.pools}
    for pool in decision.pools:
        state.pools[pool.pool_id] = pool
        writes.pools.add(pool.pool_id)
    points = dict(decision.hit_points)
    for hit in decision.hits:
        ended = before[hit.pool_id]
        writes.jackpots.append(WonJackpot(row, hit, ended, points[hit.pool_id]))
        writes.postings += _seed_journal(row, ended, state.now)
        event = jackpot_won(decision.after, hit, uuid7(), ended.name, state.now)
        writes.events.append(outbox_row(event))


def _seed_journal(row: BetRow, pool: Pool, now: datetime) -> list[tuple]:
    """The platform funds the next cycle's seed, in a journal of its own (operator 0)."""
    legs = [
        Leg("platform_jackpot", -pool.seed),
        Leg(f"jackpot_pool:{pool.pool_id}", pool.seed),
    ]
    return posting_rows(
        PLATFORM, None, pool.currency, legs, "jackpot_seed", row.bet_id, now, uuid7()
    )


def _record_benefits(row: BetRow, decision: Decision, state: BatchState, writes: Writes) -> None:
    events = [bonus_granted(decision.after, credit, state.now) for credit in decision.credits]
    events += [bonus_closed(decision.after, closed, state.now) for closed in decision.closed]
    events += [
        spins_event(decision.after, grant, "GRANTED", state.now) for grant in decision.new_grants
    ]
    if row.vip_level_up:
        events.append(level_reached(decision.after, uuid7(), state.now))
    writes.events += [outbox_row(event) for event in events]
