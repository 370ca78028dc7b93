"""What the relay tells of a batch, and under which name."""

import runpy

import pytest

from warehouse import tail_rows, tail_stream

STREAM = str(tail_stream.__file__)


@pytest.mark.parametrize("sums", ["BET_SUMS", "MONEY_SUMS"])
def test_sums_in_another_order_are_another_stream(
    sums: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or else an old process adds up wins as wagers while a new relay tells them."""
    before = runpy.run_path(STREAM)["TAIL_KEY"]
    monkeypatch.setattr(tail_rows, sums, getattr(tail_rows, sums)[::-1])
    assert runpy.run_path(STREAM)["TAIL_KEY"] != before
