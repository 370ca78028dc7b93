"""Registration: a player, the names to log in with, a wallet and the first fairness seed."""

from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec
from uuid_utils.compat import uuid7

from ledger.database import Connection
from ledger.errors import Refusal
from ledger.fairness import SeedVault
from ledger.named_sql import named_queries

SQL = named_queries("players.sql")


class RegisteredPlayer(msgspec.Struct, frozen=True):
    """What registration made; times are UTC."""

    operator_id: int
    user_id: UUID
    username: str
    email: str
    is_bot: bool
    affiliate_id: int | None
    created_at: datetime


async def register_player(
    connection: Connection,
    *,
    operator_id: int,
    username: str,
    email: str,
    password_hash: str,
    is_bot: bool,
    affiliate_code: str | None,
    vault: SeedVault,
    registered_at: datetime | None = None,
) -> RegisteredPlayer:
    """Register a player inside the caller's transaction, as the authentication role.

    ``registered_at`` is for players of the past; None is now.

    Raises :class:`Refusal` ``login_taken`` if the username or the e-mail address is in use at
    this operator (by a player or by staff), ``unknown_affiliate`` for a code nobody has. After a
    refusal the caller's transaction must be rolled back.
    """
    affiliate_id = None
    if affiliate_code is not None:
        affiliate_id = await connection.fetchval(SQL["find_affiliate"], operator_id, affiliate_code)
        if affiliate_id is None:
            raise Refusal("unknown_affiliate", "No affiliate has this code.")
    user_id, seed = uuid7(), vault.new_seed()
    await claim_login_names(connection, operator_id, [username, email], "player", user_id)
    created_at: datetime = await connection.fetchval(  # pyright: ignore[reportAssignmentType]
        SQL["insert_user"],
        operator_id,
        user_id,
        username,
        email.lower(),
        password_hash,
        is_bot,
        affiliate_id,
        registered_at,
    )
    await connection.execute(
        SQL["insert_seed"],
        operator_id,
        user_id,
        seed.seed_id,
        seed.encrypted_seed,
        seed.seed_hash,
        created_at,
    )
    await connection.execute(SQL["insert_wallet"], operator_id, user_id, seed.seed_id)
    return RegisteredPlayer(
        operator_id, user_id, username, email.lower(), is_bot, affiliate_id, created_at
    )


async def claim_login_names(
    connection: Connection,
    namespace: int,
    logins: list[str],
    subject_kind: str,
    subject_id: UUID,
) -> None:
    """Take names in an operator's namespace (0 is the platform's), compared in lower case.

    Raises :class:`Refusal` ``login_taken``.
    """
    try:
        await connection.execute(
            SQL["insert_login_names"],
            namespace,
            sorted({login.lower() for login in logins}),
            subject_kind,
            subject_id,
        )
    except asyncpg.UniqueViolationError as error:
        raise Refusal("login_taken", "This username or e-mail address is in use.") from error
