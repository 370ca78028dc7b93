"""What goes in and out of ``/auth``."""

from typing import Annotated, Literal
from uuid import UUID

import msgspec

from api.schemas.fields import PRINTABLE, Email, Password, Slug, Username
from api.tenancy import PrincipalKind, Transport

Login = Annotated[str, msgspec.Meta(min_length=1, max_length=254, pattern=PRINTABLE)]


class Registration(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A new player. Without ``operator`` the request's host tells whose player."""

    email: Email
    username: Username
    password: Password
    operator: Slug | None = None
    affiliate_code: (
        Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=PRINTABLE)] | None
    ) = None


class LoginForm(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """``login`` is a username or an e-mail address; platform admins log in without operator."""

    login: Login
    password: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    operator: Slug | None = None
    transport: Transport = "cookie"


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """A person who may log in. ``user_id`` is a player's or a staff member's id."""

    user_id: UUID
    role: PrincipalKind
    operator_id: int | None
    username: str
    email: str | None


class Registered(msgspec.Struct, frozen=True):
    """The answer to a registration."""

    user: Account


class LoggedIn(msgspec.Struct, frozen=True, omit_defaults=True):
    """``csrf_token`` for the cookie transport, ``token`` for the bearer transport."""

    user: Account
    csrf_token: str | None = None
    token: str | None = None


class SessionFacts(msgspec.Struct, frozen=True):
    """The session this request came with; ``elapsed_seconds`` counts from login."""

    transport: Transport
    started_at: str
    expires_at: str
    elapsed_seconds: int


class PlayerFacts(msgspec.Struct, frozen=True):
    """What only players have."""

    status: Literal["ACTIVE", "BLOCKED", "CLOSED"]
    currency: str
    vip_level: int
    is_bot: bool


class Me(msgspec.Struct, frozen=True):
    """Who is asking. ``player`` is null for staff, ``csrf_token`` for the bearer transport."""

    user: Account
    session: SessionFacts
    player: PlayerFacts | None
    csrf_token: str | None
