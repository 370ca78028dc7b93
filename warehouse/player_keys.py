"""Players as 16 bytes, which arrays hold and sort as the engine sorts UUIDs: by their second half
first."""

from uuid import UUID


def player_bytes(player_id: UUID) -> bytes:
    """A player as arrays have it."""
    return player_id.bytes[8:] + player_id.bytes[:8]


def player_of(key: bytes) -> UUID:
    """The player behind 16 bytes, whose zeros at the end numpy cuts off."""
    whole = key.ljust(16, b"\0")
    return UUID(bytes=whole[8:] + whole[:8])
