"""Content codings and ClickHouse's native framing."""

import asyncio
from collections.abc import AsyncIterator, Callable

import brotli
import lz4.frame
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from warehouse.gateway import codecs, native
from warehouse.gateway.errors import GatewayError

CODINGS = codecs.RESPONSE_CODINGS
chunks = st.lists(st.binary(max_size=300_000), max_size=5)


def decode(decoder: codecs.Decoder, parts: list[bytes]) -> bytes:
    async def body() -> AsyncIterator[bytes]:
        for part in parts:
            yield part

    async def collect() -> bytes:
        return b"".join([piece async for piece in codecs.decoded(body(), decoder)])

    return asyncio.run(collect())


def encode(encoder: codecs.Encoder, parts: list[bytes]) -> bytes:
    return b"".join(encoder.encode(part) for part in parts) + encoder.finish()


def cut(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


@pytest.mark.parametrize("coding", CODINGS)
@given(parts=chunks, size=st.integers(1, 70_000))
def test_a_coded_body_comes_back_however_it_is_cut(
    coding: str, parts: list[bytes], size: int
) -> None:
    coded = encode(codecs.encoder(coding, 3), parts)
    assert decode(codecs.decoder(coding), cut(coded, size)) == b"".join(parts)


@pytest.mark.parametrize(
    ("coding", "compress"),
    [
        ("lz4", lz4.frame.compress),
        ("zstd", zstandard.ZstdCompressor().compress),
        ("gzip", lambda data: encode(codecs.encoder("gzip", 1), [data])),
    ],
)
def test_several_frames_in_one_body_are_one_stream(
    coding: str, compress: Callable[[bytes], bytes]
) -> None:
    frames = compress(b"first ") + compress(b"") + compress(b"second" * 50_000)
    assert decode(codecs.decoder(coding), cut(frames, 999)) == b"first " + b"second" * 50_000


@pytest.mark.parametrize("coding", CODINGS)
def test_a_body_cut_short_is_an_error(coding: str) -> None:
    coded = encode(codecs.encoder(coding, 3), [bytes(range(256)) * 100])
    with pytest.raises(GatewayError) as refused:
        decode(codecs.decoder(coding), [coded[: len(coded) // 2]])
    assert refused.value.name == "CANNOT_DECOMPRESS"


@pytest.mark.parametrize("coding", CODINGS)
def test_a_damaged_body_is_an_error(coding: str) -> None:
    with pytest.raises(GatewayError):
        decode(codecs.decoder(coding), [b"this was never compressed, not by any of these"])


def test_brotli_bomb_unfolds_piece_by_piece() -> None:
    bomb = brotli.compress(bytes(64 << 20), quality=2)
    decoder = codecs.decoder("br")
    assert max(len(piece) for piece in decoder.decode(bomb)) <= 4 << 20


@pytest.mark.parametrize(
    ("header", "chosen"),
    [
        ("", None),
        ("identity", None),
        ("gzip", "gzip"),
        ("lz4,zstd,br,gzip,deflate", "zstd"),
        ("lz4, zstd;q=0, gzip;q=0.5", "lz4"),
        ("compress, x-unknown", None),
    ],
)
def test_chooses_a_coding_the_client_reads(header: str, chosen: str | None) -> None:
    assert codecs.choose_coding(header) == chosen


@given(parts=chunks, size=st.integers(1, 70_000))
def test_native_blocks_come_back_however_they_are_cut(parts: list[bytes], size: int) -> None:
    coded = encode(native.NativeEncoder(), parts)
    assert decode(native.NativeDecoder(), cut(coded, size)) == b"".join(parts)


def test_native_block_with_a_flipped_bit_is_refused() -> None:
    block = bytearray(native.pack(b"all is well " * 10))
    block[-1] ^= 1
    with pytest.raises(GatewayError) as refused:
        decode(native.NativeDecoder(), [bytes(block)])
    assert refused.value.name == "CHECKSUM_DOESNT_MATCH"


def test_native_block_cut_short_or_absurdly_large_is_refused() -> None:
    block = native.pack(b"all is well")
    with pytest.raises(GatewayError):
        decode(native.NativeDecoder(), [block[:-1]])
    huge = block[:17] + b"\xff\xff\xff\x7f" + block[21:]
    with pytest.raises(GatewayError):
        decode(native.NativeDecoder(), [huge])
