"""A micro-batch, decided: folds the bet rules over queued bets in arrival order. Pure.

A bet sees the state that its predecessor in the batch left. A refused bet changes nothing and
disturbs no other; a key that the batch or the log already knows is answered again.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from uuid_utils.compat import uuid7

from ledger.bet_record import (
    BetRow,
    SpinRequest,
    SpinResult,
    bet_event,
    bet_row,
    spin_result,
)
from ledger.catalogue import Catalogue
from ledger.errors import Refusal
from ledger.events import encode
from ledger.outcomes import draw
from ledger.settle_bet import Leg, PlayerState, settle_bet, validate_bet

PlayerKey = tuple[int, UUID]
BetKey = tuple[int, UUID, str]
Outcome = SpinResult | Refusal


class LoadedPlayer(msgspec.Struct):
    """A player's current state in the fold, with the opened seed and its public hash."""

    state: PlayerState
    server_seed: bytes
    seed_hash: bytes


class KnownBet(msgspec.Struct, frozen=True):
    """A bet that already stands under its key, with the answer it got."""

    fingerprint: bytes
    result: SpinResult


class BatchState(msgspec.Struct):
    """What the batch's transaction has loaded: locked players, known keys, catalogue, clock."""

    players: dict[PlayerKey, LoadedPlayer]
    known: dict[BetKey, KnownBet]
    catalogue: Catalogue
    now: datetime


class Writes(msgspec.Struct):
    """What the batch's one storing statement writes: rows in the order of the fold."""

    bets: list[BetRow] = []
    postings: list[tuple] = []
    events: list[tuple[str, str]] = []
    changed: set[PlayerKey] = set()


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
    player_key = (request.operator_id, request.user_id)
    loaded = state.players[player_key]
    player, operator = loaded.state, state.catalogue.operators[request.operator_id]
    try:
        game = validate_bet(player, operator, request.game_id, request.wager, state.now)
        drawn = draw(loaded.server_seed, request.client_seed, player.nonce, game.paytable)
        decision = settle_bet(player, game, request.wager, drawn)
    except Refusal as refusal:
        return refusal
    row = bet_row(request, player, operator, decision, drawn, uuid7(), state.now)
    result = spin_result(row, loaded.seed_hash)
    loaded.state = decision.after
    state.known[(*player_key, request.idempotency_key)] = KnownBet(request.fingerprint, result)
    writes.bets.append(row)
    writes.postings.extend(posting_rows(row, decision.legs))
    writes.events.append((str(row.bet_id), encode(bet_event(row, game, player.is_bot))))
    writes.changed.add(player_key)
    return result


def posting_rows(row: BetRow, legs: Sequence[Leg]) -> list[tuple]:
    """The bet's journal as rows of ``posting``, in the table's column order."""
    return [
        (
            row.operator_id,
            row.bet_id,
            number,
            leg.account,
            None if leg.balance_after is None else row.user_id,
            row.currency,
            leg.amount,
            leg.balance_after,
            "bet",
            row.bet_id,
            row.created_at,
        )
        for number, leg in enumerate(legs, start=1)
    ]
