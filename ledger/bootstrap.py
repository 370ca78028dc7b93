"""The first platform admin, who makes everything else through the API."""

import psycopg
from argon2 import PasswordHasher
from uuid_utils.compat import uuid7


def ensure_platform_admin(owner_url: str, login: str, password: str) -> None:
    """Create the platform admin, or set their password to this one; safe to run again.

    Runs as the database's owner, before the API is up. Raises ``psycopg.Error``.
    """
    password_hash = PasswordHasher().hash(password)
    with psycopg.connect(owner_url) as connection:
        known = connection.execute(
            "SELECT subject_id FROM login_name WHERE namespace = 0 AND login = lower(%s)", [login]
        ).fetchone()
        if known:
            connection.execute(
                "UPDATE staff SET password_hash = %s WHERE staff_id = %s",
                [password_hash, known[0]],
            )
            return
        staff_id = uuid7()
        connection.execute(
            "INSERT INTO staff (staff_id, username, password_hash) VALUES (%s, %s, %s)",
            [staff_id, login, password_hash],
        )
        connection.execute(
            "INSERT INTO login_name (namespace, login, subject_kind, subject_id) "
            "VALUES (0, lower(%s), 'platform_admin', %s)",
            [login, staff_id],
        )
        connection.execute(
            "INSERT INTO audit_log (actor_kind, action, target) "
            "VALUES ('system', 'platform_admin.created', %s)",
            [str(staff_id)],
        )
