"""The gateway's two users and how a request says which one it is.

Credentials come, as with ClickHouse, by HTTP Basic, by X-ClickHouse-User and -Key, or by the
`user` and `password` parameters; at most one of these ways in a request.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from warehouse.gateway.errors import GatewayError


class Role(Enum):
    WRITER = "writer"
    ANALYST = "analyst"


@dataclass(frozen=True, slots=True)
class User:
    name: str
    password: str
    role: Role


@dataclass(frozen=True, slots=True)
class Users:
    """Content of the users file: `{database, writer: {user, password}, analyst: {…}}`."""

    database: str
    by_name: Mapping[str, User]

    @classmethod
    def load(cls, path: Path) -> Users:
        """Raises ValueError, saying what is wrong with the file."""
        try:
            content = json.loads(path.read_text())
            users = [
                User(content[role.value]["user"], content[role.value]["password"], role)
                for role in Role
            ]
            database = content["database"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ValueError(f"users file {path}: {type(error).__name__}: {error}") from error
        texts = [database, *(text for user in users for text in (user.name, user.password))]
        if not all(isinstance(text, str) and text for text in texts):
            raise ValueError(f"users file {path}: names, passwords and database must be texts")
        if users[0].name == users[1].name:
            raise ValueError(f"users file {path}: writer and analyst must differ")
        return cls(database, {user.name: user for user in users})

    def authenticate(self, name: str, password: str) -> User:
        """The user, if name and password are right; takes the same time if either is wrong."""
        user = self.by_name.get(name)
        expected = user.password if user else ""
        right = hmac.compare_digest(expected.encode(), password.encode("utf-8", "surrogateescape"))
        if user is None or not right:
            # The wording is ClickHouse's, and tells a guesser nothing.
            raise GatewayError(
                "AUTHENTICATION_FAILED",
                f"{name}: Authentication failed: password is incorrect, or there is no user with"
                " such name.",
            )
        return user


def credentials(headers: Mapping[str, str], params: Mapping[str, str]) -> tuple[str, str]:
    """Name and password from a request; `default` and an empty password if it has none.

    Raises GatewayError AUTHENTICATION_FAILED for two ways at once or an unreadable header.
    """
    found: list[tuple[str, str]] = []
    if "Authorization" in headers:
        found.append(_basic(headers["Authorization"]))
    if "X-ClickHouse-User" in headers or "X-ClickHouse-Key" in headers:
        name = headers.get("X-ClickHouse-User", "default")
        found.append((name, headers.get("X-ClickHouse-Key", "")))
    if "user" in params or "password" in params:
        found.append((params.get("user", "default"), params.get("password", "")))
    if len(found) > 1:
        raise GatewayError(
            "AUTHENTICATION_FAILED",
            "Invalid authentication: it is not allowed to give credentials in more than one of"
            " the Authorization header, X-ClickHouse-User and -Key, and URL parameters",
        )
    return found[0] if found else ("default", "")


def _basic(header: str) -> tuple[str, str]:
    scheme, _, encoded = header.partition(" ")
    try:
        if scheme.lower() != "basic":
            raise ValueError("scheme")
        text = base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, ValueError):
        raise GatewayError(
            "AUTHENTICATION_FAILED", "Invalid authentication: only Basic is supported"
        ) from None
    name, _, password = text.partition(":")
    return name, password
