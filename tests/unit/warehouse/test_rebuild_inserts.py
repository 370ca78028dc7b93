"""A rebuild's insert is tried again when nobody answers, and only then."""

from typing import Any, cast

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError, OperationalError

from warehouse import rebuild
from warehouse.recipes import RECIPES, WHOLE


def a_rebuild() -> Any:
    """One without stores: its inserts are given to it."""
    nothing = cast(Any, None)
    recipe = RECIPES["bet_rollups"]
    return rebuild._Rebuild(nothing, nothing, nothing, nothing, recipe, WHOLE, nothing)


class Insert:
    """Fails with the given errors, one a try, before it succeeds; remembers its tokens."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.tokens: list[str] = []

    async def __call__(self, settings: dict[str, Any]) -> None:
        self.tokens.append(settings["insert_deduplication_token"])
        if self.errors:
            raise self.errors.pop(0)


async def test_a_lost_answer_is_tried_again_under_the_same_token() -> None:
    insert = Insert(OperationalError("Network Error"), OperationalError("Network Error"))
    await a_rebuild()._insert(4, insert)
    assert len(insert.tokens) == 3
    assert len(set(insert.tokens)) == 1


async def test_what_the_engine_refuses_is_not_tried_again() -> None:
    insert = Insert(DatabaseError("Code: 60"))
    with pytest.raises(DatabaseError, match="60"):
        await a_rebuild()._insert(0, insert)
    assert len(insert.tokens) == 1


async def test_it_gives_up_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rebuild, "RETRY_SECONDS", -1)
    with pytest.raises(OperationalError):
        await a_rebuild()._insert(0, Insert(OperationalError("Network Error")))
