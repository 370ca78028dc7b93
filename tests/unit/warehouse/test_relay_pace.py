"""How long the relay rests after a batch."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse.relay import Pace

PACE = Pace()


@given(st.floats(0, 10), st.integers(0, 1_999), st.integers(0, 1_999))
def test_busier_tables_get_larger_batches_within_the_longest_wait(took, fewer, more) -> None:
    fewer, more = sorted((fewer, more))
    assert PACE.busy <= PACE.after_batch(took, fewer) <= PACE.after_batch(took, more) <= PACE.gather


@given(st.floats(0, 10), st.integers(2_000, 10**7))
def test_an_outage_is_caught_up_with_without_rest(took, rows) -> None:
    assert PACE.after_batch(took, rows) == PACE.busy


def test_the_batch_after_a_few_bets_begins_a_cycle_later() -> None:
    took = PACE.cycle * 2 / 3
    assert PACE.after_batch(took, 1) == pytest.approx(PACE.cycle - took)


def test_a_few_bets_of_a_slow_batch_wait_for_a_quarter_of_what_it_took() -> None:
    assert PACE.after_batch(0.2, 1) == 0.05
