"""The rollups: what each sums, by which key, and the SELECT that both its view and its check use.

A rollup is four things: ``sql/tables/<name>.sql``, ``sql/views/<name>_mv.sql`` that feeds it, its
entry here, and a migration.

All sums of bets are one rollup of several grains. Each view on a raw table costs every batch as
much as the batch itself, whatever the view sums and however few rows there are.
"""

import re
from collections.abc import Mapping
from string import Template
from typing import Any

import msgspec

from warehouse.sql_files import read_sql
from warehouse.time_ranges import DAY, HOUR, MONTH, QUARTER, Grain

_GRAIN_NAMES = re.compile(r"\['\w+'(?:, '\w+')*\]")


class Rollup(msgspec.Struct, frozen=True, kw_only=True):
    """A table of sums over ``source``, one row a ``key`` after merging; ``key`` is its order key.

    ``time`` is the key's column of time, the start of a grain by the source's ``clock``.
    ``grains`` has the lengths of time by what the key's column ``grain`` says, the longest last;
    a rollup of one grain has no such column and its name is ``""``.
    """

    name: str
    source: str
    clock: str
    time: str
    grains: dict[str, Grain]
    key: tuple[str, ...]

    @property
    def select(self) -> str:
        """What the view that feeds the rollup selects from the raw table."""
        return feeding_select(read_sql("views", f"{self.name}_mv"))

    @property
    def longest(self) -> Grain:
        """The grain that whole others make up: what is made again is made of these."""
        return list(self.grains.values())[-1]

    def select_of(self, grain: str) -> str:
        """What the view selects for one grain's rows alone."""
        if not grain:
            return self.select
        text, count = _GRAIN_NAMES.subn(f"['{grain}']", self.select)
        if count != 1:
            raise ValueError(f"the view of {self.name} names its grains {count} times")
        return text

    def difference_query(self, grain: str, table: str = "", source: str = "") -> str:
        """Asks where rows of a grain and raw rows disagree from ``{since:DateTime64(6, 'UTC')}``
        on, the start of such a grain.

        ``table`` is made like the rollup and ``source`` like its source; the two themselves are
        meant otherwise. The rows have ``operator_id``, the start of the grain as ``at``, a
        readable ``key`` and every summed column's difference as :func:`differences` names it.
        """
        since = "{since:DateTime64(6, 'UTC')}"
        raw = f"(SELECT * FROM {source or self.source} WHERE {self.clock} >= {since})"  # noqa: S608
        return Template(read_sql("reconcile", "rollup")).substitute(
            rollup=table or self.name,
            time=self.time,
            keys=", ".join(self.key),
            labels=", ".join(f"toString({column})" for column in self.key[1:]),
            since=f"toDateTime({since}, 'UTC')",
            of_grain=f"AND grain = '{grain}'" if grain else "",
            select=reading_from(self.select_of(grain), self.source, raw),
        )


ROLLUPS = {
    rollup.name: rollup
    for rollup in (
        Rollup(
            name="bet_rollups",
            source="bets",
            clock="created_at",
            time="start",
            grains={
                "operator_quarter": QUARTER,
                "game_hour": HOUR,
                "game_day": DAY,
                "player_day": DAY,
                "player_month": MONTH,
            },
            key=(
                "operator_id",
                "grain",
                "user_id",
                "start",
                "game_id",
                "bet_type",
                "is_bot",
                "stake_band",
            ),
        ),
        Rollup(
            name="transaction_quarters",
            source="transactions",
            clock="occurred_at",
            time="quarter",
            grains={"": QUARTER},
            key=("operator_id", "quarter", "kind", "status", "method", "is_bot"),
        ),
    )
}

GRAIN_VIEWS = (
    "game_daily",
    "game_hourly",
    "operator_quarters",
    "player_daily",
    "player_monthly",
)
"""Plain views that each show one grain of the bets' rollup, as a table of its own would be."""


def feeding_select(text: str) -> str:
    """The SELECT of a CREATE MATERIALIZED VIEW that ends with its comment."""
    return text[text.index("\nSELECT") : text.rindex("\nCOMMENT ")].strip()


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
