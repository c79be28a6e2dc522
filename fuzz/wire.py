"""Protobuf's wire format, written by hand: so that what is sent can also be what no library would write."""

import random
import struct
from typing import Final

VARINT, FIXED64, BYTES, GROUP, END_GROUP, FIXED32 = range(6)
MASK: Final = (1 << 64) - 1
WILD: Final = (b"\x00", b"\xff", b"\x80" * 11, b"\x0a\xff\xff\xff\xff\x0f", b"\xc0\xaf", b"\xed\xa0\x80", b"\x0b" * 120)
"""Bytes that parsers have stumbled over: endless varints, lengths past the end, overlong UTF-8, surrogates, groups."""


def varint(value: int) -> bytes:
    """A number of up to 64 bits; a negative one as its two's complement."""
    value &= MASK
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def field(number: int, kind: int, payload: bytes) -> bytes:
    """One field with its tag; a payload of bytes gets its length."""
    tag = varint(number << 3 | kind)
    return tag + varint(len(payload)) + payload if kind == BYTES else tag + payload


def double(value: float) -> bytes:
    return struct.pack("<d", value)


def single(value: float) -> bytes:
    """A float that is too large for 32 bits is written as infinity."""
    try:
        return struct.pack("<f", value)
    except OverflowError:
        return struct.pack("<f", float("inf"))


def mutated(rng: random.Random, data: bytes) -> bytes:
    """The message with one to four wounds."""
    for _ in range(rng.randint(1, 4)):
        data = _wounded(rng, data)
    return data


def _wounded(rng: random.Random, data: bytes) -> bytes:
    start, end = sorted((rng.randint(0, len(data)), rng.randint(0, len(data))))
    before, middle, after = data[:start], data[start:end], data[end:]
    return rng.choice(
        (
            before + rng.choice(WILD) + middle + after,
            before + after,
            before + middle + middle + after,
            before,
            before + rng.randbytes(len(middle)) + after,
            before + bytes(each ^ 1 << rng.randrange(8) for each in middle[:1]) + middle[1:] + after,
            data + field(rng.choice((1, 2, 15, 99, 536_870_911)), rng.randrange(6), rng.randbytes(4)),
        )
    )
