"""When a batch may begin after the one before it."""

import pytest

from ledger.batch import GATHER_S, time_to_next_s


def test_who_plays_alone_never_waits() -> None:
    assert time_to_next_s(1, 0.001) == time_to_next_s(1, 1.0) == 0.0


@pytest.mark.parametrize("took_ms", [1, 2, 4])
def test_a_quick_batch_is_followed_after_as_long_again(took_ms: int) -> None:
    assert time_to_next_s(2, took_ms / 1000) == pytest.approx(2 * took_ms / 1000)


@pytest.mark.parametrize("took_ms", [6, 8, 11])
def test_batches_of_a_busy_machine_begin_at_an_even_pace(took_ms: int) -> None:
    assert time_to_next_s(2, took_ms / 1000) == GATHER_S


@pytest.mark.parametrize("took_ms", [12, 20, 500])
def test_a_batch_that_took_long_is_followed_at_once(took_ms: int) -> None:
    assert time_to_next_s(128, took_ms / 1000) <= took_ms / 1000
