"""The ``Idempotency-Key`` of money commands: required, bounded, with a fingerprint of the body."""

import hashlib
from typing import Annotated

import msgspec
from litestar.params import HeaderParameter

from api.problems import Problem

MAX_KEY_LENGTH = 255

IdempotencyKey = Annotated[
    str | None,
    HeaderParameter(
        name="Idempotency-Key",
        description="Required. The same key with the same body is one effect, for good.",
    ),
]
"""Annotation for a handler's ``idempotency_key`` parameter; give it ``= None``."""


def required_key(key: str | None) -> str:
    """The key, checked. Raises ``Problem`` ``idempotency_key_missing`` or ``…_invalid``."""
    if not key:
        raise Problem("idempotency_key_missing", "Send an Idempotency-Key header.")
    if len(key) > MAX_KEY_LENGTH or not (key.isascii() and key.isprintable()):
        raise Problem(
            "idempotency_key_invalid",
            f"An Idempotency-Key is 1 to {MAX_KEY_LENGTH} printable ASCII characters.",
        )
    return key


def fingerprint(body: msgspec.Struct) -> bytes:
    """16 bytes of SHA-256 over the parsed body, so spacing and field order do not count."""
    return hashlib.sha256(msgspec.msgpack.encode(body)).digest()[:16]
