"""Idle conditions are taken out, all others stay as they are."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from warehouse.client import tenant_query
from warehouse.spare_conditions import without_spare_conditions
from warehouse.sql_files import sql_names

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
EMPTY: dict[str, Any] = dict.fromkeys(
    ("from_time", "fine_from", "coarse_from", "coarse_to", "fine_to", "to_time"), NOON
)
QUERY = """\
SELECT sum(wager) FROM bets
WHERE
    operator_id = {operator_id:UInt16}
    AND (
        (
            created_at >= {from_time:DateTime64(6, 'UTC')}
            AND created_at < {fine_from:DateTime64(6, 'UTC')}
        ) OR (
            created_at >= toDateTime({fine_to:DateTime64(6, 'UTC')}, 'UTC')
            AND created_at < toDateTime({to_time:DateTime64(6, 'UTC')}, 'UTC')
        )
    )
    AND ({include_bots:UInt8} = 1 OR is_bot = 0)
    AND ({bet_type:String} = '' OR bet_type = {bet_type:String})
GROUP BY operator_id"""


def squeezed(text: str) -> str:
    return " ".join(text.split())


def test_nothing_idle_nothing_changed() -> None:
    later = {"fine_from": NOON + timedelta(hours=1), "to_time": NOON + timedelta(hours=1)}
    limits = {"include_bots": False, "bet_type": "REAL"}
    assert squeezed(without_spare_conditions(QUERY, EMPTY | later | limits)) == squeezed(
        QUERY
    ).replace("AND ( (", "AND ((").replace(") ) AND", ")) AND")


def test_neutral_limits_and_an_empty_range_are_taken_out() -> None:
    later = {"to_time": NOON + timedelta(hours=1)}
    limits = {"include_bots": True, "bet_type": ""}
    assert squeezed(without_spare_conditions(QUERY, EMPTY | later | limits)) == squeezed(
        """SELECT sum(wager) FROM bets WHERE operator_id = {operator_id:UInt16}
        AND created_at >= toDateTime({fine_to:DateTime64(6, 'UTC')}, 'UTC')
        AND created_at < toDateTime({to_time:DateTime64(6, 'UTC')}, 'UTC')
        GROUP BY operator_id"""
    )


def test_of_ranges_that_are_all_empty_one_stays() -> None:
    text = without_spare_conditions(QUERY, EMPTY | {"include_bots": True, "bet_type": ""})
    assert text.count("created_at >=") == 1
    assert "{from_time:" in text


@pytest.mark.parametrize("endpoint", [n for n in sql_names("endpoints") if "overview_from" in n])
def test_of_three_ranges_only_the_idle_go(endpoint: str) -> None:
    bounds = ("earlier_from", "earlier_whole_from", "earlier_whole_to", "whole_from", "whole_to")
    parameters: dict[str, Any] = dict.fromkeys((*bounds, "to_time"), NOON)
    parameters["whole_from"] = NOON + timedelta(hours=1)  # after earlier_whole_to
    parameters["to_time"] = NOON + timedelta(hours=2)
    parameters["whole_to"] = NOON + timedelta(hours=1)
    text = without_spare_conditions(tenant_query(endpoint), parameters)
    assert text.count(" < ") == len(
        {"overview_from_bets": [1, 2], "overview_from_quarters": [1]}[endpoint]
    )


def test_a_limit_on_several_lines_goes_whole() -> None:
    start = {"from_time": NOON, "to_time": NOON}
    limits = {"include_bots": True, "bet_type": "", "every_game": True, "sign": -1}
    text = tenant_query("bet_page")
    first = without_spare_conditions(text, {**start, **limits, "goes_on": False})
    assert "cursor" not in first
    assert squeezed(first).endswith(
        "AND created_at < {to_time:DateTime64(6, 'UTC')} "
        "AND ({sign:Int8} = 0 OR sign = {sign:Int8}) "
        "ORDER BY created_at DESC, bet_id DESC, sign DESC LIMIT {limit:UInt32}"
    )
    next_one = without_spare_conditions(text, {**start, **limits, "goes_on": True})
    assert (
        "< ({cursor_time:DateTime64(6, 'UTC')}, {cursor_id:UUID}, {cursor_part:Int8})" in next_one
    )
