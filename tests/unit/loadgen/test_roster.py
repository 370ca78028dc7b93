"""The roster is a pure function of operators and count, and fits the platform's usernames."""

import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadgen.behaviour import PERSONAS
from loadgen.roster import Seats, roster

OPERATORS = [
    {"operator_id": 1, "slug": "aurora"},
    {"operator_id": 2, "slug": "a-brand-with-the-longest-name-ok"},
    {"operator_id": 3, "slug": "b"},
]


@given(st.integers(0, 400), st.integers(0, 400))
def test_larger_roster_contains_the_smaller(first, second):
    small, large = sorted((first, second))
    assert list(roster(OPERATORS, large))[:small] == list(roster(OPERATORS, small))


def test_usernames_are_unique_and_short_enough():
    bots = list(roster(OPERATORS, 30_000))
    assert len({(bot.operator_id, bot.username) for bot in bots}) == len(bots)
    assert all(re.fullmatch(r"[a-z0-9-]{3,32}", bot.username) for bot in bots)
    assert bots[0].username == "bot-aurora-0001"


def test_operators_and_personas_are_spread():
    bots = list(roster(OPERATORS, 300))
    assert set(Counter(bot.operator_id for bot in bots).values()) == {100}
    personas = Counter(bot.persona for bot in bots)
    assert set(personas) == set(PERSONAS)
    assert personas == {"casual": 210, "regular": 75, "high_roller": 15}


def test_no_operator_says_what_to_do():
    with pytest.raises(ValueError, match="seed static"):
        list(roster([], 1))


def test_seats_hand_out_each_bot_once():
    seats = Seats(roster(OPERATORS, 60))
    taken = [seats.take("high_roller") for _ in range(60)]
    assert len({bot.username for bot in taken}) == 60
    assert [bot.persona for bot in taken[:3]] == ["high_roller"] * 3
    with pytest.raises(IndexError):
        seats.take("casual")
    seats.give_back(taken[0])
    assert seats.take("casual") == taken[0]


def test_every_third_bot_comes_by_an_affiliate_and_all_affiliates_bring_some():
    bots = list(roster(OPERATORS, 90))
    codes = [bot.as_json(["a", "b"])["affiliate_code"] for bot in bots]
    assert Counter(codes) == {None: 60, "a": 15, "b": 15}
    assert {bot.as_json([])["affiliate_code"] for bot in bots} == {None}
