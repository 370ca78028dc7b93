"""The fold of the bet rules: properties that hold for any bets, without a database."""

from datetime import UTC, datetime
from uuid import UUID

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from ledger.account import PlayerState
from ledger.bet_record import SpinRequest, SpinResult
from ledger.bonus import STRICT, Requirements
from ledger.catalogue import Catalogue
from ledger.errors import Refusal
from ledger.fold import BatchState, fold_bets
from ledger.jackpot import new_hit_point
from ledger.outcomes import Paytable
from ledger.terms import GameTerms, OperatorTerms
from ledger.writes import LoadedPlayer

NOW = datetime(2026, 11, 22, tzinfo=UTC)
PLAYERS = [UUID(int=1), UUID(int=2)]


def game(game_id: int, *, contribution_bps: int, offered: bool = True) -> GameTerms:
    return GameTerms(
        game_id=game_id,
        category_id=1,
        provider="Test",
        paytable=Paytable.of([(0, 358), (100, 500), (200, 120), (1000, 22)]),
        rtp_bps=9_600,
        wager_step=5,
        min_wager=10,
        max_wager=500,
        contribution_bps=contribution_bps,
        offered=offered,
    )


OPERATOR = OperatorTerms(
    operator_id=1,
    currency="EUR",
    active=True,
    policy=STRICT,
    policies={1: STRICT},
    games={
        1: game(1, contribution_bps=10_000),
        2: game(2, contribution_bps=1_000),
        3: game(3, contribution_bps=10_000, offered=False),
    },
)


def fresh_state(balance: int) -> BatchState:
    players = {}
    for user_id in PLAYERS:
        player = PlayerState(
            operator_id=1,
            user_id=user_id,
            status="ACTIVE",
            excluded_until=None,
            currency="EUR",
            real_balance=balance,
            held_balance=0,
            debt=0,
            deposit_wagering_required=balance,
            deposit_wagering_progress_e4=0,
            bonus=Requirements((), 0, 0),
            bonus_policy_version=None,
            grants=(),
            vip_experience=0,
            vip_level=1,
            is_bot=False,
            affiliate_id=None,
            seed_id=user_id,
            nonce=0,
        )
        players[(1, user_id)] = LoadedPlayer(player, user_id.bytes * 2, b"hash")
    return BatchState(players, {}, Catalogue(1, {1: OPERATOR}), {}, NOW, new_hit_point)


requests = st.lists(
    st.builds(
        SpinRequest,
        operator_id=st.just(1),
        user_id=st.sampled_from(PLAYERS),
        game_id=st.integers(1, 4),
        wager=st.sampled_from([0, 5, 10, 12, 50, 200, 505]),
        client_seed=st.sampled_from(["a", "b"]),
        idempotency_key=st.sampled_from("klmnopqrst"),
        fingerprint=st.sampled_from([b"1", b"2"]),
    ),
    max_size=30,
)


def comparable(outcome: SpinResult | Refusal | None) -> object:
    if isinstance(outcome, SpinResult):
        return msgspec.structs.replace(outcome, bet_id=UUID(int=0))
    assert outcome is not None
    return outcome.code


@given(requests, st.integers(0, 1_000))
def test_a_batch_gives_what_the_same_bets_give_one_by_one(bets, balance) -> None:
    together, alone = fresh_state(balance), fresh_state(balance)
    folded = fold_bets(bets, together)
    single = [fold_bets([bet], alone).outcomes[0] for bet in bets]
    assert [comparable(o) for o in folded.outcomes] == [comparable(o) for o in single]
    assert {k: p.state for k, p in together.players.items()} == {
        k: p.state for k, p in alone.players.items()
    }


@given(requests, st.integers(0, 1_000))
def test_money_is_conserved_and_journals_balance(bets, balance) -> None:
    state = fresh_state(balance)
    writes = fold_bets(bets, state).writes
    journals: dict[UUID, int] = {}
    for _, journal_id, _, _, _, _, amount, *_ in writes.postings:
        journals[journal_id] = journals.get(journal_id, 0) + amount
    assert set(journals.values()) <= {0}
    for user_id in PLAYERS:
        own = [row for row in writes.bets if row.user_id == user_id]
        after = state.players[(1, user_id)].state
        assert after.real_balance == balance + sum(row.win - row.wager for row in own) >= 0
        assert after.nonce == len(own)
        assert [row.nonce for row in own] == list(range(len(own)))
        assert after.deposit_wagering_progress_e4 == min(
            balance * 10_000,
            sum(row.wager * OPERATOR.games[row.game_id].contribution_bps for row in own),
        )


@given(requests)
def test_one_key_is_one_bet_and_a_refused_one_leaves_no_trace(bets) -> None:
    state = fresh_state(500)
    folded = fold_bets(bets, state)
    keys = [(row.user_id, row.idempotency_key) for row in folded.writes.bets]
    assert len(keys) == len(set(keys))
    answered = [o for o in folded.outcomes if isinstance(o, SpinResult)]
    assert {o.bet_id for o in answered} == {row.bet_id for row in folded.writes.bets}
    assert len(answered) == len(folded.writes.bets) + len(
        [i for i in folded.replayed if isinstance(folded.outcomes[i], SpinResult)]
    )
