"""How many bots play at a moment: an even load, or the rhythm of a casino's day."""

from math import cos, tau

from locust import LoadTestShape

QUIETEST_HOUR = 5.0
QUIET_SHARE = 0.3


def activity(hour: float) -> float:
    """Share of the players who are awake and playing at this hour of the day, 0.3 to 1.

    Lowest at five in the morning, highest twelve hours later and flattened towards the evening.
    """
    wave = (1 - cos(tau * (hour - QUIETEST_HOUR) / 24)) / 2
    evening = 0.25 * max(0.0, cos(tau * (hour - 21.5) / 24)) ** 3
    return min(1.0, QUIET_SHARE + (1 - QUIET_SHARE) * (0.75 * wave + evening + 0.1 * wave**4))


class DayRhythm(LoadTestShape):
    """A day in ``day_seconds``, beginning at eight in the evening: full house first.

    ``others`` are users that are there at any hour.
    """

    def __init__(
        self, bots: int, spawn_rate: float, day_seconds: float, *, others: int = 0
    ) -> None:
        super().__init__()
        self._others = others
        self._bots = bots
        self._spawn_rate = spawn_rate
        self._day_seconds = day_seconds

    def tick(self) -> tuple[int, float]:
        """Locust asks once a second: (users, users started or stopped a second)."""
        hour = (20 + 24 * self.get_run_time() / self._day_seconds) % 24
        return max(1, round(self._bots * activity(hour))) + self._others, self._spawn_rate
