"""Rows as CSV (RFC 4180), a part at a time; what a spreadsheet would run as a formula is text."""

import csv
import io
from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


async def csv_parts(
    columns: Sequence[str], batches: AsyncIterator[Sequence[msgspec.Struct]], currency: str
) -> AsyncIterator[bytes]:
    """The header, then each batch; every row ends with the currency of its amounts.

    An error of ``batches`` passes through: whoever sends the parts must not end them well.
    """
    yield encode_rows([[*columns, "currency"]])
    async for batch in batches:
        yield encode_rows(
            [[*(cell(getattr(row, name)) for name in columns), currency] for row in batch]
        )


def encode_rows(rows: Sequence[Sequence[Any]]) -> bytes:
    """Rows with CRLF line ends, quoted where needed, in UTF-8."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def cell(value: Any) -> Any:
    """A value as a cell: nothing for None, true or false, and texts that are no formulas.

    >>> cell("=1+1"), cell(-5), cell(None)
    ("'=1+1", -5, '')
    """
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case str() if value.startswith(FORMULA_STARTS):
            return f"'{value}"
        case _:
            return value
