"""Which time limit holds for a statement."""

import pytest

from warehouse.gateway.time_limit import time_limit

ASKED = {"max_execution_time": "20"}


@pytest.mark.parametrize(
    ("sql", "settings", "seconds"),
    [
        ("SELECT 1", {}, 0),
        ("SELECT 1", ASKED, 20),
        ("SELECT 1", {**ASKED, "timeout_overflow_mode": "break"}, 0),
        ("SELECT 1 SETTINGS max_execution_time = 1", {}, 1),
        ("SELECT 1 SETTINGS max_threads = 1, max_execution_time = 1.5 FORMAT CSV", {}, 1.5),
        ("SELECT 1 FORMAT CSV SETTINGS max_execution_time='0.5'", {}, 0.5),
        ("select 1 settings `max_execution_time` = 0x10, max_threads=1", {}, 16),
        ("SELECT 1 SETTINGS max_execution_time = 1e1", {}, 10),
        ("SELECT 1 SETTINGS max_execution_time = true", {}, 1),
        ("SELECT 1 SETTINGS max_execution_time = {p:Nullable(UInt8)}, max_threads = 1", {}, 7),
        ("SELECT 1 SETTINGS max_threads = {p:UInt8}, max_execution_time = {p:UInt8}", {}, 7),
        # Its own replaces the request's, also to lift it.
        ("SELECT 1 SETTINGS max_execution_time = 5", ASKED, 5),
        ("SELECT 1 SETTINGS max_execution_time = 50", ASKED, 50),
        ("SELECT 1 SETTINGS max_execution_time = 0", ASKED, 0),
        ("SELECT 1 SETTINGS max_execution_time = DEFAULT", ASKED, 0),
        ("SELECT 1 SETTINGS max_execution_time = -1", ASKED, 0),
        # Cutting is what was asked for.
        ("SELECT 1 SETTINGS timeout_overflow_mode = 'break'", ASKED, 0),
        (
            "SELECT 1 SETTINGS timeout_overflow_mode = 'throw'",
            {**ASKED, "timeout_overflow_mode": "break"},
            20,
        ),
        # Anywhere: the shortest.
        ("(SELECT 1 SETTINGS max_execution_time = 1) FORMAT CSV", {}, 1),
        ("SELECT * FROM (SELECT 1 SETTINGS max_execution_time = 1)", ASKED, 1),
        ("SELECT * FROM (SELECT 1 SETTINGS max_execution_time = 50)", ASKED, 20),
        ("SELECT 1 SETTINGS max_execution_time = 9 UNION ALL SELECT 2"
         " SETTINGS max_execution_time = 2", {}, 2),
        # What only looks like one.
        ("SELECT ' SETTINGS max_execution_time = 1'", {}, 0),
        ("SELECT 1 -- SETTINGS max_execution_time = 1", {}, 0),
        ("SELECT settings, max_execution_time = 1 FROM t", {}, 0),
        ("SELECT 1 AS settings SETTINGS max_execution_time = 3", {}, 3),
        ("SELECT settings FROM settings", ASKED, 20),
        ("SELECT settings FROM t SETTINGS max_execution_time = 3", ASKED, 3),
    ],
)  # fmt: skip
def test_the_limit_that_holds(sql: str, settings: dict[str, str], seconds: float) -> None:
    assert time_limit(sql.encode(), settings, {"p": "7"}) == seconds
