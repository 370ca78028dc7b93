"""A past for a casino that has none: who registered when, and who played when. Pure; RULES §12.

The plan is drawn from a seeded generator. It knows nothing of money: what a session stakes and
whether it can pay for it is decided when it is played, by :mod:`loadgen.behaviour`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from loadgen.behaviour import PERSONAS, Persona, think_seconds
from loadgen.roster import Bot

# How the day and the week go, by the operator's own clock: quiet mornings, full evenings and
# weekends. Shares of the day's play by hour, and of an average day's by weekday from Monday.
HOURS = (3, 2, 1, 1, 1, 1, 2, 3, 4, 5, 5, 6, 7, 6, 6, 6, 7, 9, 11, 13, 14, 13, 10, 6)
WEEKDAYS = (0.85, 0.85, 0.9, 0.95, 1.15, 1.25, 1.05)

# The chance that a player who has not left plays on a day, and how long they stay, as a share of
# the whole history; one in four casual players never comes back after the first day.
PLAYS = {"casual": 0.4, "regular": 0.65, "high_roller": 0.5}
STAYS = {"casual": 0.5, "regular": 1.0, "high_roller": 1.5}
ONE_DAY_SHARE = 0.25

METHODS = ("card", "card", "card", "card", "card", "card", "wallet", "wallet", "bank_transfer")
BETWEEN_SESSIONS = timedelta(hours=2)
LONGEST_SESSION = timedelta(hours=6)

Busy = dict[str, list[tuple[datetime, datetime]]]
"""From when to when each player, by username, is in a session."""


@dataclass(frozen=True, kw_only=True)
class Brand:
    """An operator as the plan needs it."""

    operator_id: int
    slug: str
    time_zone: str


@dataclass(frozen=True, kw_only=True)
class PastPlayer:
    """A player of the past, who plays from ``registered_at`` until ``leaves_at``."""

    bot: Bot
    registered_at: datetime
    leaves_at: datetime
    method: str

    @property
    def persona(self) -> Persona:
        """How this player plays."""
        return PERSONAS[self.bot.persona]


@dataclass(frozen=True, kw_only=True)
class Session:
    """A player's visit: when each spin is made."""

    player: PastPlayer
    spins: tuple[datetime, ...]

    @property
    def start(self) -> datetime:
        """When the player comes in, a little before the first spin."""
        return self.spins[0] - timedelta(seconds=30)


@dataclass(frozen=True, kw_only=True)
class History:
    """The whole plan; sessions in the order of their first spin."""

    start: datetime
    end: datetime
    players: list[PastPlayer]
    sessions: list[Session]


def plan_history(
    brands: Sequence[Brand],
    bots: Mapping[int, Sequence[Bot]],
    *,
    days: int,
    bets_per_day: int,
    end: datetime,
    rng: Random,
) -> History:
    """A history of ``days`` whole days of each brand and of today up to ``end``.

    ``bots`` are the players-to-be by operator. A brand's average day has about ``bets_per_day``
    spins, less where its players run out of money.
    """
    players, sessions, starts = [], [], []
    for brand in brands:
        zone = ZoneInfo(brand.time_zone)
        today = end.astimezone(zone).date()
        first = today - timedelta(days=days)
        starts.append(_at(first, 0, zone))
        some = [_player(bot, first, days, zone, rng) for bot in bots[brand.operator_id]]
        some = [player for player in some if player.registered_at < end]
        players += some
        busy: Busy = {}
        for day in range(days + 1):
            sessions += _day(some, first + timedelta(days=day), zone, bets_per_day, end, busy, rng)
    sessions.sort(key=lambda session: session.start)
    return History(start=min(starts), end=end, players=players, sessions=sessions)


def _player(bot: Bot, first: date, days: int, zone: ZoneInfo, rng: Random) -> PastPlayer:
    """More of them came early than late, so that every week has a cohort and retention a shape."""
    registered = _at(first + timedelta(days=int(days * rng.random() ** 1.4)), _hour(rng), zone)
    registered += timedelta(seconds=rng.randrange(3600))
    stays = timedelta(days=days * STAYS[bot.persona] * rng.expovariate(1))
    if bot.persona == "casual" and rng.random() < ONE_DAY_SHARE:
        stays = timedelta(0)
    return PastPlayer(
        bot=bot,
        registered_at=registered,
        leaves_at=registered + stays + timedelta(hours=3),
        method=rng.choice(METHODS),
    )


def _day(
    players: Sequence[PastPlayer],
    day: date,
    zone: ZoneInfo,
    bets_per_day: int,
    end: datetime,
    busy: Busy,
    rng: Random,
) -> Iterator[Session]:
    """The sessions of one day: about as many spins as the weekday is worth."""
    opens, closes = _at(day, 0, zone), _at(day + timedelta(days=1), 0, zone)
    here = [
        player
        for player in players
        if player.registered_at < closes and player.leaves_at > opens
        and (player.registered_at >= opens or rng.random() < PLAYS[player.bot.persona])
    ]  # fmt: skip
    if not here:
        return
    wanted = bets_per_day * WEEKDAYS[day.weekday()] * rng.uniform(0.9, 1.1)
    visits = [(player, _length(player, rng)) for player in here]
    while sum(length for _, length in visits) < wanted and len(visits) < 3 * len(here):
        player = rng.choice(here)
        visits.append((player, _length(player, rng)))
    stretch = wanted / sum(length for _, length in visits)
    for player, length in visits:
        session = _session(player, max(2, round(length * stretch)), day, zone, rng)
        taken = busy.setdefault(player.bot.username, [])

        if session is None or session.spins[-1] >= end or _overlaps(session, taken):
            continue
        taken.append((session.spins[0], session.spins[-1]))
        yield session


def _length(player: PastPlayer, rng: Random) -> float:
    return 3 + rng.expovariate(1 / player.persona.spins_per_game)


def _session(
    player: PastPlayer, length: int, day: date, zone: ZoneInfo, rng: Random
) -> Session | None:
    moment = _at(day, _hour(rng), zone) + timedelta(seconds=rng.uniform(60, 3600))
    moment = max(moment, player.registered_at + timedelta(minutes=2))
    if moment > player.leaves_at:
        return None
    last, spins = moment + LONGEST_SESSION, []
    for _ in range(length):
        if moment > last:
            break
        spins.append(moment)
        moment += timedelta(seconds=think_seconds(player.persona, rng))
    return Session(player=player, spins=tuple(spins))


def _overlaps(session: Session, taken: Sequence[tuple[datetime, datetime]]) -> bool:
    """Whether the player is still, or again, in another session within two hours."""
    first, last = session.spins[0] - BETWEEN_SESSIONS, session.spins[-1] + BETWEEN_SESSIONS
    return any(first < ends and begins < last for begins, ends in taken)


def _hour(rng: Random) -> int:
    return rng.choices(range(24), weights=HOURS)[0]


def _at(day: date, hour: int, zone: ZoneInfo) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=zone).astimezone(UTC)


def brand_of(row: Mapping[str, Any]) -> Brand:
    """The brand of an operator's row."""
    return Brand(operator_id=row["operator_id"], slug=row["slug"], time_zone=row["time_zone"])
