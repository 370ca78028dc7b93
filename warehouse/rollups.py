"""The rollups: what each sums, by which key, and the SELECT that both its view and its check use.

A rollup is four things: ``sql/tables/<name>.sql``, ``sql/views/<name>_mv.sql`` that feeds it, its
entry here, and a migration.
"""

import re
from collections.abc import Mapping
from string import Template
from typing import Any

import msgspec

from warehouse.sql_files import read_sql


class Rollup(msgspec.Struct, frozen=True, kw_only=True):
    """A table of sums over ``source``, one row a ``key`` after merging; ``key`` is its order key.

    ``grain`` is the key's column of time, ``start_of`` the ClickHouse function that finds the
    start of a grain.
    """

    name: str
    source: str
    grain: str
    start_of: str
    key: tuple[str, ...]

    @property
    def select(self) -> str:
        """What the view that feeds the rollup selects from the raw table."""
        text = read_sql("views", f"{self.name}_mv")
        return text[text.index("\nSELECT") : text.rindex("\nCOMMENT ")].strip()

    @property
    def difference_query(self) -> str:
        """Asks where rollup and raw rows disagree from ``{since:DateTime64(6, 'UTC')}`` on.

        Its rows have ``operator_id``, the start of the grain as ``at``, a readable ``key`` and
        every summed column's difference as :func:`differences` names it.
        """
        return self.difference_query_of(self.name, self.source)

    def difference_query_of(self, table: str, source: str) -> str:
        """The same about ``table``, made like the rollup, and ``source``, made like its source."""
        return Template(read_sql("reconcile", "rollup")).substitute(
            rollup=table,
            grain=self.grain,
            keys=", ".join(self.key),
            labels=", ".join(f"toString({column})" for column in self.key[1:]),
            start=f"{self.start_of}({{since:DateTime64(6, 'UTC')}})",
            select=reading_from(self.select, self.source, source),
        )


ROLLUPS = {
    rollup.name: rollup
    for rollup in (
        Rollup(
            name="game_hourly",
            source="bets",
            grain="hour",
            start_of="toStartOfHour",
            key=("operator_id", "hour", "game_id", "bet_type", "is_bot", "stake_band"),
        ),
        Rollup(
            name="game_daily",
            source="bets",
            grain="day",
            start_of="toDate",
            key=("operator_id", "day", "game_id", "bet_type", "is_bot"),
        ),
        Rollup(
            name="operator_quarters",
            source="bets",
            grain="quarter",
            start_of="toStartOfFifteenMinutes",
            key=("operator_id", "quarter", "bet_type", "is_bot"),
        ),
        Rollup(
            name="player_daily",
            source="bets",
            grain="day",
            start_of="toDate",
            key=("operator_id", "user_id", "day", "is_bot", "bet_type"),
        ),
        Rollup(
            name="player_monthly",
            source="bets",
            grain="month",
            start_of="toStartOfMonth",
            key=("operator_id", "user_id", "month", "is_bot"),
        ),
        Rollup(
            name="transaction_quarters",
            source="transactions",
            grain="quarter",
            start_of="toStartOfFifteenMinutes",
            key=("operator_id", "quarter", "kind", "status", "method", "is_bot"),
        ),
    )
}


def reading_from(select: str, source: str, other: str) -> str:
    """``select`` with the table ``other``, or a subquery in brackets, in the place of ``source``.

    Raises ``ValueError`` unless ``source`` is read exactly once.
    """
    text, count = re.subn(rf"\bFROM {source}\b", f"FROM {other}", select)
    if count != 1:
        raise ValueError(f"a view reads {source} {count} times")
    return text


def differences(row: Mapping[str, Any]) -> dict[str, int]:
    """What a row of ``difference_query`` says: column → rollup minus raw, those that differ."""
    sums = {name.removeprefix("sum(").removesuffix(")"): row[name] for name in row}
    return {
        name: int(value)
        for name, value in sums.items()
        if name not in ("operator_id", "at", "key") and value
    }


def rollup_select(name: str) -> str:
    """The SELECT that feeds the rollup ``name``. Raises ``KeyError`` for a name that is none."""
    return ROLLUPS[name].select
