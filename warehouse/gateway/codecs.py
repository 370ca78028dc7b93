"""HTTP content codings, one block or one stream at a time."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from typing import Any, Protocol

import brotli
import lz4.frame
import zstandard

from warehouse.gateway.errors import GatewayError

# Best trade of speed against size first; the client's own order carries no meaning in ClickHouse.
RESPONSE_CODINGS = ("zstd", "lz4", "br", "gzip", "deflate")
# Input is decoded in small pieces, so that a crafted body can't unfold into gigabytes at once:
# zstd makes up to 128 KiB of four bytes, the others up to 1,000 bytes of each.
_PIECE_BYTES = 4096
_ZSTD_PIECE_BYTES = 256
_BROTLI_LIMIT_BYTES = 1 << 20


class Encoder(Protocol):
    """Turns a body into its coded form."""

    def encode(self, data: bytes) -> bytes: ...

    def finish(self) -> bytes: ...


class Decoder(Protocol):
    """Turns a coded body back. `finish` raises GatewayError if the body was cut short."""

    def decode(self, data: bytes) -> Iterable[bytes]:
        """Parts of the body as they are asked for: whoever has enough can stop."""
        ...

    def finish(self) -> None: ...


class Identity:
    def encode(self, data: bytes) -> bytes:
        return data

    def finish(self) -> bytes:
        return b""


class _Deflate:
    def __init__(self, level: int, window_bits: int) -> None:
        self._stream = zlib.compressobj(level, wbits=window_bits)

    def encode(self, data: bytes) -> bytes:
        return self._stream.compress(data)

    def finish(self) -> bytes:
        return self._stream.flush()


class _Lz4:
    def __init__(self) -> None:
        self._stream = lz4.frame.LZ4FrameCompressor()
        self._begun = False

    def encode(self, data: bytes) -> bytes:
        head = b"" if self._begun else self._stream.begin()
        self._begun = True
        return head + self._stream.compress(data)

    def finish(self) -> bytes:
        head = b"" if self._begun else self._stream.begin()
        return head + self._stream.flush()


class _Zstd:
    def __init__(self, level: int) -> None:
        self._stream = zstandard.ZstdCompressor(level=level).compressobj()

    def encode(self, data: bytes) -> bytes:
        return self._stream.compress(data)

    def finish(self) -> bytes:
        return self._stream.flush()


class _Brotli:
    def __init__(self, level: int) -> None:
        self._stream = brotli.Compressor(quality=level)

    def encode(self, data: bytes) -> bytes:
        return self._stream.process(data)

    def finish(self) -> bytes:
        return self._stream.finish()


def encoder(coding: str, level: int) -> Encoder:
    """Encoder for a coding out of RESPONSE_CODINGS; `level` 1 to 9 as in zlib."""
    makers: dict[str, Callable[[], Encoder]] = {
        "gzip": lambda: _Deflate(level, 31),
        "deflate": lambda: _Deflate(level, 15),
        "lz4": _Lz4,
        "zstd": lambda: _Zstd(level),
        "br": lambda: _Brotli(level),
    }
    return makers[coding]()


def choose_coding(accept_encoding: str) -> str | None:
    """First of our codings that the header allows (a weight of 0 forbids)."""
    allowed = set()
    for item in accept_encoding.lower().split(","):
        name, *parameters = (part.strip() for part in item.split(";"))
        if not any(p.replace(" ", "") in ("q=0", "q=0.0", "q=0.000") for p in parameters):
            allowed.add(name)
    return next((coding for coding in RESPONSE_CODINGS if coding in allowed), None)


class _Frames:
    """Decodes a sequence of frames of a library whose stream objects end with each frame."""

    def __init__(self, make: Callable[[], Any], piece_bytes: int = _PIECE_BYTES) -> None:
        self._make = make
        self._piece_bytes = piece_bytes
        self._stream = make()
        self._begun = False

    def decode(self, data: bytes) -> Iterator[bytes]:
        for at in range(0, len(data), self._piece_bytes):
            rest = data[at : at + self._piece_bytes]
            while rest:
                if self._stream.eof:
                    self._stream = self._make()
                self._begun = True
                yield self._stream.decompress(rest)
                rest = self._stream.unused_data or b""

    def finish(self) -> None:
        if self._begun and not self._stream.eof:
            raise GatewayError("CANNOT_DECOMPRESS", "Cannot decompress: the body is cut short")


class _BrotliDecoder:
    def __init__(self) -> None:
        self._stream = brotli.Decompressor()

    def decode(self, data: bytes) -> Iterator[bytes]:
        while True:
            yield self._stream.process(data, output_buffer_limit=_BROTLI_LIMIT_BYTES)
            data = b""
            if self._stream.can_accept_more_data() or self._stream.is_finished():
                return

    def finish(self) -> None:
        if not self._stream.is_finished():
            raise GatewayError("CANNOT_DECOMPRESS", "Cannot decompress: the body is cut short")


_DECODERS: dict[str, Callable[[], Decoder]] = {
    "gzip": lambda: _Frames(lambda: zlib.decompressobj(31)),
    "deflate": lambda: _Frames(lambda: zlib.decompressobj(15)),
    "lz4": lambda: _Frames(lz4.frame.LZ4FrameDecompressor),
    "zstd": lambda: _Frames(
        lambda: zstandard.ZstdDecompressor().decompressobj(), _ZSTD_PIECE_BYTES
    ),
    "br": _BrotliDecoder,
}
_DECODING_ERRORS = (zlib.error, RuntimeError, zstandard.ZstdError, brotli.error, EOFError)


def decoder(coding: str) -> Decoder:
    """Raises GatewayError UNKNOWN_COMPRESSION_METHOD."""
    make = _DECODERS.get(coding.lower())
    if make is None:
        raise GatewayError(
            "UNKNOWN_COMPRESSION_METHOD",
            f"Unknown compression method {coding!r}; supported: {', '.join(_DECODERS)}",
        )
    return make()


async def decoded(body: AsyncIterator[bytes], decode: Decoder) -> AsyncIterator[bytes]:
    """`body` decoded; raises GatewayError CANNOT_DECOMPRESS if it is damaged or cut short."""
    try:
        async for chunk in body:
            for piece in decode.decode(chunk):
                if piece:
                    yield piece
    except _DECODING_ERRORS as error:
        raise GatewayError("CANNOT_DECOMPRESS", f"Cannot decompress: {error}") from None
    decode.finish()
