"""Jackpot pools: contributions, the must-hit-by trigger, one winner a cycle. Pure; RULES §5.

A pool counts 1/10,000 minor units (``*_e4``). The hit point H of a cycle is drawn when it opens,
kept encrypted, committed to by SHA-256(nonce ‖ H) and revealed after the hit.
"""

import hashlib
import hmac
import os
import secrets

import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

E4 = 10_000
NONCE_BYTES = 32
GCM_NONCE_BYTES = 12


class HitPoint(msgspec.Struct, frozen=True):
    """A cycle's secret: where the pool hits, in 1/10,000 minor units, and the salting nonce."""

    hit_e4: int
    nonce: bytes

    @property
    def commitment(self) -> bytes:
        """SHA-256 over the 32-byte nonce and H as 16 bytes, big-endian; published at the start."""
        return hashlib.sha256(self.nonce + self.hit_e4.to_bytes(16, "big")).digest()


class HitVault:
    """Seals and opens hit points under a key derived from the deployment's secret key."""

    def __init__(self, secret_key: str) -> None:
        key = hmac.digest(secret_key.encode(), b"jackpot-hit-encryption", "sha256")
        self._cipher = AESGCM(key)

    def seal(self, pool_id: int, cycle_no: int, point: HitPoint) -> bytes:
        """The secret as it is stored, bound to its pool and cycle."""
        gcm_nonce = os.urandom(GCM_NONCE_BYTES)
        text = point.nonce + point.hit_e4.to_bytes(16, "big")
        return gcm_nonce + self._cipher.encrypt(gcm_nonce, text, _bound(pool_id, cycle_no))

    def open_point(self, pool_id: int, cycle_no: int, sealed: bytes) -> HitPoint:
        """The secret. Raises ``cryptography.exceptions.InvalidTag`` if it is not this cycle's."""
        gcm_nonce, text = sealed[:GCM_NONCE_BYTES], sealed[GCM_NONCE_BYTES:]
        plain = self._cipher.decrypt(gcm_nonce, text, _bound(pool_id, cycle_no))
        return HitPoint(int.from_bytes(plain[NONCE_BYTES:], "big"), plain[:NONCE_BYTES])


def _bound(pool_id: int, cycle_no: int) -> bytes:
    return f"{pool_id}:{cycle_no}".encode()


class Pool(msgspec.Struct, frozen=True, kw_only=True):
    """A pool in one cycle; ``seed`` and ``cap`` in minor units."""

    pool_id: int
    name: str
    currency: str
    seed: int
    cap: int
    largest_contribution_e4: int
    amount_e4: int
    cycle_no: int
    hit_e4: int
    nonce: bytes


class Hit(msgspec.Struct, frozen=True, kw_only=True):
    """A jackpot won: ``amount`` in minor units is paid, ``carried_e4`` opens the next cycle."""

    pool_id: int
    cycle_no: int
    amount: int
    carried_e4: int


def draw_hit_point(seed: int, cap: int, largest_contribution_e4: int) -> HitPoint:
    """A fresh secret for a cycle: H uniform in (seed, cap - largest contribution], at random.

    Raises ``ValueError`` if the pool has no room between seed and cap.
    """
    room_e4 = (cap - seed) * E4 - largest_contribution_e4
    if room_e4 < 1:
        raise ValueError("cap - seed must exceed the largest possible contribution")
    hit_e4 = seed * E4 + 1 + secrets.randbelow(room_e4)
    return HitPoint(hit_e4, secrets.token_bytes(NONCE_BYTES))


def new_hit_point(pool: Pool) -> HitPoint:
    """The secret of the pool's next cycle."""
    return draw_hit_point(pool.seed, pool.cap, pool.largest_contribution_e4)


def contribute(pool: Pool, contribution_e4: int) -> tuple[Pool, Hit | None]:
    """The pool after a contribution, and the hit if this is the one that reaches H.

    A hit pays floor(pool). The pool keeps the fraction; the caller opens the next cycle on it.
    """
    grown = pool.amount_e4 + contribution_e4
    if grown < pool.hit_e4:
        return msgspec.structs.replace(pool, amount_e4=grown), None
    hit = Hit(
        pool_id=pool.pool_id,
        cycle_no=pool.cycle_no,
        amount=grown // E4,
        carried_e4=grown % E4,
    )
    return msgspec.structs.replace(pool, amount_e4=grown), hit


def next_cycle(pool: Pool, hit: Hit, point: HitPoint) -> Pool:
    """The pool's next cycle: its seed, funded by the platform, on top of the carried fraction."""
    return msgspec.structs.replace(
        pool,
        amount_e4=pool.seed * E4 + hit.carried_e4,
        cycle_no=pool.cycle_no + 1,
        hit_e4=point.hit_e4,
        nonce=point.nonce,
    )


def posted_contribution(before_e4: int, after_e4: int) -> int:
    """What a journal posts for a contribution: floor(after) - floor(before), minor units."""
    return after_e4 // E4 - before_e4 // E4
