"""The stored form of JSON: raw deflate with a preset dictionary of text that resources share.

The first byte is the dictionary's number. Dictionaries are added and never changed or removed,
because stored items can only be read with the dictionary that they were written with.
"""

import zlib
from functools import cache
from importlib.resources import files

CURRENT = 1
# Negative for raw deflate: DynamoDB keeps lengths and checksums, so a header would be wasted.
_WINDOW_BITS = -15
# zlib's own choice of memory, 8, compresses no better and takes 60 µs instead of 10: malloc then
# gets it from the system anew each time, as pages to be cleared.
_LEVEL, _MEMORY = 6, 6
_SEPARATOR = b"\x00"


@cache
def _dictionary(number: int) -> bytes:
    return files(__package__).joinpath(f"dictionary-{number}.txt").read_bytes()


def pack(json: bytes, beside: bytes = b"") -> bytes:
    """Compress JSON, and optionally a second value that is stored with it."""
    packer = zlib.compressobj(
        _LEVEL, zlib.DEFLATED, _WINDOW_BITS, _MEMORY, zdict=_dictionary(CURRENT)
    )
    content = json + _SEPARATOR + beside if beside else json
    return bytes((CURRENT,)) + packer.compress(content) + packer.flush()


def unpack(packed: bytes) -> tuple[bytes, bytes]:
    """Return the JSON and the second value, which is empty if there is none."""
    unpacker = zlib.decompressobj(_WINDOW_BITS, zdict=_dictionary(packed[0]))
    json, _, beside = unpacker.decompress(packed[1:]).partition(_SEPARATOR)
    return json, beside
