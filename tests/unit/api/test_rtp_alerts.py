"""Evidence of alerts as it is stored."""

from datetime import UTC, datetime, timedelta

import msgspec

from api.rtp_alerts import Evidence, evidence_of
from warehouse.rtp_monitor import Cell, Scatter, judge
from warehouse.time_ranges import TimeRange

NOON = datetime(2026, 3, 5, 12, tzinfo=UTC)


def test_evidence_is_read_as_it_was_written_also_from_before_it_held_the_largest_stake() -> None:
    cell = Cell(
        game_id=1,
        stake_band=0,
        bets=1_000,
        wager=100_000,
        wager_squared=10_000_000,
        largest_stake=100,
        win=200_000,
        theoretical_ggr_e4=40_000_000,
    )
    coin = Scatter(1_000_000, ((-1.0, 0.5), (1.0, 0.5)))
    hour = TimeRange(NOON - timedelta(hours=1), NOON)
    evidence = evidence_of(hour, NOON, cell, coin, judge(cell, coin, 1e-6))
    stored = msgspec.json.encode(evidence)
    assert msgspec.json.decode(stored, type=Evidence) == evidence
    older = msgspec.json.decode(stored)
    assert older.pop("largest_stake") == 100
    assert msgspec.convert(older, Evidence).largest_stake is None
