"""A bot's decisions stay within what the platform allows."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadgen import behaviour, catalogue

PERSONAS = list(behaviour.PERSONAS.values())
GAMES = [game.as_json(1) for game in catalogue.games()]
personas = st.sampled_from(PERSONAS)
rngs = st.integers(0, 2**32).map(Random)


@given(personas, st.sampled_from(GAMES), st.integers(0, 10_000_000), rngs)
def test_wager_is_one_the_game_takes_and_the_balance_covers(persona, game, balance, rng):
    wager = behaviour.choose_wager(persona, game, behaviour.Funds(real=balance), rng)
    if wager is None:
        assert balance < game["min_wager"]
    else:
        assert game["min_wager"] <= wager <= min(game["max_wager"], balance)
        assert wager % game["wager_step"] == 0


@given(personas, rngs)
def test_thinking_takes_human_time(persona, rng):
    assert persona.think_seconds[0] <= behaviour.think_seconds(persona, rng) <= 30


def test_stakes_grow_from_casual_to_high_roller():
    rng = Random(1)  # noqa: S311
    game = {"wager_step": 10, "min_wager": 10, "max_wager": 100_000}
    plenty = behaviour.Funds(real=10**9)
    means = [
        sum(behaviour.choose_wager(persona, game, plenty, rng) or 0 for _ in range(2_000)) / 2_000
        for persona in PERSONAS
    ]
    assert means[0] * 2 < means[1]
    assert means[1] * 2 < means[2]


def test_every_game_is_played_and_popular_ones_more():
    rng = Random(1)  # noqa: S311
    counts = [0] * len(GAMES)
    for _ in range(10_000):
        counts[GAMES.index(dict(behaviour.choose_game(GAMES, rng)))] += 1
    assert min(counts) > 50
    assert counts[0] > 3 * counts[-1]


@pytest.mark.parametrize(
    ("status", "code", "verdict"),
    [
        (200, None, "ok"),
        (201, None, "ok"),
        (422, "insufficient_funds", "refused"),
        (422, "limit_exceeded", "refused"),
        (422, "idempotency_key_reused", "failed"),
        (400, "validation_failed", "failed"),
        (0, None, "retry"),
        (429, "rate_limited", "retry"),
        (503, "overloaded", "retry"),
    ],
)
def test_judge(status, code, verdict):
    assert behaviour.judge(status, code) == verdict


@given(st.integers(1, 6), st.sampled_from(["", "3", "Sun, 22 Nov 2026 10:00:00 GMT"]), rngs)
def test_retry_waits_as_long_as_the_server_asks(attempt, retry_after, rng):
    pause = behaviour.retry_seconds(attempt, retry_after, rng)
    assert pause >= 3 if retry_after == "3" else 0 < pause <= 15


@given(personas, st.sampled_from(GAMES), st.integers(0, 9), st.integers(1, 50_000), rngs)
def test_bonus_is_staked_once_real_money_is_gone_and_within_its_limit(
    persona, game, real, bonus, rng
):
    funds = behaviour.Funds(real=real, bonus=bonus, max_bet=500)
    wager = behaviour.choose_wager(persona, game, funds, rng)
    assert wager is None or game["min_wager"] <= wager <= min(500, bonus)
    assert (wager is None) == (min(500, bonus) < game["min_wager"])


@given(personas, st.integers(0, 10_000_000), rngs)
def test_withdrawals_are_worth_it_and_covered(persona, withdrawable, rng):
    amount = behaviour.choose_withdrawal(persona, withdrawable, rng)
    assert amount is None or min(persona.deposit) // 2 <= amount <= withdrawable


def test_a_bonus_is_waived_only_if_it_is_in_the_way():
    persona, rng = PERSONAS[0], Random(1)  # noqa: S311
    rich = {
        "real_balance": 1_000_000,
        "withdrawable_reason": "bonus_wagering_open",
        "bonuses": [{"bonus_id": "x"}],
    }
    assert any(behaviour.waives(persona, rich, rng) for _ in range(100))
    for change in ({"real_balance": 10}, {"withdrawable_reason": None}, {"bonuses": []}):
        assert not any(behaviour.waives(persona, rich | change, rng) for _ in range(100))


def test_a_desk_approves_most():
    rng = Random(1)  # noqa: S311
    approved = sum(behaviour.approves(rng) for _ in range(3_000))
    assert 2_700 < approved < 2_900
