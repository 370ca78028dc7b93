"""Development credentials: generated once per data directory, kept in one private file."""

from __future__ import annotations

import base64
import fcntl
import os
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Self

import msgspec

from api.stack.directory import write_private
from api.stack.errors import StackError

DATABASE = "pitboss"


class Login(msgspec.Struct):
    """A login name and its password."""

    login: str
    password: str


class OperatorLogin(msgspec.Struct):
    """One operator and its first administrator."""

    operator_id: int
    slug: str
    admin: Login


class ClickHouse(msgspec.Struct):
    """The gateway's address, its writing user, and the analyst, whom the engine lets only read."""

    url: str
    user: str
    password: str
    analyst_user: str
    analyst_password: str
    database: str


class Address(msgspec.Struct):
    """A URL with user and password in it."""

    url: str


class Webhook(msgspec.Struct):
    """What a payment provider signs its webhooks with."""

    secret: str


class Bots(msgspec.Struct):
    """The password that every seeded bot shares."""

    password: str


class Credentials(msgspec.Struct):
    """The content of `credentials.json`. Addresses follow the ports of the latest start."""

    base_url: str
    secret_key: str
    clickhouse: ClickHouse
    postgres: Address
    redis: Address
    platform_admin: Login
    webhooks: dict[str, Webhook]
    bots: Bots
    operators: list[OperatorLogin] = []

    @classmethod
    def generate(cls) -> Self:
        """Fresh secrets for a new data directory; the addresses come with `use_ports`."""
        webhook_key = base64.b64encode(secrets.token_bytes(32)).decode()
        owner, cache = secrets.token_hex(24), secrets.token_hex(24)
        return cls(
            base_url="",
            secret_key=secrets.token_hex(32),
            clickhouse=ClickHouse(
                url="",
                user="platform",
                password=secrets.token_hex(24),
                analyst_user="analyst",
                analyst_password=secrets.token_urlsafe(18),
                database=DATABASE,
            ),
            postgres=Address(f"postgresql://pitboss:{owner}@127.0.0.1/{DATABASE}"),
            redis=Address(f"redis://:{cache}@127.0.0.1/0"),
            platform_admin=Login("admin", secrets.token_urlsafe(18)),
            webhooks={"mock": Webhook(f"whsec_{webhook_key}")},
            bots=Bots(secrets.token_urlsafe(18)),
        )

    def use_ports(self, ports: Mapping[str, int]) -> None:
        """Set every address from the ports of `api`, `gateway`, `postgres` and `redis`."""
        self.base_url = f"http://127.0.0.1:{ports['api']}"
        self.clickhouse.url = f"http://127.0.0.1:{ports['gateway']}"
        owner = f"pitboss:{password_in(self.postgres.url)}"
        self.postgres.url = f"postgresql://{owner}@127.0.0.1:{ports['postgres']}/{DATABASE}"
        cache = password_in(self.redis.url)
        self.redis.url = f"redis://:{cache}@127.0.0.1:{ports['redis']}/0"

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read the file. Raises `StackError` if there is none or it is not readable."""
        try:
            return msgspec.json.decode(path.read_bytes(), type=cls)
        except FileNotFoundError:
            raise StackError(
                f"no credentials at {path}; start the stack with `pitboss up`"
            ) from None
        except (OSError, msgspec.MsgspecError) as error:
            raise StackError(f"cannot read {path}: {error}") from None

    def save(self, path: Path) -> None:
        """Write the file, 0600, replacing it at once."""
        write_private(path, msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n")

    @classmethod
    def update(cls, path: Path, change: Callable[[Self], None]) -> Self:
        """Apply `change` to what the file holds now, one process at a time; returns the result."""
        descriptor = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            credentials = cls.load(path)
            change(credentials)
            credentials.save(path)
            return credentials
        finally:
            os.close(descriptor)


def password_in(url: str) -> str:
    """The password of a URL of ours (they are hex, so nothing is percent-encoded)."""
    return url.partition("://")[2].rpartition("@")[0].partition(":")[2]
