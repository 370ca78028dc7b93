"""What each table of the warehouse is made of, so that it can be made again.

Rollups are made of a raw table's rows; raw tables and dimensions of the ledger's.
"""

from string import Template

import msgspec

from ledger.events import Topic
from warehouse.rollups import ROLLUPS, reading_from
from warehouse.sql_files import read_sql
from warehouse.time_ranges import EPOCH, HOUR, LAST, Grain, TimeRange

WHOLE = TimeRange(EPOCH, LAST)


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """How a table is fed.

    ``source`` is the raw table whose inserts reach it by ``select``; a table that the relay
    itself fills is its own source, and its past comes from the ledger. Rows of a range are those
    whose ``time`` in the table, or ``clock`` in the source, lies in it: a range is whole
    ``grain``s, the longest of a rollup. Dimensions have no time and no ranges.
    """

    name: str
    source: str
    select: str
    time: str = ""
    clock: str = ""
    grain: Grain | None = None

    @property
    def from_ledger(self) -> bool:
        """Whether the relay feeds it, so that its past is in the ledger and nowhere else."""
        return self.name == self.source

    @property
    def has_view(self) -> bool:
        """Whether a materialized view feeds it."""
        return not self.from_ledger

    def widened(self, asked: TimeRange) -> TimeRange:
        """The whole grains that the range touches. Raises ``ValueError`` for a dimension."""
        if self.grain is None:
            raise ValueError(f"{self.name} has no times: it is made again whole")
        return TimeRange(self.grain.floor(asked.start), self.grain.ceiling(asked.end))

    def table_text(self, name: str) -> str:
        """The statement that creates the table under another name."""
        text = read_sql("tables", self.name)
        return text.replace(f"EXISTS {self.name}", f"EXISTS {name}", 1)

    def fill_text(self, table: str, rows: str) -> str:
        """The statement that makes ``table`` from one piece of ``rows``, in one block."""
        piece = Template(read_sql("rebuild", "piece")).substitute(rows=rows, clock=self.clock)
        select = reading_from(self.select, self.source, f"({piece})")
        return f"INSERT INTO {table} {select}"


def _recipes() -> dict[str, Recipe]:
    made = [
        Recipe(name=topic.value, source=topic.value, select=f"SELECT * FROM {topic.value}")  # noqa: S608
        for topic in (Topic.OPERATORS, Topic.GAMES, Topic.PLAYERS)
    ]
    made += [
        Recipe(
            name=topic.value,
            source=topic.value,
            select=f"SELECT * FROM {topic.value}",  # noqa: S608
            time="created_at",
            clock="created_at",
            grain=HOUR,
        )
        for topic in (Topic.BETS, Topic.TRANSACTIONS)
    ]
    made += [
        Recipe(
            name=rollup.name,
            source=rollup.source,
            select=rollup.select,
            time=rollup.time,
            clock=rollup.clock,
            grain=rollup.longest,
        )
        for rollup in ROLLUPS.values()
    ]
    return {recipe.name: recipe for recipe in made}


RECIPES = _recipes()
"""By table, in an order in which each can be made from those before it and the ledger."""
