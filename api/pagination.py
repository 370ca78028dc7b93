"""Keyset pages: ``{items, next_cursor}`` with an opaque cursor that names the last row shown.

A cursor is the base64url of the JSON list of the last row's sort key. It carries nothing that the
client could not see, is never trusted (its parts are converted to the sort key's types) and, being
a key and not an offset, neither skips nor repeats rows while others are inserted.
"""

import base64
import binascii
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Any, Generic, TypeVar

import msgspec
from litestar.params import QueryParameter

from api.problems import Problem
from warehouse.time_ranges import EPOCH, LAST

T = TypeVar("T")
Row = TypeVar("Row")

DEFAULT_LIMIT = 50
MAX_LIMIT = 500

Limit = Annotated[
    int, QueryParameter(ge=1, le=MAX_LIMIT, description="Rows in a page, at most 500")
]
"""Annotation for a handler's ``limit`` query parameter; give it ``= DEFAULT_LIMIT``."""

Cursor = Annotated[
    str | None,
    QueryParameter(max_length=500, description="next_cursor of the previous page"),
]
"""Annotation for a handler's ``cursor`` query parameter; give it ``= None``."""


class Page(msgspec.Struct, Generic[T], frozen=True):
    """One page of a list; ``next_cursor`` is null on the last one."""

    items: list[T]
    next_cursor: str | None = None


def encode_cursor(*key: Any) -> str:
    """The cursor after the row with this sort key; parts may be anything msgspec writes as JSON."""
    return base64.urlsafe_b64encode(msgspec.json.encode(key)).rstrip(b"=").decode()


def decode_cursor(cursor: str | None, *types: Any) -> tuple[Any, ...] | None:
    """The sort key in ``cursor``, its parts as ``types``; None for the first page.

    Raises ``Problem`` ``invalid_cursor`` when it is not one that ``encode_cursor`` made for these
    types. Times must be of the years that the stores can compare; give numbers their bounds.
    """
    if cursor is None:
        return None
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        key = msgspec.json.decode(text, type=tuple[types])  # type: ignore[valid-type]
    except (ValueError, binascii.Error) as error:  # msgspec's errors are ValueErrors
        raise _not_of_this_list() from error
    moments = [part for part in key if isinstance(part, datetime)]
    if not all(moment.tzinfo is not None and EPOCH <= moment <= LAST for moment in moments):
        raise _not_of_this_list()
    return key


def _not_of_this_list() -> Problem:
    return Problem("invalid_cursor", "The cursor is not one of this list.")


def make_page(
    rows: Sequence[Row],
    limit: int,
    *,
    key: Callable[[Row], tuple[Any, ...]],
    item: Callable[[Row], T],
) -> Page[T]:
    """A page from up to ``limit + 1`` rows; one too many tells that another page follows."""
    shown = rows[:limit]
    more = len(rows) > limit
    return Page(
        items=[item(row) for row in shown],
        next_cursor=encode_cursor(*key(shown[-1])) if more and shown else None,
    )
