"""The analysts' library: named queries in ``dashboards/analyst``, each explained by its header.

A header is the comment a file begins with. Its first paragraph is the question; a line
``--   name = default: meaning`` under ``-- Parameters:`` declares a parameter. A default may be a
text, ``now``, or ``-30 days``: midnight UTC so many days ago. Without one a value must be given.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

FOLDER = Path(__file__).parent / "analyst"

_DECLARATION = re.compile(r"--   (\w+)(?: = (.+?))?: (.+)")
_DAYS_AGO = re.compile(r"-(\d+) days")


class UnknownQuery(Exception):
    """No query of the library has this name."""


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """A parameter as its query's header declares it; ``default`` as written there."""

    name: str
    default: str | None
    meaning: str


@dataclass(frozen=True, kw_only=True)
class LibraryQuery:
    """A query of the library: its question, its parameters and its text."""

    name: str
    question: str
    parameters: tuple[Parameter, ...]
    text: str

    def values(self, given: Mapping[str, str], now: datetime) -> dict[str, str]:
        """What is given, and the defaults of the rest as of ``now``."""
        defaults = {
            parameter.name: _value(parameter.default, now)
            for parameter in self.parameters
            if parameter.default is not None
        }
        return defaults | dict(given)


def library() -> list[LibraryQuery]:
    """Every query, by name."""
    return [_read(path) for path in sorted(FOLDER.glob("*.sql"))]


def library_query(name: str) -> LibraryQuery:
    """One query. Raises :class:`UnknownQuery`."""
    known = {query.name: query for query in library()}
    if name not in known:
        raise UnknownQuery(f"there is no query {name}; `pitboss sql --list` shows them all")
    return known[name]


def _read(path: Path) -> LibraryQuery:
    text = path.read_text()
    header = []
    for line in text.splitlines():
        if not line.startswith("--"):
            break
        header.append(line)
    question = []
    for line in header:
        if line == "--":
            break
        question.append(line.removeprefix("--").strip())
    declared = [match for line in header if (match := _DECLARATION.fullmatch(line))]
    return LibraryQuery(
        name=path.stem,
        question=" ".join(question),
        parameters=tuple(
            Parameter(name=match[1], default=match[2], meaning=match[3]) for match in declared
        ),
        text=text,
    )


def _value(default: str, now: datetime) -> str:
    moment = now.astimezone(UTC)
    if default == "now":
        return moment.strftime("%Y-%m-%d %H:%M:%S.%f")
    if days := _DAYS_AGO.fullmatch(default):
        midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
        return (midnight - timedelta(days=int(days[1]))).strftime("%Y-%m-%d %H:%M:%S")
    return default
