"""Must-hit-by pools: the secret, its commitment and seal, and the exact count of a pool."""

import hashlib

import pytest
from cryptography.exceptions import InvalidTag
from hypothesis import given
from hypothesis import strategies as st

from ledger.jackpot import (
    E4,
    HitPoint,
    HitVault,
    Pool,
    contribute,
    draw_hit_point,
    next_cycle,
    posted_contribution,
)


def pool(**changes) -> Pool:
    fields = {
        "pool_id": 1,
        "name": "mini",
        "currency": "EUR",
        "seed": 100,
        "cap": 200,
        "largest_contribution_e4": 50_000,
        "amount_e4": 100 * E4,
        "cycle_no": 1,
        "hit_e4": 150 * E4,
        "nonce": bytes(32),
    }
    return Pool(**(fields | changes))


def test_the_hit_point_lies_above_the_seed_and_leaves_room_for_the_largest_contribution() -> None:
    # Room for exactly three hit points: 10,001, 10,002 and 10,003.
    seen = {draw_hit_point(1, 2, E4 - 3).hit_e4 for _ in range(200)}
    assert seen == {10_001, 10_002, 10_003}
    with pytest.raises(ValueError, match="largest possible contribution"):
        draw_hit_point(1, 2, E4)


def test_two_cycles_never_share_a_salt() -> None:
    assert len({draw_hit_point(1, 100, 1).nonce for _ in range(100)}) == 100


def test_the_commitment_is_the_documented_hash() -> None:
    point = HitPoint(12_345_678, bytes(range(32)))
    text = bytes(range(32)) + (12_345_678).to_bytes(16, "big")
    assert point.commitment == hashlib.sha256(text).digest()


def test_a_sealed_hit_point_opens_for_its_own_cycle_only() -> None:
    vault = HitVault("a secret key of at least thirty-two characters")
    point = draw_hit_point(100, 200, 50_000)
    sealed = vault.seal(3, 7, point)
    assert vault.open_point(3, 7, sealed) == point
    for pool_id, cycle_no in ((3, 8), (4, 7)):
        with pytest.raises(InvalidTag):
            vault.open_point(pool_id, cycle_no, sealed)
    with pytest.raises(InvalidTag):
        HitVault("another secret key, of the same length or so").open_point(3, 7, sealed)


def test_the_first_contribution_that_reaches_the_hit_point_wins() -> None:
    almost, none = contribute(pool(), 50 * E4 - 1)
    assert none is None
    assert almost.amount_e4 == 150 * E4 - 1
    grown, hit = contribute(almost, 1)
    assert hit is not None
    assert (hit.amount, hit.carried_e4) == (150, 0)
    assert grown.amount_e4 == 150 * E4


def test_the_next_cycle_opens_with_the_fraction_on_top_of_its_seed() -> None:
    grown, hit = contribute(pool(), 50 * E4 + 4_999)
    assert hit is not None
    opened = next_cycle(grown, hit, HitPoint(170 * E4, bytes(32)))
    assert (opened.amount_e4, opened.cycle_no, opened.hit_e4) == (100 * E4 + 4_999, 2, 170 * E4)


@given(st.lists(st.integers(1, 50_000), max_size=300))
def test_what_is_posted_adds_up_to_the_whole_units_of_the_pool(contributions) -> None:
    state, posted = pool(hit_e4=1 << 60), 0
    for amount_e4 in contributions:
        grown, _ = contribute(state, amount_e4)
        posted += posted_contribution(state.amount_e4, grown.amount_e4)
        state = grown
    assert state.amount_e4 == 100 * E4 + sum(contributions)
    assert posted == state.amount_e4 // E4 - 100


@given(st.lists(st.integers(1, 50_000), max_size=300))
def test_a_pool_never_pays_more_than_its_cap(contributions) -> None:
    state = pool(hit_e4=200 * E4 - 50_000)  # the highest there is
    for amount_e4 in contributions:
        grown, hit = contribute(state, amount_e4)
        assert grown.amount_e4 <= 200 * E4
        state = next_cycle(grown, hit, HitPoint(state.hit_e4, bytes(32))) if hit else grown
