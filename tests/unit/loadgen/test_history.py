"""The plan of a made-up past: rhythm, volume, and that nobody is in two places at once."""

from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import pytest

from loadgen.history import Brand, History, plan_history
from loadgen.roster import Bot, roster

END = datetime(2026, 11, 24, 14, 37, tzinfo=UTC)
BRANDS = (
    Brand(operator_id=1, slug="east", time_zone="Asia/Kolkata"),
    Brand(operator_id=2, slug="west", time_zone="America/New_York"),
)
DAYS, BETS = 56, 400


def plan(seed: int = 7, days: int = DAYS, bets_per_day: int = BETS) -> History:
    bots: dict[int, list[Bot]] = defaultdict(list)
    entries = [{"operator_id": brand.operator_id, "slug": brand.slug} for brand in BRANDS]
    for bot in roster(entries, 120):
        bots[bot.operator_id].append(bot)
    return plan_history(
        BRANDS,
        bots,
        days=days,
        bets_per_day=bets_per_day,
        end=END,
        rng=Random(seed),  # noqa: S311
    )


@pytest.fixture(scope="module")
def history() -> History:
    return plan()


def test_the_same_seed_is_the_same_past(history: History) -> None:
    assert plan() == history
    assert plan(seed=8) != history


def test_nobody_plays_before_registering_nor_after_now(history: History) -> None:
    for session in history.sessions:
        assert session.player.registered_at < session.start
        assert session.spins[-1] < END
        assert list(session.spins) == sorted(session.spins)
    assert [s.start for s in history.sessions] == sorted(s.start for s in history.sessions)
    assert min(player.registered_at for player in history.players) >= history.start


def test_a_player_has_two_hours_between_sessions(history: History) -> None:
    last: dict[str, datetime] = {}
    for session in history.sessions:
        name = session.player.bot.username
        before = last.get(name)
        assert before is None or session.spins[0] - before >= timedelta(hours=2)
        last[name] = session.spins[-1]


def test_volume_is_about_what_was_asked(history: History) -> None:
    spins = Counter(
        session.player.bot.operator_id for session in history.sessions for _ in session.spins
    )
    for brand in BRANDS:
        assert 0.7 * DAYS * BETS < spins[brand.operator_id] < 1.1 * (DAYS + 1) * BETS


def test_days_and_weeks_have_their_rhythm_by_the_brands_own_clock(history: History) -> None:
    for brand in BRANDS:
        local = [
            spin.astimezone(ZoneInfo(brand.time_zone))
            for session in history.sessions
            if session.player.bot.operator_id == brand.operator_id
            for spin in session.spins
        ]
        evening = sum(19 <= moment.hour < 23 for moment in local)
        night = sum(2 <= moment.hour < 6 for moment in local)
        assert evening > 4 * night
        weekend = sum(moment.weekday() in (4, 5) for moment in local)
        start = sum(moment.weekday() in (0, 1) for moment in local)
        assert weekend > 1.1 * start


def test_players_leave_over_time(history: History) -> None:
    """Retention has a shape: fewer of a cohort play in its fourth week than in its first."""
    weeks: Counter[int] = Counter()
    for player in history.players:
        if player.registered_at < END - timedelta(days=28):
            played = {
                (session.spins[0] - player.registered_at).days // 7
                for session in history.sessions
                if session.player == player
            }
            weeks.update(played)
    assert weeks[0] > 1.3 * weeks[3] > 0
