"""ClickHouse's own compressed framing: `compress=1` on results, `decompress=1` on bodies.

A block is: CityHash128 of all that follows (16 bytes), method (1), size of the block from the
method on (4), size unpacked (4), data; integers little-endian
(https://clickhouse.com/docs/native-protocol/compression).
"""

from __future__ import annotations

import struct

import lz4.block
import zstandard
from clickhouse_cityhash.cityhash import CityHash128

from warehouse.gateway.errors import GatewayError

_NONE, _LZ4, _ZSTD = 0x02, 0x82, 0x90
_HEADER = struct.Struct("<BII")
_CHECKSUM = struct.Struct("<QQ")
# A server sends blocks of up to 1 MiB; what it accepts is bounded so that a header alone can't
# reserve memory.
BLOCK_BYTES = 1 << 20
_LARGEST_BYTES = 128 << 20
_HALF = (1 << 64) - 1


def _checksum(data: bytes) -> bytes:
    hashed = CityHash128(data)
    return _CHECKSUM.pack(hashed >> 64, hashed & _HALF)


def pack(data: bytes) -> bytes:
    """One block holding `data`, compressed with LZ4."""
    packed = lz4.block.compress(data, store_size=False)
    block = _HEADER.pack(_LZ4, len(packed) + _HEADER.size, len(data)) + packed
    return _checksum(block) + block


class NativeEncoder:
    """Cuts a body into blocks."""

    def __init__(self) -> None:
        self._pending = bytearray()

    def encode(self, data: bytes) -> bytes:
        self._pending += data
        blocks = bytearray()
        while len(self._pending) >= BLOCK_BYTES:
            blocks += pack(bytes(self._pending[:BLOCK_BYTES]))
            del self._pending[:BLOCK_BYTES]
        return bytes(blocks)

    def finish(self) -> bytes:
        rest, self._pending = bytes(self._pending), bytearray()
        return pack(rest) if rest else b""


class NativeDecoder:
    """Puts blocks back together, verifying each block's checksum unless told not to."""

    def __init__(self, *, verify: bool = True) -> None:
        self._buffer = bytearray()
        self._verify = verify

    def decode(self, data: bytes) -> list[bytes]:
        self._buffer += data
        pieces: list[bytes] = []
        while (size := self._block_size()) is not None:
            pieces.append(self._unpack(bytes(self._buffer[: _CHECKSUM.size + size])))
            del self._buffer[: _CHECKSUM.size + size]
        return pieces

    def finish(self) -> None:
        if self._buffer:
            raise GatewayError(
                "CANNOT_DECOMPRESS", "Cannot decompress: the last block is cut short"
            )

    def _block_size(self) -> int | None:
        """Size of the first block without its checksum, once all of it is there."""
        if len(self._buffer) < _CHECKSUM.size + _HEADER.size:
            return None
        _, size, unpacked = _HEADER.unpack_from(self._buffer, _CHECKSUM.size)
        if not _HEADER.size <= size <= _LARGEST_BYTES or unpacked > _LARGEST_BYTES:
            raise GatewayError("CANNOT_DECOMPRESS", f"Block of {size} and {unpacked} bytes")
        return size if len(self._buffer) >= _CHECKSUM.size + size else None

    def _unpack(self, block: bytes) -> bytes:
        checksum, packed = block[: _CHECKSUM.size], block[_CHECKSUM.size :]
        if self._verify and _checksum(packed) != checksum:
            raise GatewayError("CHECKSUM_DOESNT_MATCH", "Checksum doesn't match: corrupted data")
        method, _, size = _HEADER.unpack_from(packed)
        data = packed[_HEADER.size :]
        try:
            if method == _LZ4:
                return lz4.block.decompress(data, uncompressed_size=size)
            if method == _ZSTD:
                return zstandard.ZstdDecompressor().decompress(data, max_output_size=size)
        except (lz4.block.LZ4BlockError, zstandard.ZstdError) as error:
            raise GatewayError("CANNOT_DECOMPRESS", f"Cannot decompress: {error}") from None
        if method == _NONE:
            return data
        raise GatewayError("UNKNOWN_COMPRESSION_METHOD", f"Unknown codec 0x{method:02x}")
