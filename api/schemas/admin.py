"""What the platform's admins send and see of operators, their staff and their players."""

from typing import Annotated, Literal, Self
from uuid import UUID

import msgspec

from api.schemas.fields import Currency, Email, Name, Password, Slug, Username, rfc3339
from ledger.models import Operator

OperatorId = Annotated[int, msgspec.Meta(ge=1, le=32767)]
Host = Annotated[
    str,
    msgspec.Meta(
        max_length=253,
        pattern=r"^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?\Z",
        description="The host under which the operator's players reach the API",
        examples=["play.example.org"],
    ),
]
TimeZone = Annotated[
    str, msgspec.Meta(max_length=64, description="IANA name", examples=["Europe/Malta"])
]
Jurisdiction = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[A-Z]{2}(?:-[A-Z0-9]{1,3})?\Z", description="ISO 3166", examples=["MT"]
    ),
]
AffiliateCode = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


class OperatorForm(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """An operator as the platform declares it. The currency stands once it is created."""

    slug: Slug
    name: Name
    currency: Currency
    time_zone: TimeZone = "UTC"
    jurisdiction: Jurisdiction = "MT"
    bonus_policy: Literal["strict", "mixed", "custom"] = "strict"
    host: Host | None = None
    active: bool = True


class OperatorView(msgspec.Struct, frozen=True, kw_only=True):
    """An operator."""

    operator_id: int
    slug: str
    name: str
    currency: str
    time_zone: str
    jurisdiction: str
    bonus_policy: str
    bonus_policy_version: int
    host: str | None
    active: bool
    created_at: str

    @classmethod
    def of(cls, row: Operator) -> Self:
        """From the stored row."""
        names = [name for name in cls.__struct_fields__ if name != "created_at"]
        values = {name: getattr(row, name) for name in names}
        return cls(**values, created_at=rfc3339(row.created_at))


class StaffForm(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A new operator admin."""

    username: Username
    email: Email
    password: Password


class StaffView(msgspec.Struct, frozen=True, kw_only=True):
    """An operator admin."""

    staff_id: UUID
    operator_id: int
    username: str
    email: str
    created_at: str


class PlayerForm(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A player registered by the platform; bots are flagged in every report."""

    operator_id: OperatorId
    username: Username
    email: Email
    password: Password
    is_bot: bool = False
    affiliate_code: AffiliateCode | None = None


class NewPlayer(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """One player of a bulk registration."""

    username: Username
    email: Email
    affiliate_code: AffiliateCode | None = None


class BulkPlayersForm(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Many players with one password, which is hashed once: for bots and demonstrations."""

    operator_id: OperatorId
    password: Password
    players: Annotated[list[NewPlayer], msgspec.Meta(min_length=1, max_length=1000)]
    is_bot: bool = False


class PlayerView(msgspec.Struct, frozen=True, kw_only=True):
    """A registered player."""

    user_id: UUID
    operator_id: int
    username: str
    email: str
    is_bot: bool
    affiliate_id: int | None
    created_at: str


class BulkPlayersView(msgspec.Struct, frozen=True):
    """Who is new, and the usernames that were there already."""

    created: list[PlayerView]
    existing: list[str]
