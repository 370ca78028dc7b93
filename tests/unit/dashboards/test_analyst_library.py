"""The library's files explain themselves, and cannot be asked without an operator."""

from datetime import UTC, datetime

import pytest

from dashboards.analyst_library import UnknownQuery, library, library_query
from warehouse.analyst import declared_parameters

NOW = datetime(2026, 11, 24, 15, 7, 30, tzinfo=UTC)
QUERIES = {query.name: query for query in library()}


def test_the_library_is_there() -> None:
    assert len(QUERIES) >= 16
    with pytest.raises(UnknownQuery):
        library_query("nope")


@pytest.mark.parametrize("name", QUERIES)
def test_a_header_says_question_reading_caveats_and_every_parameter(name: str) -> None:
    query = QUERIES[name]
    assert query.question.endswith("?")
    for part in ("-- Reading: ", "-- Parameters:", "-- Caveats: "):
        assert part in query.text
    declared = {parameter.name for parameter in query.parameters}
    assert declared == set(declared_parameters(query.text))
    assert {"operator_id", "from_time", "to_time", "include_bots"} <= declared
    without_default = [item.name for item in query.parameters if item.default is None]
    assert without_default == ["operator_id"]


@pytest.mark.parametrize("name", QUERIES)
def test_only_views_of_one_operator_are_read(name: str) -> None:
    """Every table after FROM or JOIN is a tenant's view, the catalogue, or the query's own."""
    words = QUERIES[name].text.replace("(", " ( ").split()
    sources = {
        words[i + 1]
        for i, word in enumerate(words)
        if word in ("FROM", "JOIN") and words[i - 1] != "ARRAY"
    }
    own = {words[i - 1] for i, word in enumerate(words) if word == "AS" and words[i + 1] == "("}
    others = {source.rstrip(")") for source in sources} - own - {"(", "current_games"}
    assert all(source.startswith("tenant_") for source in others), others


def test_defaults_are_taken_as_of_now_and_what_is_given_wins() -> None:
    values = QUERIES["cohort-retention"].values({"operator_id": "3", "include_bots": "0"}, NOW)
    assert values == {
        "operator_id": "3",
        "include_bots": "0",
        "from_time": "2026-09-01 00:00:00",
        "to_time": "2026-11-24 15:07:30.000000",
    }
