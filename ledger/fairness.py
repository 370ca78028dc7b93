"""Server seeds of the provably fair draw: made, hashed for the player, encrypted at rest."""

import hashlib
import hmac
import os
import secrets
from uuid import UUID

import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from uuid_utils.compat import uuid7

SEED_BYTES = 32
GCM_NONCE_BYTES = 12


class SealedSeed(msgspec.Struct, frozen=True):
    """A server seed as it is stored: its id, AES-256-GCM text (nonce first) and SHA-256."""

    seed_id: UUID
    encrypted_seed: bytes
    seed_hash: bytes


class SeedVault:
    """Makes and opens server seeds under a key derived from the deployment's secret key."""

    def __init__(self, secret_key: str) -> None:
        key = hmac.digest(secret_key.encode(), b"fairness-seed-encryption", "sha256")
        self._cipher = AESGCM(key)

    def new_seed(self) -> SealedSeed:
        """A fresh random seed; nobody can read it before it is revealed by rotation."""
        seed = secrets.token_bytes(SEED_BYTES)
        seed_id = uuid7()
        nonce = os.urandom(GCM_NONCE_BYTES)
        # Bound to its id, so that a stored seed cannot be swapped for another one's text.
        encrypted = nonce + self._cipher.encrypt(nonce, seed, seed_id.bytes)
        return SealedSeed(seed_id, encrypted, hashlib.sha256(seed).digest())

    def open_seed(self, seed_id: UUID, encrypted_seed: bytes) -> bytes:
        """The 32-byte seed. Raises ``cryptography.exceptions.InvalidTag`` if it was altered."""
        nonce, text = encrypted_seed[:GCM_NONCE_BYTES], encrypted_seed[GCM_NONCE_BYTES:]
        return self._cipher.decrypt(nonce, text, seed_id.bytes)
