"""Types of single fields that several schemas share."""

from datetime import UTC, datetime
from typing import Annotated

import msgspec
from litestar.params import PathParameter

Username = Annotated[
    str,
    msgspec.Meta(
        min_length=3,
        max_length=32,
        pattern=r"^[A-Za-z0-9_.-]+\Z",
        description="3 to 32 letters, digits, underscores, dots or hyphens",
        examples=["ada.l"],
    ),
]
Email = Annotated[
    str,
    msgspec.Meta(
        max_length=254,
        # One address without display name; whether it exists only a message to it could tell.
        pattern=r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@"
        r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
        r"(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)+\Z",
        description="An e-mail address; stored and compared in lower case",
        examples=["ada@example.org"],
    ),
]
Password = Annotated[
    str, msgspec.Meta(min_length=8, max_length=128, description="8 to 128 characters")
]
Slug = Annotated[
    str,
    msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]{1,31}\Z", description="2 to 32 of a-z, 0-9, hyphen"),
]
# Control characters have no place in names, and Postgres takes no NUL in any text.
PRINTABLE = r"^[^\x00-\x1f\x7f]+\Z"
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=100, pattern=PRINTABLE)]
Currency = Annotated[
    str, msgspec.Meta(pattern=r"^[A-Z]{3}\Z", description="ISO 4217", examples=["EUR"])
]
# Postgres keeps amounts in bigint; a JSON number stays exact in every client up to 2^53.
Amount = Annotated[int, msgspec.Meta(ge=1, le=10**15, description="Minor units of the currency")]
BasisPoints = Annotated[int, msgspec.Meta(ge=0, le=10_000, description="1/100 of a per cent")]

# Ids of the platform's own tables, in paths: beyond the column's type Postgres would not compare.
OperatorNumber = Annotated[int, PathParameter(ge=1, le=2**15 - 1, description="An operator's id")]
GameNumber = Annotated[int, PathParameter(ge=1, le=2**31 - 1, description="A game's id")]
AffiliateNumber = Annotated[int, PathParameter(ge=1, le=2**31 - 1, description="An affiliate's id")]


def rfc3339(moment: datetime) -> str:
    """A time in responses: UTC, microseconds, ``Z``."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
