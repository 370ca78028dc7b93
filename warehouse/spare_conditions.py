"""Takes out of an endpoint query what its parameters make idle.

The engine analyses a condition before it looks at any row, and for the few rows that most queries
read, a limit that limits nothing or a range that is empty costs more than all of them.
"""

import re
from collections.abc import Mapping
from typing import Any

_LIMIT = re.compile(r"^\s*AND \(\{(\w+):\w+\} = (?:'(\w*)'|(\d+)) OR .*\)$\n?", re.MULTILINE)
"""``AND ({parameter:Type} = neutral OR …)`` on a line of its own."""

_BLOCK = re.compile(
    r"^( *)AND \(\n\s*\{(\w+):\w+\} = (?:'(\w*)'|(\d+))\n\s*OR (?:.*\n)*?\1\)$\n?", re.MULTILINE
)
"""The same on several lines, up to the closing parenthesis below ``AND``."""

_RANGE = r"\(\s*(\w+ >= .*\{(\w+):.*)\n\s*(AND \w+ < .*\{(\w+):.*)\n\s*\)"
"""``( column >= …{from:Type}… AND column < …{to:Type}… )``, a condition a line."""

_RANGES = re.compile(rf"AND \(\s*{_RANGE}(?: OR {_RANGE})+\s*\)")


def without_spare_conditions(text: str, parameters: Mapping[str, Any]) -> str:
    """The same query without limits whose parameters are neutral and without empty ranges.

    Only what is written as above is known; everything else stays. If all ranges are empty one is
    left, so the query finds nothing still.
    """

    def limit(found: re.Match[str]) -> str:
        name, text, number = found.groups()[-3:]
        neutral = number if text is None else text
        value = parameters.get(name)
        return "" if value is not None and _plain(value) == neutral else found[0]

    def ranges(found: re.Match[str]) -> str:
        every = list(re.finditer(_RANGE, found[0]))
        wanted = [one for one in every if parameters[one[2]] < parameters[one[4]]] or every[:1]
        if len(wanted) == 1:
            return f"AND {wanted[0][1]}\n    {wanted[0][3]}"
        return f"AND ({' OR '.join(one[0] for one in wanted)})"

    return _RANGES.sub(ranges, _BLOCK.sub(limit, _LIMIT.sub(limit, text)))


def _plain(value: Any) -> str:
    return str(int(value)) if isinstance(value, bool) else str(value)
