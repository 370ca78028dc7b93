"""The day's rhythm. Locust patches the standard library at import: it is asked in a child."""

import subprocess
import sys

SCRIPT = """
import locust
from loadgen.shapes import DayRhythm, activity
hours = [activity(hour / 4) for hour in range(96)]
assert all(0.29 <= share <= 1 for share in hours)
assert 3 <= hours.index(min(hours)) / 4 <= 7
assert 17 <= hours.index(max(hours)) / 4 <= 23
users, rate = DayRhythm(100, 5, 600).tick()
assert 60 <= users <= 100 and rate == 5
"""


def test_quiet_in_the_morning_and_full_in_the_evening():
    subprocess.run([sys.executable, "-c", SCRIPT], check=True, timeout=60)
