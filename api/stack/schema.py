"""Migrates a starting stack and makes sure of its platform admin: a process of its own.

Alembic and two drivers are only needed for a moment; the supervisor stays small without them.
"""

from __future__ import annotations

import json
import sys

from api.migrate import migrate
from api.stack.credentials import Credentials
from api.stack.directory import DataDirectory
from api.stack.parts import settings_of
from ledger.bootstrap import ensure_platform_admin


def main(root: str) -> None:
    """Bring the running stores of the data directory `root` up to date."""
    directory = DataDirectory.at(root)
    credentials = Credentials.load(directory.credentials)
    migrate(settings_of(credentials, json.loads(directory.ports.read_text())))
    admin = credentials.platform_admin
    ensure_platform_admin(credentials.postgres.url, admin.login, admin.password)


if __name__ == "__main__":
    main(sys.argv[1])
